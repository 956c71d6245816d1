"""Convolutions and matrix products: sums of integers times weights, and the biases added to them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf, prod

import numpy as np
import numpy.typing as npt

from ...network import Tensor
from ...operators.arithmetic import INT32_MAX, INT32_MIN, Floats
from ...operators.conv2d import Conv2d
from ...operators.dense import Dense
from ...operators.depthwise_conv2d import DepthwiseConv2d
from ...operators.half_even import Singles
from ...operators.linear import Linear
from ...operators.operator import Operator
from ...operators.taps import Weights as WeightArray
from ...quantization import INT8_MAX, INT8_MIN, Quantization
from ..refusals import Refused, sizes
from .conversion import Conversion, Value
from .geometry import geometry, padded
from .model_file import Array
from .quantizers import dequantized_input, meaning, target, weights_input
from .reals import UNKNOWN, Function, Rescaled
from .values import MAP_ORDERS, Constant, Weights, covers, map_places

__all__ = ["PRODUCTS", "Products", "channel_vector"]

# How far the scale of a bias may be from that of the sums that it is added to, to count as the same.
CLOSE = 1e-5


@dataclass(frozen=True, kw_only=True, eq=False)
class Products(Rescaled):
    """Sums of products that wait for their output scale and may still be given a bias.

    ``units [co]`` are the real numbers that a sum of 1 stands for, ``rest [co]`` what the integers of the
    bias leave of a real one.
    """

    prototype: Linear
    units: Floats
    rest: Floats

    def operator(self, output: Quantization, limits: tuple[int, int]) -> Operator:
        """The prototype with output, limits, and what is left of the bias in steps of the output."""
        addend = self.rest / output.scale if self.rest.any() else None
        return replace(self.prototype, output=output, activation=limits, addend=addend)

    def plus(self, array: Array) -> Products:
        """With a constant for each output channel added."""
        self._check_clamp()
        steps = channel_vector(array, self.places, len(self.units)).astype(np.float64) / self.units
        if not np.isfinite(steps).all():
            raise Refused("bias: found numbers that are not finite, allowed: finite ones")
        whole = np.rint(steps)
        return replace(self.plus_integers(whole), rest=self.rest + (steps - whole) * self.units)

    def plus_integers(self, integers: Array) -> Products:
        """With a bias ``[co]`` in steps of input scale times weight scale added."""
        self._check_clamp()
        bias = self.prototype.bias + integers.astype(np.float64)
        if not ((bias >= INT32_MIN) & (bias <= INT32_MAX)).all():
            raise Refused("bias: found values beyond 32 bits in steps of input scale times weight scale, "
                          "allowed: smaller ones")
        return replace(self, prototype=replace(self.prototype, bias=bias.astype(np.int32)))

    def times(self, factors: Singles) -> Products:
        """Each output channel times a positive number, its bias included."""
        scales = (self.prototype.weight_scales.astype(np.float32) * factors).astype(np.float64)
        prototype = replace(self.prototype, weight_scales=scales)
        return replace(self, prototype=prototype, units=self.units * factors, rest=self.rest * factors)

    def _check_clamp(self) -> None:
        if (self.low, self.high) != (-inf, inf):
            raise Refused("input: found a sum that is clamped before more is added, allowed: one that goes "
                          "through QuantizeLinear and DequantizeLinear first")


def channel_vector(array: Array, places: npt.NDArray[np.int64], channels: int) -> Singles:
    """``array`` spread over a value with these ``places``: a number for each of the tensor's ``channels``."""
    shape = places.shape
    try:
        if array.ndim > len(shape):
            raise ValueError("it would make more axes")
        spread = np.broadcast_to(array.astype(np.float32), shape).reshape(-1)
    except ValueError:
        raise Refused(f"constant: found the shape {sizes(array.shape)}, allowed: one that spreads over "
                      f"{sizes(shape)}") from None
    channel = places.reshape(-1) % channels
    vector = np.zeros(channels, np.float32)
    vector[channel] = spread
    if not np.array_equal(vector[channel], spread):
        if not covers(places, places.size):
            raise Refused("constant: found different numbers for values that are repeated, allowed: equal "
                          "ones, or QuantizeLinear and DequantizeLinear before")
        raise Refused(f"constant: found the shape {sizes(array.shape)} for {sizes(shape)}, allowed: one "
                      f"number, or one for each channel")
    return vector


def _centred(weights: Weights) -> WeightArray:
    """The integers of weights without their zero points: int8, or int16 where they need 9 bits."""
    integers = weights.integers - weights.zero
    if integers.min() >= INT8_MIN and integers.max() <= INT8_MAX:
        return integers.astype(np.int8)
    if abs(integers).max() > INT8_MAX - INT8_MIN:
        raise Refused(f"weights: found {integers.min()} to {integers.max()} without their zero points, "
                      f"allowed: differences of two bytes")
    return integers.astype(np.int16)


