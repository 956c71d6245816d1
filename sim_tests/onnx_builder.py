"""ONNX models made in tests: quantized networks of a few nodes, in QDQ and in QOperator form."""

from __future__ import annotations

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

DTYPES = {np.dtype(np.float32): TensorProto.FLOAT, np.dtype(np.int8): TensorProto.INT8,
          np.dtype(np.uint8): TensorProto.UINT8}
MICROSOFT = "com.microsoft"


class OnnxBuilder:
    """Nodes and constants of one graph; names of values are given out in order."""

    def __init__(self, seed=0, *, opset: int = 17) -> None:
        self.rng = np.random.default_rng(seed)
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray] = {}
        self._count = 0

    def name(self, kind: str = "v") -> str:
        self._count += 1
        return f"{kind}_{self._count}"

    def constant(self, array, dtype=None) -> str:
        name = self.name("c")
        self.constants[name] = np.asarray(array, dtype)
        return name

    def node(self, operator: str, *inputs: str, domain: str = "", outputs: int = 1, **attributes):
        names = [self.name() for _ in range(outputs)]
        self.nodes.append(helper.make_node(operator, list(inputs), names, domain=domain,
                                           name=f"n{len(self.nodes)}", **attributes))
        return names[0] if outputs == 1 else names

    def meaning(self, scale=None, zero=None, *, unsigned: bool = False) -> tuple[str, str]:
        """Names of a scale and a zero point, drawn where they are not given."""
        scale = 2.0 ** self.rng.uniform(-7, -3) if scale is None else scale
        dtype = np.uint8 if unsigned else np.int8
        limits = np.iinfo(dtype)
        zero = self.rng.integers(limits.min, limits.max + 1) if zero is None else zero
        return self.constant(scale, np.float32), self.constant(zero, dtype)

    def quantize(self, value: str, meaning: tuple[str, str]) -> str:
        return self.node("QuantizeLinear", value, *meaning)

    def dequantize(self, value: str, meaning: tuple[str, str]) -> str:
        return self.node("DequantizeLinear", value, *meaning)

    def weights(self, shape, axis: int | None, *, dtype=np.int8, zero: int = 0,
                scale=None) -> tuple[str, str, str]:
        """Names of integers, scales and zero points; a scale for each entry of ``axis``, if one is given."""
        limits = np.iinfo(dtype)
        integers = self.rng.integers(limits.min, limits.max + 1, shape)
        count = () if axis is None else (shape[axis],)
        scales = 2.0 ** self.rng.uniform(-10, -7, count) if scale is None else np.full(count, scale)
        return (self.constant(integers, dtype), self.constant(scales, np.float32),
                self.constant(np.full(count, zero), dtype))

    def real_weights(self, shape, axis: int | None, **kinds) -> str:
        """The same, dequantized."""
        weights = self.weights(shape, axis, **kinds)
        return self.node("DequantizeLinear", *weights, **({} if axis is None else {"axis": axis}))

    def model(self, inputs: dict[str, tuple[np.dtype, tuple[int | str, ...]]], output: str, dtype, *,
              rank: int = 4) -> bytes:
        """The graph from the only one of ``inputs``, given as type and shape, to ``output``."""
        (name, (given, shape)), = inputs.items()
        graph = helper.make_graph(
            self.nodes, "graph", [helper.make_tensor_value_info(name, DTYPES[np.dtype(given)], shape)],
            [helper.make_tensor_value_info(output, DTYPES[np.dtype(dtype)],
                                           [f"size{axis}" for axis in range(rank)])],
            [numpy_helper.from_array(array, name) for name, array in self.constants.items()])
        domains = [helper.make_opsetid("", self.opset), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=domains, ir_version=9).SerializeToString()


def runtime(data: bytes, x: np.ndarray) -> np.ndarray:
    """What ONNX Runtime makes of the frames ``x``, one at a time, as the models have a batch of 1.

    The graph runs as it is written: which nodes its optimizer joins depends on the processor.
    """
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.log_severity_level = 3
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return np.concatenate([session.run(None, {name: x[i:i + 1]})[0] for i in range(len(x))])
