"""A verified TFLite file as plain values: tensors, operators and their options, nothing interpreted yet."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import tflite

from ..refusals import printable
from .schema import OPTIONS, SCHEMA, Numbers
from .verifier import Damaged, verify

__all__ = ["FileOperator", "FileTensor", "ModelFile", "parse"]


@dataclass(frozen=True, kw_only=True, eq=False)
class FileTensor:
    """One tensor as the file tells it; ``buffer`` is the index of its data, 0 for none."""

    index: int
    shape: tuple[int, ...]
    signature: tuple[int, ...]
    type: str
    buffer: int
    scales: npt.NDArray[np.float32]
    zero_points: npt.NDArray[np.int64]
    axis: int
    custom_quantization: bool
    variable: bool
    sparse: bool

    def __str__(self) -> str:
        return f"tensor {self.index}"


@dataclass(frozen=True, kw_only=True)
class FileOperator:
    """One operator: its name in capitals, tensor indices (-1 for none) and the fields of its options."""

    index: int
    name: str
    custom: bool = False
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    table: str = ""
    options: Mapping[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return f"operator {self.index} ({self.name})"


@dataclass(frozen=True, kw_only=True)
class ModelFile:
    """The first subgraph of a model; ``buffers`` are views of the file, ``external`` those outside it."""

    subgraphs: int
    tensors: tuple[FileTensor, ...]
    operators: tuple[FileOperator, ...]
    inputs: tuple[int, ...]
    outputs: tuple[int, ...]
    buffers: tuple[memoryview, ...]
    external: frozenset[int]


def parse(data: bytes) -> ModelFile:
    """The values in ``data``; :class:`Damaged` where the file is none or its parts do not belong together."""
    verify(data)
    model = tflite.Model.GetRootAs(data)
    if model.Version() != 3:
        raise Damaged(f"it has version {model.Version()} of the schema instead of 3")
    if not model.SubgraphsLength():
        raise Damaged("it holds no subgraph")
    graph = model.Subgraphs(0)
    codes = [_operator_name(model.OperatorCodes(i)) for i in range(model.OperatorCodesLength())]
    buffers = [model.Buffers(i) for i in range(model.BuffersLength())]
    return ModelFile(
        subgraphs=model.SubgraphsLength(),
        tensors=tuple(_tensor(i, graph.Tensors(i), len(buffers)) for i in range(graph.TensorsLength())),
        operators=tuple(_operator(i, graph.Operators(i), codes) for i in range(graph.OperatorsLength())),
        inputs=_numbers(graph.InputsAsNumpy()),
        outputs=_numbers(graph.OutputsAsNumpy()),
        buffers=tuple(memoryview(_array(buffer.DataAsNumpy(), np.uint8)) for buffer in buffers),
        # 0 and 1 both mean that the data is in the file.
        external=frozenset(i for i, buffer in enumerate(buffers) if buffer.Offset() > 1))


@cache
def _names(enumeration: type) -> Mapping[int, str]:
    """The names of the values of a generated enumeration."""
    return {value: name for name, value in vars(enumeration).items() if isinstance(value, int)}


def _array(vector: Any, dtype: type[np.generic]) -> Any:
    """A vector as the generated classes give it, which for a missing one is the number 0."""
    return vector if isinstance(vector, np.ndarray) else np.zeros(0, dtype)


def _numbers(vector: Any) -> tuple[int, ...]:
    return tuple(_array(vector, np.int32).tolist())


def _operator_name(code: Any) -> tuple[str, bool]:
    """Name of an operator and whether it is a custom one; old files hold the number in the first field."""
    number = max(code.DeprecatedBuiltinCode(), code.BuiltinCode())
    name = _names(tflite.BuiltinOperator).get(number, f"number {number}")
    if name == "CUSTOM":
        return f"custom '{printable((code.CustomCode() or b'').decode('latin-1'))}'", True
    return name, False


def _tensor(index: int, tensor: Any, buffers: int) -> FileTensor:
    if tensor.Buffer() >= buffers:
        raise Damaged(f"tensor {index} has the buffer {tensor.Buffer()} of {buffers}")
    quantization = tensor.Quantization()
    type_ = tensor.Type()
    return FileTensor(
        index=index,
        shape=_numbers(tensor.ShapeAsNumpy()),
        signature=_numbers(tensor.ShapeSignatureAsNumpy()),
        type=_names(tflite.TensorType).get(type_, f"type {type_}"),
        buffer=tensor.Buffer(),
        scales=_array(quantization.ScaleAsNumpy() if quantization else 0, np.float32),
        zero_points=_array(quantization.ZeroPointAsNumpy() if quantization else 0, np.int64),
        axis=quantization.QuantizedDimension() if quantization else 0,
        custom_quantization=bool(quantization and quantization.DetailsType()),
        variable=bool(tensor.IsVariable()),
        sparse=tensor.Sparsity() is not None)


def _operator(index: int, operator: Any, codes: list[tuple[str, bool]]) -> FileOperator:
    if operator.OpcodeIndex() >= len(codes):
        raise Damaged(f"operator {index} has the code {operator.OpcodeIndex()} of {len(codes)}")
    name, custom = codes[operator.OpcodeIndex()]
    table, options = _options(operator)
    inputs, outputs = _numbers(operator.InputsAsNumpy()), _numbers(operator.OutputsAsNumpy())
    return FileOperator(index=index, name=name, custom=custom, inputs=inputs, outputs=outputs, table=table,
                        options=options)


def _options(operator: Any) -> tuple[str, Mapping[str, Any]]:
    """Name and fields of the options; no fields where they are none that are read."""
    number = operator.BuiltinOptionsType()
    if number not in OPTIONS:
        return _names(tflite.BuiltinOptions).get(number, f"options {number}") if number else "", {}
    name, place = OPTIONS[number], operator.BuiltinOptions()
    if place is None:
        return "", {}
    table = getattr(tflite, name)()
    table.Init(place.Bytes, place.Pos)
    options: dict[str, Any] = {}
    for key, (_, kind) in SCHEMA[name].items():
        accessor = "".join(word.capitalize() for word in key.split("_"))
        if isinstance(kind, Numbers):
            options[key] = _numbers(getattr(table, f"{accessor}AsNumpy")())
        else:
            options[key] = getattr(table, accessor)()
    return name, options
