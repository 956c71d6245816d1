"""Resize to the nearest neighbour: which row and column each output reads, by all of ONNX's rules."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from ...operators.arithmetic import Ints
from ...operators.half_even import Singles
from ...operators.resize_nearest import ResizePositions
from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from .conversion import Conversion, Value, axis_of, on_integers, picked
from .values import Stored

__all__ = ["RESIZES"]

# Where an output lies in the input: from its index, the scale, and both lengths.
Coordinates = Callable[[Singles, np.float32, int, int], Singles]

HALF = np.float32(0.5)


def _half_pixel(index: Singles, scale: np.float32, given: int, wanted: int) -> Singles:
    return (index + HALF) / scale - HALF


def _pytorch_half_pixel(index: Singles, scale: np.float32, given: int, wanted: int) -> Singles:
    return _half_pixel(index, scale, given, wanted) if wanted > 1 else np.zeros_like(index)


def _half_pixel_symmetric(index: Singles, scale: np.float32, given: int, wanted: int) -> Singles:
    share = np.float32(wanted) / (scale * np.float32(given))
    return np.float32(given / 2) * (np.float32(1) - share) + _half_pixel(index, scale, given, wanted)


def _align_corners(index: Singles, scale: np.float32, given: int, wanted: int) -> Singles:
    if wanted == 1:
        return np.zeros_like(index)
    return index * np.float32(given - 1) / np.float32(wanted - 1)


def _asymmetric(index: Singles, scale: np.float32, given: int, wanted: int) -> Singles:
    return index / scale


COORDINATES: dict[str, Coordinates] = {
    "half_pixel": _half_pixel, "pytorch_half_pixel": _pytorch_half_pixel,
    "half_pixel_symmetric": _half_pixel_symmetric, "align_corners": _align_corners,
    "asymmetric": _asymmetric,
}
NEAREST: dict[str, Callable[[Singles], Singles]] = {
    "round_prefer_floor": lambda x: np.ceil(x - HALF), "round_prefer_ceil": lambda x: np.floor(x + HALF),
    "floor": np.floor, "ceil": np.ceil,
}


def _positions(coordinates: str, nearest: str, scale: np.float32, given: int, wanted: int) -> Ints:
    index = np.arange(wanted).astype(np.float32)
    exact = COORDINATES[coordinates](index, scale, given, wanted)
    return np.clip(NEAREST[nearest](exact), 0, given - 1).astype(np.int64)


def _emit(c: Conversion, scales: Sequence[np.float32], wanted: Sequence[int], coordinates: str,
          nearest: str) -> Value:
    """The layer for a scale and a length of every axis."""
    value, stored = picked(c)
    shape = stored.shape
    if len(shape) != 4 or wanted[0] != shape[0] or wanted[1] != shape[1]:
        raise Refused(f"scales: found {sizes(shape)} resized to {sizes(wanted)}, allowed: another height and "
                      f"width of 4 axes (batch, channels, height, width)")
    if any(not 1 <= size <= MAX_DIMENSION for size in wanted):
        raise Refused(f"sizes: found {sizes(wanted)}, allowed: 1 to {MAX_DIMENSION} each")
    rows, columns = (_positions(coordinates, nearest, scales[axis], shape[axis], wanted[axis])
                     for axis in (2, 3))
    source = c.builder.map(stored, "nchw", c.label)
    tensor = c.builder.emit(c.label, ResizePositions(rows=rows, columns=columns), [source], c.node.outputs[0],
                            source.quantization)
    return on_integers(value, Stored.of_map(tensor, "nchw", stored))


def _resize(c: Conversion) -> Value:
    """To the nearest neighbour, by scales or to sizes, coordinates of all kinds but tf_crop_and_resize; what
    rounding in float32 spreads unevenly is refused."""
    c.inputs(1, 4)
    c.expect("mode", "nearest", ("nearest",))
    c.expect("keep_aspect_ratio_policy", "stretch", ("stretch",))
    shape = c.value(0).shape
    axes = [axis_of(axis, len(shape)) for axis in c.attribute("axes", tuple(range(len(shape))))]
    scales, wanted = [np.float32(1)] * len(shape), list(shape)
    by_scale = 1 if c.opset < 11 else 2
    if c.has(by_scale) and c.array(by_scale).size:
        found = c.array(by_scale).reshape(-1).astype(np.float32)
        _check_count(found, axes, "scales")
        for axis, scale in zip(axes, found, strict=True):
            if not 0 < scale < MAX_DIMENSION:
                raise Refused(f"scales: found {scale:g}, allowed: above 0, below {MAX_DIMENSION}")
            scales[axis], wanted[axis] = scale, int(np.float32(shape[axis]) * scale)
    elif c.has(3):
        lengths = c.integers(3)
        _check_count(lengths, axes, "sizes")
        for axis, length in zip(axes, lengths, strict=True):
            scales[axis], wanted[axis] = np.float32(length) / np.float32(shape[axis]), length
    else:
        raise Refused("scales: found neither scales nor sizes, allowed: one of them")
    if c.opset < 11:
        return _emit(c, scales, wanted, "asymmetric", "floor")
    return _emit(c, scales, wanted,
                 c.expect("coordinate_transformation_mode", "half_pixel", tuple(COORDINATES)),
                 c.expect("nearest_mode", "round_prefer_floor", tuple(NEAREST)))


def _check_count(found: Sequence[object] | Singles, axes: Sequence[int], what: str) -> None:
    if len(found) != len(axes):
        raise Refused(f"{what}: found {len(found)}, allowed: {len(axes)}, one for each axis")


def _upsample(c: Conversion) -> Value:
    """To the nearest neighbour, by scales."""
    c.inputs(1, 2)
    c.expect("mode", "nearest", ("nearest",))
    found = c.array(1).reshape(-1) if c.has(1) else np.array(c.attribute("scales", ()))
    shape = c.value(0).shape
    _check_count(found, shape, "scales")
    scales = [np.float32(scale) for scale in found]
    if any(not 1 <= scale < MAX_DIMENSION for scale in scales):
        raise Refused(f"scales: found {min(scales):g} to {max(scales):g}, allowed: from 1, below "
                      f"{MAX_DIMENSION}")
    wanted = [int(np.float32(size) * scale) for size, scale in zip(shape, scales, strict=True)]
    return _emit(c, scales, wanted, "asymmetric", "floor")


RESIZES: dict[str, Callable[[Conversion], Value]] = {"Resize": _resize, "Upsample": _upsample}
