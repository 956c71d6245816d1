"""What follows from the file alone: constants, shapes, and what ONNX's reference computes of these."""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np
import onnx
from onnx.reference import ReferenceEvaluator

from ..refusals import Refused, printable
from .conversion import Conversion, Value
from .model_file import Array
from .values import Constant

__all__ = ["CONSTANTS", "folded", "is_folded"]

# Values of what is computed here.
MAX_FOLDED = 1 << 24

# Operators that the glue between layers is made of.
FOLDED = ("Abs", "Add", "Cast", "Ceil", "Clip", "Concat", "ConstantOfShape", "Div", "Equal", "Expand",
          "Flatten", "Floor", "Gather", "Identity", "Max", "Min", "Mod", "Mul", "Neg", "Pow", "Range",
          "Reciprocal", "ReduceProd", "Reshape", "Slice", "Split", "Sqrt", "Squeeze", "Sub", "Tile",
          "Transpose", "Unsqueeze", "Where")
# Those whose output may be far larger than their inputs.
GROWING = ("ConstantOfShape", "Expand", "Range", "Tile")


def _constant(c: Conversion) -> Value:
    """A tensor or numbers."""
    for name in ("value", "value_float", "value_floats", "value_int", "value_ints"):
        if name in c.node.attributes:
            found = c.node.attributes[name]
            dtype = None if isinstance(found, np.ndarray) else np.float32 if "float" in name else np.int64
            return Constant(array=np.asarray(found, dtype))
    raise Refused("value: found none that is a tensor or numbers, allowed: value, value_float(s) or "
                  "value_int(s)")


def _shape(c: Conversion) -> Value:
    """The sizes of any value; its batch is 1."""
    c.inputs(1)
    sizes = c.value(0).shape
    start, end = c.attribute("start", 0), c.attribute("end", len(sizes))
    return Constant(array=np.array(sizes[start:end], np.int64))


def _size(c: Conversion) -> Value:
    """How many values there are."""
    c.inputs(1)
    return Constant(array=np.array(prod(c.value(0).shape), np.int64))


def is_folded(c: Conversion) -> bool:
    """Whether the node computes with constants only."""
    positions = range(len(c.node.inputs))
    return c.node.operator in FOLDED and all(
        isinstance(c.value(position), Constant) for position in positions if c.has(position))


def folded(c: Conversion) -> tuple[Value, ...]:
    """The outputs of a node that computes with constants only."""
    node = c.node
    inputs = {name: c.of(Constant, position).array for position, name in enumerate(node.inputs) if name}
    if node.operator in GROWING:
        _check_growth(c)
    try:
        attributes: dict[str, Any] = {
            name: onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
            for name, value in node.attributes.items()}
        proto = onnx.helper.make_node(node.operator, node.inputs, node.outputs, **attributes)
        graph = onnx.helper.make_graph(
            [proto], "folded", [_info(name, array) for name, array in inputs.items()],
            [onnx.ValueInfoProto(name=name) for name in node.outputs if name])
        model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", c.opset)])
        with np.errstate(all="ignore"):
            arrays = ReferenceEvaluator(model).run(None, inputs)
    # The reference raises whatever NumPy does on operands that do not fit.
    except Exception as error:
        raise Refused(f"inputs: found constants that it cannot be computed of ({printable(str(error))}), "
                      f"allowed: those that fit the operator") from error
    found = iter(arrays)
    return tuple(Constant(array=np.asarray(next(found))) if name else Constant(array=np.zeros(0))
                 for name in node.outputs)


def _info(name: str, array: Array) -> onnx.ValueInfoProto:
    return onnx.helper.make_tensor_value_info(name, onnx.helper.np_dtype_to_tensor_dtype(array.dtype),
                                              array.shape)


def _check_growth(c: Conversion) -> None:
    """Refuse what becomes far larger than its inputs."""
    if c.node.operator == "Range":
        start, limit, delta = (c.scalar(position) for position in range(3))
        count = abs((limit - start) / delta) if delta else np.inf
    else:
        position = 0 if c.node.operator == "ConstantOfShape" else 1
        count = prod(float(abs(size)) for size in c.integers(position))
        if c.node.operator == "Tile":
            count *= prod(c.value(0).shape)
    if count > MAX_FOLDED:
        raise Refused(f"output: found {count:.0f} values, allowed: at most {MAX_FOLDED}")


CONSTANTS: dict[str, Callable[[Conversion], Value]] = {
    "Constant": _constant,
    "Shape": _shape,
    "Size": _size,
}
