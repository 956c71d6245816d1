"""Arithmetic on two values: sums, differences, products, and either of them with constants."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from ...network import Tensor
from ...operators.add_tables import AddTables
from ...operators.elementwise import common_shape
from ...operators.half_even import Singles, scale_product, steps
from ...operators.lookup import Lookup
from ...operators.mul import Mul
from ...operators.operator import Operator
from ...quantization import INT8_MAX, INT8_MIN, Quantization
from ..refusals import Refused, sizes
from .conversion import Conversion, Value
from .model_file import Array
from .products import Products, channel_vector
from .quantizers import dequantized_input, meaning, target, weights_input
from .reals import NOT_QUANTIZED, OF_THE_INPUT, UNKNOWN, Function, Given, Real, Rescaled, Waiting
from .values import MAP_ORDERS, Constant, Stored, Weights, map_places

__all__ = ["PAIRS"]

Combine = Callable[[Singles, Singles], Singles]

INTEGERS = np.arange(INT8_MIN, INT8_MAX + 1).astype(np.float32)

WITH_CONSTANT = "or of a value and a constant, on either side: one number, or one for each channel."
OF_TWO = ("Of two values of one shape, or one of them a single position, row, column or channel; "
          f"{WITH_CONSTANT}")
DOCUMENTATION = {"Add": OF_TWO, "Sub": OF_TWO, "Mul": OF_TWO,
                 "Div": "Of a value and a constant, on either side: one number, or one for each channel."}

COMBINED: dict[str, Combine] = {"Add": np.add, "Sub": np.subtract, "Mul": np.multiply, "Div": np.divide}


def _pair(operator: str) -> Callable[[Conversion], Value]:
    """Add, Sub, Mul or Div of real numbers."""
    def convert(c: Conversion) -> Value:
        c.inputs(2)
        constants = [isinstance(c.value(position), Constant | Weights) for position in (0, 1)]
        return _arithmetic(c, operator, *(c.array(position) if constant else c.real(position)
                                          for position, constant in enumerate(constants)))

    convert.__doc__ = DOCUMENTATION[operator]
    return convert


def _quantized_pair(operator: str) -> Callable[[Conversion], Value]:
    """QLinearAdd and QLinearMul: two values with scale and zero point each, and those of the output."""
    def convert(c: Conversion) -> Value:
        c.inputs(7, 8)
        constants = [isinstance(c.value(position), Constant) for position in (0, 3)]
        if all(constants):
            raise Refused("inputs: found two constants, allowed: one")
        if any(constants):
            return _fused_with_constant(c, operator, *((0, 3) if constants[1] else (3, 0)))
        first, second = (dequantized_input(c, position) for position in (0, 3))
        if first.stored.tensor == second.stored.tensor and first.stored.same_order(second.stored):
            return _fused(c, operator, first.settled(c.builder), second.quantization, INTEGERS[:, np.newaxis])
        real = _of_two(c, operator, first, second, fused=True)
        return real.quantized(c.builder, target(c, meaning(c, 6, 7)))

    convert.__doc__ = DOCUMENTATION[operator]
    return convert


def _fused_with_constant(c: Conversion, operator: str, at: int, constant: int) -> Stored:
    """QLinearAdd or QLinearMul of the value at one position and the constant at another."""
    value = dequantized_input(c, at).whole(c.builder, c.label)
    other = weights_input(c, constant, 0)
    if other.scale.size != 1 or other.zero.size != 1:
        raise Refused("scale: found one for each entry of a constant, allowed: one")
    quantization = Quantization(scale=float(other.scale.reshape(-1)[0]), zero_point=0)
    return _fused(c, operator, value, quantization, _by_channel(value, other.integers - other.zero))


def _fused(c: Conversion, operator: str, value: Function, meaning_of_other: Quantization,
           other: Singles) -> Stored:
    """``operator`` on stored integers and on ``other``, integers ``[c]`` or ``[256, 1]``: a table.

    In the order of ONNX Runtime's kernels, which decides about ties.
    """
    to = target(c, meaning(c, 6, 7))
    output, zero_point = to.quantization, np.float32(to.quantization.zero_point)
    own, x = value.quantization, INTEGERS[:, np.newaxis]
    own_zero, other_zero = np.float32(own.zero_point), np.float32(meaning_of_other.zero_point)
    if operator == "Add":
        ratio, factor = (scale_product(each.scale, 1.0, output.scale) for each in (own, meaning_of_other))
        fixed = zero_point - (ratio * own_zero + factor * other_zero)
        real = np.asarray(other * factor + (x * ratio + fixed))
    else:
        scale = scale_product(own.scale, meaning_of_other.scale, output.scale)
        real = np.asarray((x - own_zero) * (other - other_zero) * scale + zero_point)
    integers = np.clip(steps(real.astype(np.float32)), *to.limits).astype(np.int8)
    if (integers == integers[:, :1]).all():
        integers = integers[:, 0]
    tensor = c.builder.emit(c.label, Lookup(function=operator.lower(), table=integers), [value.stored.tensor],
                            to.name, output)
    return to.stored(tensor, value.stored.places)


def _arithmetic(c: Conversion, operator: str, first: Real | Array, second: Real | Array) -> Real:
    """``operator`` on two real numbers, or on one and a constant."""
    if isinstance(first, Real) and isinstance(second, Real):
        return _of_two(c, operator, *(_function(value) for value in (first, second)), fused=False)
    if isinstance(first, Real) and not isinstance(second, Real):
        return _with_constant(c, operator, first, second, swapped=False)
    if isinstance(second, Real) and not isinstance(first, Real):
        return _with_constant(c, operator, second, first, swapped=True)
    raise Refused("inputs: found two constants, allowed: one")


def _function(value: Real) -> Function:
    """``value`` as a function of stored integers."""
    if isinstance(value, Given):
        raise Refused(f"input: {OF_THE_INPUT}")
    if not isinstance(value, Function):
        raise Refused(f"input: {NOT_QUANTIZED}")
    return value


def _with_constant(c: Conversion, operator: str, value: Real, array: Array, *, swapped: bool) -> Real:
    """A function of one number, or of each channel's number, with the constant in it."""
    if isinstance(value, Products) and (operator == "Add" or (operator == "Sub" and not swapped)):
        # A bias of its own after a convolution or a matrix product.
        return value.plus(array if operator == "Add" else -array.astype(np.float32))
    if isinstance(value, Given):
        return value.combined(operator.lower(), array, c.label, constant_first=swapped)
    function = COMBINED[operator]
    combine = (lambda table, constant: function(constant, table)) if swapped else function
    return _by_table(c, operator.lower(), value, array, combine)


