"""Convolutions, dense layers and pools of a TFLite file, as operators: just enough to test them."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.operator import Operator
from gatecast.quantization import Quantization

ACTIVATION = {0: "none", 1: "relu", 2: "relu_n1_to_1", 3: "relu6"}
TYPES = {2: np.int32, 9: np.int8}


class Table:
    """One FlatBuffers table; fields by their number in the schema."""

    def __init__(self, data: bytes, at: int) -> None:
        self.data, self.at = data, at

    def _number(self, kind: str, at: int) -> Any:
        return struct.unpack_from("<" + kind, self.data, at)[0]

    def _field(self, index: int) -> int | None:
        table = self.at - self._number("i", self.at)
        if 4 + 2 * index >= self._number("H", table):
            return None
        offset = self._number("H", table + 4 + 2 * index)
        return self.at + offset if offset else None

    def value(self, index: int, kind: str = "i", default: int = 0) -> int:
        at = self._field(index)
        return default if at is None else int(self._number(kind, at))

    def _target(self, index: int) -> int | None:
        at = self._field(index)
        return None if at is None else at + int(self._number("I", at))

    def table(self, index: int) -> Table:
        at = self._target(index)
        assert at is not None
        return Table(self.data, at)

    def tables(self, index: int) -> list[Table]:
        start = self._target(index)
        assert start is not None
        slots = [start + 4 + 4 * i for i in range(self._number("I", start))]
        return [Table(self.data, slot + self._number("I", slot)) for slot in slots]

    def array(self, index: int, dtype: Any) -> Any:
        start = self._target(index)
        if start is None:
            return np.zeros(0, dtype)
        count = self._number("I", start)
        return np.frombuffer(self.data, dtype, count, start + 4)


def layers(path: Path) -> Iterator[tuple[Operator, int, int, tuple[int, ...]]]:
    """Operator, index of the input tensor, index of the output tensor and shape of the input, in order."""
    data = path.read_bytes()
    model = Table(data, struct.unpack_from("<I", data)[0])
    codes = [max(code.value(0, "b"), code.value(3)) for code in model.tables(1)]
    graph, buffers = model.tables(2)[0], model.tables(4)
    tensors = graph.tables(0)

    def scales(index: int) -> Any:
        return tensors[index].table(4).array(2, np.float32).astype(np.float64)

    def quantization(index: int) -> Quantization:
        zero_point = int(tensors[index].table(4).array(3, np.int64)[0])
        return Quantization(scale=float(scales(index)[0]), zero_point=zero_point)

    def constant(index: int) -> Any:
        tensor = tensors[index]
        raw = buffers[tensor.value(2, "I")].array(0, np.uint8)
        return raw.view(TYPES[tensor.value(1, "b")]).reshape(tensor.array(0, np.int32))

    def padding(same: bool, shape: Any, kernel: tuple[int, int], stride: tuple[int, int]) -> tuple[int, ...]:
        totals = [max((-(-size // s) - 1) * s + k - size, 0) if same else 0
                  for size, k, s in zip(shape[1:3].tolist(), kernel, stride, strict=True)]
        return totals[0] // 2, totals[1] // 2, totals[0] - totals[0] // 2, totals[1] - totals[1] // 2

    for op in graph.tables(3):
        code, inputs, output = codes[op.value(0, "I")], op.array(1, np.int32), int(op.array(2, np.int32)[0])
        shape = tensors[inputs[0]].array(0, np.int32)
        operator: Operator
        if code == 3:
            options, weights = op.table(4), constant(inputs[1])
            stride = (options.value(2), options.value(1))
            operator = Conv2d(
                weights=weights, bias=constant(inputs[2]), input=quantization(inputs[0]),
                output=quantization(output), weight_scales=scales(inputs[1]),
                activation=ACTIVATION[options.value(3, "b")], stride=stride,
                padding=padding(options.value(0, "b") == 0, shape, weights.shape[1:3], stride))
        elif code == 9:
            operator = Dense(
                weights=constant(inputs[1]), bias=constant(inputs[2]), input=quantization(inputs[0]),
                output=quantization(output), weight_scales=scales(inputs[1]),
                activation=ACTIVATION[op.table(4).value(0, "b")])
        elif code in (1, 17):
            options = op.table(4)
            stride, kernel = (options.value(2), options.value(1)), (options.value(4), options.value(3))
            operator = (AvgPool if code == 1 else MaxPool)(
                kernel=kernel, stride=stride, quantization=quantization(output),
                padding=padding(options.value(0, "b") == 0, shape, kernel, stride),
                activation=ACTIVATION[options.value(5, "b")])
        else:
            continue
        yield operator, int(inputs[0]), output, tuple(int(size) for size in shape)