def _real_bias(c: Conversion, position: int, products: Products, *, axes: int = 0,
               factor: float = 1.0) -> Products:
    """With the constant at ``position`` added, behind whose channels the outcome has ``axes`` more."""
    if not c.has(position):
        return products
    value, count = c.value(position), len(products.units)
    if isinstance(value, Weights) and value.shape == (count,) and factor == 1 and not value.zero.any():
        scales = np.broadcast_to(value.scale, count)
        if np.allclose(scales, products.units, rtol=CLOSE, atol=0):
            # Integers in steps of the sums, as ONNX Runtime's quantizer makes them.
            return products.plus_integers(value.integers)
    array = c.array(position) * np.float32(factor)
    return products.plus(array.reshape(*array.shape, *(1,) * axes) if axes else array)


def _integer_bias(c: Conversion, position: int, products: Products) -> Products:
    """With the bias of a quantized operator, in steps of input scale times weight scale."""
    if not c.has(position):
        return products
    array = c.of(Constant, position).array
    if array.dtype != np.int32 or array.size != len(products.units):
        raise Refused(f"bias: found {array.dtype} {sizes(array.shape)}, allowed: int32 "
                      f"[{len(products.units)}]")
    return products.plus_integers(array.reshape(-1))


def _products(c: Conversion, x: Function, source: Tensor, prototype: Linear,
              places: npt.NDArray[np.int64]) -> Products:
    scales = np.broadcast_to(prototype.weight_scales, (len(prototype.bias),))
    units = float(np.float32(x.quantization.scale)) * scales
    return Products(inputs=(source,), places=places, label=c.label, prototype=prototype, units=units,
                    rest=np.zeros(len(units)))


def _convolution(c: Conversion, x: Function, weights: Weights) -> Products:
    """A convolution without bias; weights ``[co, ci / group, kh, kw]``, or ``[co, ci / group, kw]``."""
    rank = len(weights.shape)
    if rank not in (3, 4) or len(x.shape) != rank:
        raise Refused(f"weights: found {sizes(weights.shape)} for an input {sizes(x.shape)}, allowed: 4 axes "
                      f"each, or 3")
    x = x.grounded(c.builder)
    source = c.builder.map(x.stored, MAP_ORDERS[rank], c.label)
    where = geometry(c, source.shape, rank - 2, weights.shape[2:])
    out, group = len(weights.integers), c.attribute("group", 1)
    if group < 1 or group * weights.shape[1] != source.shape[2] or out % group:
        raise Refused(f"group: found {group} for {source.shape[2]} channels and weights "
                      f"{sizes(weights.shape)}, allowed: one that divides both")
    kernel = _centred(weights).reshape(*weights.shape[:2], *where.kernel).transpose(0, 2, 3, 1)
    source, padding = padded(c, source, where, x.quantization.zero_point)
    apart = group > 1 and group == source.shape[2]
    kind: type[Conv2d] | type[DepthwiseConv2d] = DepthwiseConv2d if apart else Conv2d
    prototype = kind(weights=np.moveaxis(kernel[..., 0], 0, -1) if apart else kernel,
                     bias=np.zeros(out, np.int32), input=x.quantization, output=UNKNOWN,
                     weight_scales=weights.along(0).astype(np.float64), rounding="half_even",
                     stride=where.stride, dilation=where.dilation, padding=padding)
    shape = prototype.output_shape([source.shape])
    return _products(c, x, source, prototype, map_places(shape, MAP_ORDERS[rank]))


def _conv(c: Conversion) -> Value:
    """One or two axes beside batch and channels; any kernel, strides, dilations, padding and groups; constant
    quantized weights, a bias or none."""
    c.inputs(2, 3)
    products = _convolution(c, c.of(Function), c.of(Weights, 1))
    return _real_bias(c, 2, products, axes=len(products.shape) - 2)


def _qlinear_conv(c: Conversion) -> Value:
    """As Conv, in integers."""
    c.inputs(8, 9)
    products = _integer_bias(c, 8, _convolution(c, dequantized_input(c, 0), weights_input(c, 3, 0)))
    return products.quantized(c.builder, target(c, meaning(c, 6, 7)))


