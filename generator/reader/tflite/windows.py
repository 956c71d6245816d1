"""Operators that slide a window over a map or read all of it: convolutions, pools, dense, mean, resize."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ...network import Tensor
from ...operators.arithmetic import Floats
from ...operators.avg_pool import AvgPool
from ...operators.checks import text
from ...operators.conv2d import Conv2d
from ...operators.dense import Dense
from ...operators.depthwise_conv2d import DepthwiseConv2d
from ...operators.max_pool import MaxPool
from ...operators.mean import Mean
from ...operators.reshape import Reshape
from ...operators.resize_nearest import ResizeNearest
from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from ..same_padding import same_padding
from .conversion import Conversion, meaning
from .tensors import map_axis

__all__ = ["WINDOWS"]

SAME, VALID = 0, 1
CONV, DEPTHWISE, POOL = "Conv2DOptions", "DepthwiseConv2DOptions", "Pool2DOptions"


def _conv_2d(c: Conversion) -> None:
    """CONV_2D; weights ``[co, kh, kw, ci]``, grouped where ``ci`` divides the channels of the input."""
    c.operands(2, 3)
    x, y = c.input(), c.output()
    weights, scales = _weights(c, 4, 0)
    stride, dilation = _steps(c, CONV), _dilation(c, CONV)
    padding = _padding(c, CONV, x, weights.shape[1:3], stride, dilation)
    c.emit(Conv2d(weights=weights, bias=_bias(c, len(weights)), input=meaning(x), output=meaning(y),
                  weight_scales=_each(scales, len(weights)), activation=c.activation(CONV), stride=stride,
                  padding=padding, dilation=dilation), [x], y)


def _depthwise_conv_2d(c: Conversion) -> None:
    """DEPTHWISE_CONV_2D; weights ``[1, kh, kw, co]``."""
    c.operands(2, 3)
    x, y = c.input(), c.output()
    weights, scales = _weights(c, 4, 3)
    if len(weights) != 1:
        raise Refused(f"weights: found {sizes(weights.shape)}, allowed: [1, height, width, channels]")
    channels, multiplier = weights.shape[3], c.option(DEPTHWISE, "depth_multiplier")
    if multiplier * x.shape[2] != channels:
        raise Refused(f"depth_multiplier: found {multiplier}, allowed: the quotient of {channels} output "
                      f"channels and {x.shape[2]} input channels")
    stride, dilation = _steps(c, DEPTHWISE), _dilation(c, DEPTHWISE)
    padding = _padding(c, DEPTHWISE, x, weights.shape[1:3], stride, dilation)
    c.emit(DepthwiseConv2d(weights=weights[0], bias=_bias(c, channels), input=meaning(x), output=meaning(y),
                           weight_scales=_each(scales, channels), activation=c.activation(DEPTHWISE),
                           stride=stride, padding=padding, dilation=dilation), [x], y)


def _fully_connected(c: Conversion) -> None:
    """FULLY_CONNECTED; weights ``[co, n]``, applied to each run of ``n`` values of the input."""
    c.operands(2, 3)
    x, y = c.input(), c.output()
    table = "FullyConnectedOptions"
    weights, scales = _weights(c, 2, 0)
    if c.option(table, "weights_format"):
        raise Refused(f"weights_format: found {c.option(table, 'weights_format')}, allowed: 0 (DEFAULT)")
    size = weights.shape[1]
    if x.size % size:
        raise Refused(f"weights: found {sizes(weights.shape)} for {x.size} input values, allowed: a "
                      f"divisor of them as the second size")
    if y.shape[2] != len(weights):
        raise Refused(f"output: found {text(y.shape)}, allowed: {len(weights)} as the last size")
    dense = Dense(weights=weights, bias=_bias(c, len(weights)), input=meaning(x), output=meaning(y),
                  weight_scales=scales, activation=c.activation(table))
    if size not in (x.size, x.shape[2]):
        rows = Tensor(name=f"{y.name}_rows", shape=(1, x.size // size, size), quantization=x.quantization)
        c.emit(Reshape(shape=rows.shape), [x], rows, "_rows")
        x = rows
    c.emit(dense, [x], y)


def _max_pool_2d(c: Conversion) -> None:
    """MAX_POOL_2D."""
    _pool(c, MaxPool)


def _average_pool_2d(c: Conversion) -> None:
    """AVERAGE_POOL_2D."""
    _pool(c, AvgPool)


def _pool(c: Conversion, kind: type[MaxPool] | type[AvgPool]) -> None:
    c.operands(1)
    x, y = c.input(), c.output()
    _four(c)
    c.same_quantization(x, y)
    kernel, stride = _pair(c, POOL, "filter_height", "filter_width"), _steps(c, POOL)
    c.emit(kind(kernel=kernel, stride=stride, quantization=meaning(y), activation=c.activation(POOL),
                padding=_padding(c, POOL, x, kernel, stride, (1, 1))), [x], y)


def _mean(c: Conversion) -> None:
    """MEAN over height and width, in any order and counted from either end."""
    c.operands(2)
    x, y = c.input(), c.output()
    c.option("ReducerOptions", "keep_dims")
    axes = c.integers(1)
    over = {map_axis(axis, c.tensors.rank(c.index(0))) for axis in axes}
    if any(size > 1 and (axis in over) == (axis == 2) for axis, size in enumerate(x.shape)):
        raise Refused(f"axes: found {sizes(axes)}, allowed: height and width, both of them")
    c.emit(Mean(input=meaning(x), output=meaning(y)), [x], y)


def _resize_nearest_neighbor(c: Conversion) -> None:
    """RESIZE_NEAREST_NEIGHBOR to the height and width of the output."""
    c.operands(2)
    x, y = c.input(), c.output()
    _four(c)
    c.same_quantization(x, y)
    size = c.integers(1)
    if size != y.shape[:2]:
        raise Refused(f"size: found {sizes(size)}, allowed: that of the output, {sizes(y.shape[:2])}")
    table = "ResizeNearestNeighborOptions"
    corners, centers = bool(c.option(table, "align_corners")), bool(c.option(table, "half_pixel_centers"))
    if corners and centers:
        raise Refused("half_pixel_centers: found true, allowed: false together with align_corners")
    c.emit(ResizeNearest(size=(y.shape[0], y.shape[1]), align_corners=corners, half_pixel_centers=centers),
           [x], y)


def _four(c: Conversion) -> None:
    rank = c.tensors.rank(c.index(0))
    if rank != 4:
        raise Refused(f"input: found {rank} dimensions, allowed: 4 (batch, height, width, channels)")


def _weights(c: Conversion, rank: int, axis: int) -> tuple[Any, Floats]:
    """Constant int8 weights of ``rank`` dimensions, and their scales along ``axis``."""
    index = c.index(1)
    weights = c.tensors.constant(index, "INT8")
    if weights.ndim != rank:
        raise Refused(f"weights: found {weights.ndim} dimensions, allowed: {rank}")
    if rank == 4:
        _four(c)
    return weights, c.tensors.weight_scales(index, axis)


def _each(scales: Floats, channels: int) -> Floats:
    """A scale for each channel."""
    return np.broadcast_to(scales, (channels,))


def _bias(c: Conversion, channels: int) -> npt.NDArray[np.int32]:
    """The bias; zeros where it is left out. Its scale is that of the products, whatever the file says."""
    index = c.index(2)
    if index < 0:
        return np.zeros(channels, np.int32)
    bias: npt.NDArray[np.int32] = c.tensors.constant(index, "INT32").reshape(-1)
    if len(bias) != channels:
        raise Refused(f"bias: found {len(bias)} values, allowed: {channels}, one for each output channel")
    return bias


def _pair(c: Conversion, table: str, height: str, width: str) -> tuple[int, int]:
    """Two options, of which none may be below 1."""
    values = []
    for name in (height, width):
        value = int(c.option(table, name))
        if not 1 <= value <= MAX_DIMENSION:
            raise Refused(f"{name}: found {value}, allowed: 1 to {MAX_DIMENSION}")
        values.append(value)
    return values[0], values[1]


def _steps(c: Conversion, table: str) -> tuple[int, int]:
    return _pair(c, table, "stride_h", "stride_w")


def _dilation(c: Conversion, table: str) -> tuple[int, int]:
    return _pair(c, table, "dilation_h_factor", "dilation_w_factor")


def _padding(c: Conversion, table: str, x: Tensor, kernel: Sequence[int], stride: Sequence[int],
             dilation: Sequence[int]) -> tuple[int, int, int, int]:
    """Explicit padding ``(top, left, bottom, right)``."""
    kind = c.option(table, "padding")
    if kind == VALID:
        return 0, 0, 0, 0
    if kind != SAME:
        raise Refused(f"padding: found {kind}, allowed: SAME or VALID")
    (top, bottom), (left, right) = map(same_padding, x.shape[:2], kernel, stride, dilation)
    return top, left, bottom, right


WINDOWS: dict[str, Callable[[Conversion], None]] = {
    "CONV_2D": _conv_2d,
    "DEPTHWISE_CONV_2D": _depthwise_conv_2d,
    "FULLY_CONNECTED": _fully_connected,
    "MAX_POOL_2D": _max_pool_2d,
    "AVERAGE_POOL_2D": _average_pool_2d,
    "MEAN": _mean,
    "RESIZE_NEAREST_NEIGHBOR": _resize_nearest_neighbor,
}
