"""Operators that only move values: reshapes, layouts, padding, concatenation."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from ...operators.concat import Concat
from ...operators.pad import Pad
from ...operators.reshape import Reshape
from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from .conversion import Conversion, meaning
from .tensors import map_axis

__all__ = ["SHAPES"]


def _same_order(c: Conversion) -> None:
    """The same values in the same order in the shape of the output, of int8 or, at the ends, float32."""
    x, y = c.tensors.value(c.index(0)), c.tensors.value(c.operator.outputs[0])
    c.same_quantization(x, y)
    if x.size != y.size:
        raise Refused(f"output: found {y.size} values, allowed: {x.size} as in the input")
    c.emit(Reshape(shape=y.shape), [x], y)


def _reshape(c: Conversion) -> None:
    """The shape of the output counts; a constant shape must agree with it."""
    c.operands(1, 2)
    shape = tuple(c.option("ReshapeOptions", "new_shape") or ())
    if c.index(1) >= 0 and c.tensors.is_constant(c.index(1)):
        shape = c.integers(1)
    found = c.tensors.dims(c.operator.outputs[0])
    if shape and (len(shape) != len(found) or any(map(_differs, shape, found))):
        raise Refused(f"shape: found {sizes(shape)}, allowed: that of the output, {sizes(found)}")
    _same_order(c)


def _differs(wanted: int, found: int) -> bool:
    """Whether a size is another than that wanted, -1 for any."""
    return wanted not in (-1, found)


def _squeeze(c: Conversion) -> None:
    c.operands(1)
    c.option("SqueezeOptions", "squeeze_dims")
    _same_order(c)


def _expand_dims(c: Conversion) -> None:
    c.operands(2)
    c.integers(1)
    _same_order(c)


def _transpose(c: Conversion) -> None:
    """A permutation that leaves the axes of more than one entry in order."""
    c.operands(2)
    order, dims = c.integers(1), c.tensors.dims(c.index(0))
    if sorted(order) != list(range(len(dims))):
        raise Refused(f"perm: found {sizes(order)}, allowed: an order of {len(dims)} axes")
    long = [axis for axis in order if dims[axis] > 1]
    if long != sorted(long):
        raise Refused(f"perm: found {sizes(order)} of {sizes(dims)}, allowed: only axes of size 1 moved")
    found = c.tensors.dims(c.operator.outputs[0])
    if found != tuple(dims[axis] for axis in order):
        raise Refused(f"output: found {sizes(found)}, allowed: {sizes([dims[axis] for axis in order])}")
    _same_order(c)


def _pad(c: Conversion) -> None:
    """PAD with the zero point, PADV2 with an int8 constant of the same quantization."""
    second = c.operator.name == "PADV2"
    c.operands(3 if second else 2)
    x, y = c.input(), c.output()
    c.same_quantization(x, y)
    rank, numbers = c.tensors.rank(c.index(0)), c.integers(1)
    if len(numbers) != 2 * rank or not all(0 <= number <= MAX_DIMENSION for number in numbers):
        raise Refused(f"paddings: found {sizes(numbers)}, allowed: two numbers of at least 0 for each "
                      f"of {rank} axes")
    by_axis = {map_axis(axis, rank): numbers[2 * axis:2 * axis + 2] for axis in range(rank)}
    if any(by_axis.get(-1, ())):
        raise Refused(f"paddings: found {sizes(numbers)}, allowed: 0 for the batch")
    (top, bottom), (left, right), (before, after) = (by_axis.get(axis, (0, 0)) for axis in (0, 1, 2))
    value = meaning(x).zero_point
    if second:
        constant, fixed = c.tensors.constant(c.index(2), "INT8"), c.tensors.quantization(c.index(2))
        if constant.size != 1:
            raise Refused(f"constant_values: found {constant.size}, allowed: one value")
        c.same_quantization(x, replace(x, quantization=fixed))
        value = int(constant.reshape(-1)[0])
    c.emit(Pad(padding=(top, left, bottom, right), channels=(before, after), value=value), [x], y)


def _concatenation(c: Conversion) -> None:
    """Along any axis but the batch; all quantized alike, as the reference copies without a look."""
    count = len(c.operator.inputs)
    c.operands(max(count, 1))
    inputs, y = [c.input(position) for position in range(count)], c.output()
    table = "ConcatenationOptions"
    if c.activation(table) != "none":
        raise Refused(f"fused_activation_function: found {c.activation(table).upper()}, allowed: NONE")
    for x in inputs:
        c.same_quantization(x, y)
    rank = c.tensors.rank(c.operator.outputs[0])
    if any(c.tensors.rank(index) != rank for index in c.operator.inputs):
        raise Refused("inputs: found different numbers of dimensions, allowed: equal ones")
    axis = map_axis(c.option(table, "axis"), rank)
    if count == 1:
        c.emit(Reshape(shape=y.shape), inputs, y)
    elif axis < 0:
        raise Refused("axis: found the batch, allowed: height, width or channels")
    else:
        c.emit(Concat(axis=axis, count=count), inputs, y)


SHAPES: dict[str, Callable[[Conversion], None]] = {
    "RESHAPE": _reshape,
    "SQUEEZE": _squeeze,
    "EXPAND_DIMS": _expand_dims,
    "TRANSPOSE": _transpose,
    "PAD": _pad,
    "PADV2": _pad,
    "CONCATENATION": _concatenation,
}
