"""Operators that only move values: reshapes, transposes, and what else is an operation on places."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..limits import MAX_DIMENSION, MAX_VALUES
from ..refusals import Refused, sizes
from .conversion import Conversion, Value, axis_of, reshaped
from .hosted import Hosted
from .model_file import Array
from .reals import Function, Given, Waiting
from .values import Constant, Stored, Weights, least

__all__ = ["MOVES", "check_size", "moved"]

Move = Callable[[Array], Array]


def moved(value: Value, move: Move) -> Value:
    """``value`` with its entries moved as ``move`` moves those of an array."""
    match value:
        case Weights():
            scale, zero = (least(move(np.broadcast_to(part, value.shape)))
                           for part in (value.scale, value.zero))
            return Weights(integers=move(value.integers), scale=scale, zero=zero)
        case Function():
            return replace(value, stored=value.stored.seen(move(value.stored.places)))
        case Constant():
            return Constant(array=move(value.array))
        case Stored() | Given() | Waiting():
            return replace(value, places=move(value.places))
        case Hosted():
            places = np.arange(prod(value.shape)).reshape(value.shape)
            after = move(places)
            if not np.array_equal(after.reshape(-1), places.reshape(-1)):
                raise Refused("input: found values that the host computes, allowed: those on the chip")
            return replace(value, shape=after.shape)
        case _:
            raise Refused("input: found values of different scales side by side, allowed: one that goes "
                          "through QuantizeLinear and DequantizeLinear first")


def _identity(c: Conversion) -> Value:
    """Left out."""
    c.inputs(1, 3)
    return c.value(0)


def _reshape(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    c.inputs(2)
    value, keep = c.value(0), c.expect("allowzero", 0, (0, 1))
    shape = reshaped(c.integers(1), value.shape, copy_zeros=not keep)
    return moved(value, lambda array: array.reshape(shape))


def _flatten(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    c.inputs(1)
    value = c.value(0)
    axis = c.attribute("axis", 1)
    axis = len(value.shape) if axis == len(value.shape) else axis_of(axis, len(value.shape))
    shape = prod(value.shape[:axis]), prod(value.shape[axis:])
    return moved(value, lambda array: array.reshape(shape))


def _transpose(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    c.inputs(1)
    value = c.value(0)
    rank = len(value.shape)
    order = c.attribute("perm", tuple(reversed(range(rank))))
    if sorted(order) != list(range(rank)):
        raise Refused(f"perm: found {sizes(order)}, allowed: an order of {rank} axes")
    return moved(value, lambda array: array.transpose(order))


def _axes(c: Conversion) -> tuple[int, ...] | None:
    """The axes of Squeeze and Unsqueeze: an attribute before version 13, an input from then on."""
    if c.has(1):
        return c.integers(1)
    found: tuple[Any, ...] = c.attribute("axes", ())
    return found or None


def _squeeze(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    c.inputs(1, 2)
    value, given = c.value(0), _axes(c)
    shape = value.shape
    axes = ([axis for axis, size in enumerate(shape) if size == 1] if given is None
            else [axis_of(axis, len(shape)) for axis in given])
    if any(shape[axis] != 1 for axis in axes):
        raise Refused(f"axes: found {sizes(axes)} of {sizes(shape)}, allowed: axes of length 1")
    return moved(value, lambda array: array.reshape([size for i, size in enumerate(shape) if i not in axes]))


def _unsqueeze(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    c.inputs(1, 2)
    value, given = c.value(0), _axes(c) or ()
    rank = len(value.shape) + len(given)
    axes = {axis_of(axis, rank) for axis in given}
    if len(axes) != len(given) or not axes:
        raise Refused(f"axes: found {sizes(given)}, allowed: different axes, at least one")
    rest = iter(value.shape)
    shape = [1 if axis in axes else next(rest) for axis in range(rank)]
    return moved(value, lambda array: array.reshape(shape))


def _tile(c: Conversion) -> Value:
    """Channels; rows and columns each as often after itself, as Reshapes around it have that; anything before
    the output."""
    c.inputs(2)
    value, repeats = c.value(0), c.integers(1)
    if len(repeats) != len(value.shape) or any(times < 1 for times in repeats):
        raise Refused(f"repeats: found {sizes(repeats)} for {len(value.shape)} axes, allowed: at least 1 for "
                      f"each")
    check_size(prod(value.shape) * prod(repeats))
    return moved(value, lambda array: np.tile(array, repeats))


def _expand(c: Conversion) -> Value:
    """As Tile."""
    c.inputs(2)
    value, given = c.value(0), c.integers(1)
    try:
        shape = np.broadcast_shapes(value.shape, given)
    except ValueError:
        shape = ()
    if 0 in shape or not shape:
        raise Refused(f"shape: found {sizes(given)} for {sizes(value.shape)}, allowed: one that this spreads "
                      f"over")
    check_size(prod(shape))
    return moved(value, lambda array: np.broadcast_to(array, shape))


def check_size(count: int) -> None:
    """:class:`Refused` where a value would have so many entries that memory runs out."""
    if count > MAX_VALUES:
        raise Refused(f"output: found {count} values, allowed: at most {MAX_VALUES}")


def _blocks(c: Conversion, value: Value) -> int:
    """The sides of square blocks of pixels that move into channels or out of them."""
    c.inputs(1)
    size = c.attribute("blocksize", 0)
    if len(value.shape) != 4 or not 1 <= size <= MAX_DIMENSION:
        raise Refused(f"blocksize: found {size} for {len(value.shape)} axes, allowed: at least 1, for 4 axes")
    return size


def _mode(c: Conversion) -> str:
    """Whether channels are first the place in a block (DCR), or first the channel of the pixels (CRD)."""
    return c.expect("mode", "DCR", ("DCR", "CRD"))


def _space_to_depth(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    value = c.value(0)
    size = _blocks(c, value)
    batch, channels, height, width = value.shape
    if height % size or width % size:
        raise Refused(f"blocksize: found {size} for {height}x{width} pixels, allowed: one that divides both")
    apart = batch, channels, height // size, size, width // size, size
    order = (0, 3, 5, 1, 2, 4) if _mode(c) == "DCR" else (0, 1, 3, 5, 2, 4)
    return moved(value, lambda array: array.reshape(apart).transpose(order).reshape(
        batch, channels * size * size, height // size, width // size))


def _depth_to_space(c: Conversion) -> Value:
    """Where whoever reads it can follow, see above."""
    value = c.value(0)
    size = _blocks(c, value)
    batch, channels, height, width = value.shape
    if channels % (size * size):
        raise Refused(f"blocksize: found {size} for {channels} channels, allowed: one whose square divides "
                      f"them")
    if _mode(c) == "DCR":
        apart, order = (batch, size, size, -1, height, width), (0, 3, 4, 1, 5, 2)
    else:
        apart, order = (batch, -1, size, size, height, width), (0, 1, 4, 2, 5, 3)
    return moved(value, lambda array: array.reshape(apart).transpose(order).reshape(
        batch, channels // (size * size), height * size, width * size))


MOVES: dict[str, Callable[[Conversion], Value]] = {
    "Identity": _identity,
    "Dropout": _identity,
    "Reshape": _reshape,
    "Flatten": _flatten,
    "Transpose": _transpose,
    "Squeeze": _squeeze,
    "Unsqueeze": _unsqueeze,
    "Tile": _tile,
    "Expand": _expand,
    "SpaceToDepth": _space_to_depth,
    "DepthToSpace": _depth_to_space,
}