def _prelu(c: Conversion) -> Value:
    """With a constant slope; one for each channel where a staircase equals what that makes."""
    c.inputs(2)
    return _by_table(c, "prelu", c.real(), c.array(1),
                     lambda table, slope: np.where(table < 0, slope * table, table))


def _by_table(c: Conversion, name: str, value: Real, array: Array, combine: Combine) -> Real:
    """``combine``, called ``name``, of each number and of a constant, one or one for each channel."""
    function = _function(value).whole(c.builder, c.label)
    constant = _by_channel(function, array)

    def mapping(table: Singles) -> Singles:
        return combine(table if table.ndim == 2 or constant.size == 1 else table[:, np.newaxis], constant)

    return function.mapped(mapping, name, c.label)


def _by_channel(value: Function, array: Array) -> Singles:
    """``array`` spread over ``value``: ``[1]`` if it is one number, else ``[c]``, one for each channel."""
    if array.size == 1 and array.ndim <= len(value.shape):
        return array.reshape(1).astype(np.float32)
    return channel_vector(array, value.stored.places, value.stored.tensor.shape[2])


def _of_two(c: Conversion, operator: str, first: Function, second: Function, *, fused: bool) -> Real:
    """``operator`` on two values of the chip; ``fused`` with quantization in one node."""
    if operator == "Div":
        raise Refused("inputs: found two values, allowed: a constant divisor")
    if first.stored.tensor == second.stored.tensor and first.stored.same_order(second.stored):
        return _of_one(c, operator, first, second)
    if first.by_channel or second.by_channel:
        raise Refused("inputs: found a function for each channel, allowed: values that go through "
                      "QuantizeLinear and DequantizeLinear first")
    if operator == "Mul":
        return _product(c, first, second, fused=fused)
    return _sum(c, first, second, np.float32(1 if operator == "Add" else -1), fused=fused)


