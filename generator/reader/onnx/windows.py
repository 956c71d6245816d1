"""Operators that slide a window over a map or read all of it: pools, means, resizing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ...network import Tensor
from ...operators.average import Average
from ...operators.max_pool import MaxPool
from ...operators.operator import Operator
from ...quantization import INT8_MIN
from ..refusals import Refused, sizes
from .conversion import Conversion, Value, axis_of, on_integers, picked
from .geometry import Geometry, framed, geometry, padded
from .moves import moved
from .quantizers import dequantized_input, meaning, target
from .reals import UNKNOWN, Function, Rescaled
from .values import MAP_ORDERS, Stored, map_places

__all__ = ["WINDOWS"]

# What the axes of a ReduceMean or ReduceMax may be: channels first or last.
REDUCED_ORDERS = {4: ("nchw", "nhwc"), 3: ("ncw", "nwc")}


def _map(c: Conversion, stored: Stored, order: str | None = None) -> tuple[Tensor, str]:
    """The tensor behind a value with one or two axes beside batch and channels, and the order of its axes."""
    rank = len(stored.shape)
    if rank not in (3, 4):
        raise Refused(f"input: found {rank} dimensions, allowed: 4 (batch, channels, height, width), or 3")
    order = order or MAP_ORDERS[rank]
    return c.builder.map(stored, order, c.label), order


def _made(c: Conversion, stored: Stored, operator: Operator, source: Tensor, order: str) -> Stored:
    """The layer of an operator that keeps integers."""
    tensor = c.builder.emit(c.label, operator, [source], c.node.outputs[0], source.quantization)
    # A window in the padding alone is the least of all.
    return Stored.of_map(tensor, order, replace(stored, low=INT8_MIN))


def _max_pool(c: Conversion) -> Value:
    """Any kernel, strides, dilations, padding, `ceil_mode`; one or two axes beside batch and channels."""
    c.inputs(1)
    c.expect("storage_order", 0, (0, 1))
    return _maximum(c, lambda source, axes: geometry(
        c, source.shape, axes, None, ceil=bool(c.expect("ceil_mode", 0, (0, 1)))))


def _global_max_pool(c: Conversion) -> Value:
    """Of one or two axes beside batch and channels."""
    c.inputs(1)
    return _maximum(c, lambda source, axes: _whole(source))


def _whole(source: Tensor) -> Geometry:
    """One window as large as the map."""
    return Geometry(kernel=source.shape[:2], stride=(1, 1), dilation=(1, 1), padding=(0, 0, 0, 0),
                    excess=(0, 0))


def _maximum(c: Conversion, window: Callable[[Tensor, int], Geometry], order: str | None = None) -> Value:
    """The largest of each window of integers, or of a function of them that does not fall."""
    value, stored = picked(c)
    if isinstance(value, Function) and (np.diff(value.table, axis=0) < 0).any():
        raise Refused(f"input: found the {value.name} of a quantized value, allowed: a value that goes "
                      f"through QuantizeLinear and DequantizeLinear first")
    source, order = _map(c, stored, order)
    where = window(source, len(order) - 2)
    source, padding = padded(c, source, where, INT8_MIN)
    assert source.quantization is not None
    pool = MaxPool(kernel=where.kernel, stride=where.stride, dilation=where.dilation, padding=padding,
                   quantization=source.quantization)
    return on_integers(value, _made(c, stored, pool, source, order))


def _average(c: Conversion, x: Function, window: Callable[[Tensor, int], Geometry], *,
             count_padding: bool = False, order: str | None = None) -> Rescaled:
    """The mean of each window of real numbers, whose axes are ``order``."""
    x = x.grounded(c.builder)
    source, order = _map(c, x.stored, order)
    where = window(source, len(order) - 2)
    if count_padding:
        source, where = framed(c, source, where, x.quantization.zero_point)
    prototype = Average(kernel=where.kernel, stride=where.stride, dilation=where.dilation,
                        padding=where.padding, input=x.quantization, output=UNKNOWN)
    places = map_places(prototype.output_shape([source.shape]), order)
    return Rescaled(inputs=(source,), places=places, label=c.label, prototype=prototype)


def _pooled(c: Conversion, x: Function, *, fused: bool = False) -> Rescaled:
    """What AveragePool says of ``x``; ``fused`` with quantization in one node."""
    counted = bool(c.expect("count_include_pad", 0, (0, 1)))

    def window(source: Tensor, axes: int) -> Geometry:
        where = geometry(c, source.shape, axes, None, ceil=bool(c.expect("ceil_mode", 0, (0, 1))))
        if fused and counted and any(where.excess):
            raise Refused("ceil_mode: found 1 with count_include_pad and a last window that reaches beyond "
                          "the padding, which ONNX and ONNX Runtime count differently, allowed: one of them")
        return where

    return _average(c, x, window, count_padding=counted)


def _average_pool(c: Conversion) -> Value:
    """As MaxPool; `count_include_pad` either way."""
    c.inputs(1)
    return _pooled(c, c.of(Function))


def _qlinear_average_pool(c: Conversion) -> Value:
    """As AveragePool, channels first, in integers; `count_include_pad` not where `ceil_mode` reaches beyond
    the padding."""
    c.inputs(4, 5)
    c.expect("channels_last", 0, (0,))
    return _pooled(c, dequantized_input(c, 0), fused=True).quantized(c.builder, target(c, meaning(c, 3, 4)))


def _global_average_pool(c: Conversion) -> Value:
    """Of one or two axes beside batch and channels."""
    c.inputs(1)
    return _average(c, c.of(Function), lambda source, axes: _whole(source))


def _qlinear_global_average_pool(c: Conversion) -> Value:
    """As GlobalAveragePool, channels first, in integers."""
    c.inputs(4, 5)
    c.expect("channels_last", 0, (0,))
    real = _average(c, dequantized_input(c, 0), lambda source, axes: _whole(source))
    return real.quantized(c.builder, target(c, meaning(c, 3, 4)))


def _reduced(reduce: Callable[[Conversion, str], Value]) -> Callable[[Conversion], Value]:
    """A pool over height and width, of a value whose axes ``reduce`` is told, without or with these axes."""
    def convert(c: Conversion) -> Value:
        c.inputs(1, 2)
        shape = c.value(0).shape
        rank = len(shape)
        given = c.integers(1) if c.has(1) else c.attribute("axes", ())
        if not given and c.expect("noop_with_empty_axes", 0, (0, 1)):
            return c.value(0)
        axes = {axis_of(axis, rank) for axis in given} or set(range(rank))
        order = next((order for order in REDUCED_ORDERS.get(rank, ())
                      if all((order[axis] in "hw") == (axis in axes)
                             for axis in range(rank) if shape[axis] > 1)), None)
        if order is None:
            raise Refused(f"axes: found {sizes(sorted(axes))} of {sizes(shape)}, allowed: those of height "
                          f"and width, all of them")
        after = ([1 if axis in axes else size for axis, size in enumerate(shape)]
                 if c.expect("keepdims", 1, (0, 1)) else
                 [size for axis, size in enumerate(shape) if axis not in axes])
        return moved(reduce(c, order), lambda array: array.reshape(after))

    convert.__doc__ = "Over height and width, channels first or last, `keepdims` either way."
    return convert


def _mean(c: Conversion, order: str) -> Value:
    """Of the whole map."""
    return _average(c, c.of(Function), lambda source, axes: _whole(source), order=order)


def _greatest(c: Conversion, order: str) -> Value:
    """Of the whole map."""
    return _maximum(c, lambda source, axes: _whole(source), order)


WINDOWS: dict[str, Callable[[Conversion], Value]] = {
    "MaxPool": _max_pool,
    "GlobalMaxPool": _global_max_pool,
    "AveragePool": _average_pool,
    "GlobalAveragePool": _global_average_pool,
    "ReduceMean": _reduced(_mean),
    "ReduceMax": _reduced(_greatest),
    "com.microsoft.QLinearAveragePool": _qlinear_average_pool,
    "com.microsoft.QLinearGlobalAveragePool": _qlinear_global_average_pool,
}