def _matrix_product(c: Conversion, x: Function, weights: Weights) -> Products:
    """The last axis of ``x`` times ``weights [n, co]``, without bias."""
    if len(weights.shape) != 2 or not 2 <= len(x.shape) <= 3 or x.shape[-1] != weights.shape[0]:
        raise Refused(f"inputs: found the shapes {sizes(x.shape)} and {sizes(weights.shape)}, allowed: 2 or "
                      "3 axes, constant weights of 2, and as many rows of weights as the input's last axis "
                      "is long")
    x = x.grounded(c.builder)
    matrix, scales = _centred(weights).T, weights.along(1).astype(np.float64)
    rows, out = prod(x.shape[:-1]), len(matrix)
    stored = c.builder.settled(x.stored) if rows == 1 else x.stored
    if rows == 1 and stored.complete:
        # All values of a tensor, wherever they lie: the weights move to them.
        moved = np.empty_like(matrix)
        moved[:, stored.places.reshape(-1)] = matrix
        matrix, source = moved, stored.tensor
    else:
        source = c.builder.map(stored, "nwc"[-len(x.shape):], c.label)
    prototype = Dense(weights=matrix, bias=np.zeros(out, np.int32), input=x.quantization, output=UNKNOWN,
                      weight_scales=scales, rounding="half_even")
    return _products(c, x, source, prototype, np.arange(rows * out).reshape(*x.shape[:-1], out))


def _matmul(c: Conversion) -> Value:
    """By constant quantized weights of two axes; an Add of a constant after it is its bias."""
    c.inputs(2)
    return _matrix_product(c, c.of(Function), c.of(Weights, 1))


def _qlinear_matmul(c: Conversion) -> Value:
    """As MatMul, in integers."""
    c.inputs(8)
    products = _matrix_product(c, dequantized_input(c, 0), weights_input(c, 3, 1))
    return products.quantized(c.builder, target(c, meaning(c, 6, 7)))


def _gemm_weights(c: Conversion, weights: Weights) -> Weights:
    """Weights ``[n, co]`` with ``alpha`` in their scale."""
    c.expect("transA", 0, (0,))
    if c.expect("transB", 0, (0, 1)):
        weights = weights.transposed((1, 0))
    alpha = c.attribute("alpha", 1.0)
    if alpha <= 0:
        raise Refused(f"alpha: found {alpha:g}, allowed: a positive number")
    return weights if alpha == 1 else replace(weights, scale=weights.scale * np.float32(alpha))


def _gemm(c: Conversion) -> Value:
    """Constant quantized weights, `transB` either way, positive `alpha`, any `beta`; not `transA`."""
    c.inputs(2, 3)
    weights = c.of(Weights, 1)
    if len(weights.shape) != 2:
        raise Refused(f"weights: found {sizes(weights.shape)}, allowed: 2 axes")
    products = _matrix_product(c, c.of(Function), _gemm_weights(c, weights))
    return _real_bias(c, 2, products, factor=c.attribute("beta", 1.0))


def _qgemm(c: Conversion) -> Value:
    """As Gemm, in integers; with or without a bias, and without an output scale before a QuantizeLinear."""
    c.inputs(6, 9)
    weights = weights_input(c, 3, 0 if c.attribute("transB", 0) else 1)
    products = _matrix_product(c, dequantized_input(c, 0), _gemm_weights(c, weights))
    products = _integer_bias(c, 6, products)
    return products.quantized(c.builder, target(c, meaning(c, 7, 8))) if c.has(7) else products


def _batch_normalization(c: Conversion) -> Value:
    """After training; after a sum of products its factors must be positive."""
    c.inputs(5)
    c.expect("training_mode", 0, (0,))
    value = c.value(0)
    scale, shift, mean, variance = (c.array(position).astype(np.float64).reshape(-1)
                                    for position in range(1, 5))
    if not len(scale) == len(shift) == len(mean) == len(variance):
        raise Refused("inputs: found different numbers of channels, allowed: equal ones")
    spread = variance + c.attribute("epsilon", 1e-5)
    if not (spread > 0).all():
        raise Refused("variance: found one that is not positive, allowed: positive ones")
    factor = scale / np.sqrt(spread)
    addend = shift - mean * factor
    shape = (-1, *(1,) * (len(value.shape) - 2))
    factors, addends = (part.astype(np.float32).reshape(shape) for part in (factor, addend))
    if isinstance(value, Products):
        vector = channel_vector(factors, value.places, len(value.units))
        if not (np.isfinite(vector) & (vector > 0)).all():
            raise Refused("scale: found a factor that is not positive after a sum, allowed: positive ones")
        return value.times(vector).plus(addends)
    function = c.of(Function).whole(c.builder, c.label)
    by_channel = [channel_vector(part, function.stored.places, function.stored.tensor.shape[2])
                  for part in (factors, addends)]
    return function.mapped(lambda table: table.reshape(256, -1) * by_channel[0] + by_channel[1],
                           "batch_normalization", c.label)


PRODUCTS: dict[str, Callable[[Conversion], Value]] = {
    "Conv": _conv,
    "QLinearConv": _qlinear_conv,
    "MatMul": _matmul,
    "QLinearMatMul": _qlinear_matmul,
    "Gemm": _gemm,
    "com.microsoft.QGemm": _qgemm,
    "BatchNormalization": _batch_normalization,
}