def _of_one(c: Conversion, operator: str, first: Function, second: Function) -> Real:
    """Both are functions of the same integers, and so is the outcome."""
    def mapping(table: Singles) -> Singles:
        one, two = (t if first.by_channel == second.by_channel or t.ndim == 2 else t[:, np.newaxis]
                    for t in (table, second.table))
        return COMBINED[operator](one, two)

    name = first.name if second.linear else second.name
    return first.mapped(mapping, name, c.label)


@dataclass(frozen=True, kw_only=True, eq=False)
class Sum(Waiting):
    """Two functions of stored integers that are added, the second with a ``sign``.

    ``fused`` as ONNX Runtime's QLinearAdd, which adds multiples of output steps and the zero point before it
    rounds; else as ONNX says.
    """

    first: Function
    second: Function
    sign: np.float32
    fused: bool

    def operator(self, output: Quantization, limits: tuple[int, int]) -> Operator:
        """Tables of what is added."""
        first, second = self.first, self.second
        if not self.fused:
            return AddTables(first=first.table, second=self.sign * second.table, scale=output.scale,
                             zero_point=output.zero_point, limits=limits)
        ratio = scale_product(first.quantization.scale, 1.0, output.scale)
        other = scale_product(second.quantization.scale, 1.0, output.scale)
        fixed = np.float32(output.zero_point) - (ratio * np.float32(first.quantization.zero_point)
                                                 + other * np.float32(second.quantization.zero_point))
        return AddTables(first=INTEGERS * ratio + fixed, second=INTEGERS * other, limits=limits)


def _sum(c: Conversion, first: Function, second: Function, sign: np.float32, *, fused: bool) -> Sum:
    tensors, places = _aligned(c, first, second)
    return Sum(inputs=tensors, places=places, label=c.label, first=first, second=second, sign=sign,
               fused=fused)


def _product(c: Conversion, first: Function, second: Function, *, fused: bool) -> Rescaled:
    values = [value.grounded(c.builder) for value in (first, second)]
    tensors, places = _aligned(c, *values)
    prototype = Mul(first=values[0].quantization, second=values[1].quantization, output=UNKNOWN,
                    rounding="biased_half_even" if fused else "half_even")
    return Rescaled(inputs=tensors, places=places, label=c.label, prototype=prototype)


def _aligned(c: Conversion, *values: Function) -> tuple[tuple[Tensor, ...], Array]:
    """The tensors of two values whose entries lie at the same places, and those of the outcome."""
    first, second = (c.builder.settled(value.stored) for value in values)
    if first.same_order(second):
        return (first.tensor, second.tensor), first.places
    rank = len(first.shape)
    if rank != len(second.shape) or rank not in MAP_ORDERS:
        raise Refused(f"inputs: found the shapes {sizes(first.shape)} and {sizes(second.shape)}, allowed: "
                      f"equally many axes, 1 to 4")
    order = MAP_ORDERS[rank]
    tensors = [c.builder.map(value.stored, order, c.label) for value in values]
    depth = max(tensor.shape[2] for tensor in tensors)
    tensors = [_spread(c, tensor, depth) if tensor.shape[2] == 1 else tensor for tensor in tensors]
    height, width, channels = common_shape([tensor.shape for tensor in tensors])
    return tuple(tensors), map_places((height, width, channels), order)


def _spread(c: Conversion, tensor: Tensor, depth: int) -> Tensor:
    """The one channel of ``tensor`` for each of ``depth``."""
    places = np.broadcast_to(np.arange(tensor.size).reshape(tensor.shape), (*tensor.shape[:2], depth))
    label = replace(c.label, name=f"{c.label.name}_spread")
    return c.builder.gathered(tensor, places, label, f"{tensor.name}_spread")


PAIRS: dict[str, Callable[[Conversion], Value]] = {
    **{operator: _pair(operator) for operator in COMBINED},
    "PRelu": _prelu,
    "com.microsoft.QLinearAdd": _quantized_pair("Add"),
    "com.microsoft.QLinearMul": _quantized_pair("Mul"),
}
