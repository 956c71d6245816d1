"""Sliding windows: where a kernel lands on a map, the taps that it reads there, and exact dot products."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .arithmetic import Ints
from .checks import check_ints, text
from .operator import Int8, Shape

__all__ = ["Taps", "Weights", "chunks", "dot", "matrix_product"]

# Of a dot product, at most the differences of two int8.
Weights = Int8 | npt.NDArray[np.int16]

# Float32 holds integers up to 2**24 exactly, and a product of two int8 is at most 2**14.
EXACT_IN_FLOAT32 = 2**10

# Patches are gathered for so many values at a time, which bounds memory for large batches and maps.
CHUNK = 2**22


@dataclass(frozen=True, kw_only=True)
class Taps:
    """The geometry of a window: ``(height, width)`` pairs, and padding as ``(top, left, bottom, right)``."""

    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_ints("kernel", self.kernel, "height width", 1)
        check_ints("stride", self.stride, "height width", 1)
        check_ints("padding", self.padding, "top left bottom right", 0)
        check_ints("dilation", self.dilation, "height width", 1)
        height, width = self.extent
        if max(self.padding[0::2]) >= height or max(self.padding[1::2]) >= width:
            raise ValueError(f"padding must be smaller than the kernel's extent {text(self.extent)}, "
                             f"not {self.padding} (top, left, bottom, right)")

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns from the first tap to the last."""
        (kh, kw), (dh, dw) = self.kernel, self.dilation
        return (kh - 1) * dh + 1, (kw - 1) * dw + 1

    def output_size(self, input: Shape) -> tuple[int, int]:
        """Rows and columns of the output: only positions where the kernel lies inside the padded input."""
        top, left, bottom, right = self.padding
        height, width = input[0] + top + bottom, input[1] + left + right
        if height < self.extent[0] or width < self.extent[1]:
            raise ValueError(f"kernel of extent {text(self.extent)} is larger than its padded input "
                             f"{text((height, width))}, use a smaller kernel or more padding")
        return (height - self.extent[0]) // self.stride[0] + 1, (width - self.extent[1]) // self.stride[1] + 1

    def gather(self, x: Int8, pad_value: int) -> Int8:
        """The taps of every position: a view ``[n, oh, ow, kh, kw, c]`` of the padded ``x [n, h, w, c]``."""
        top, left, bottom, right = self.padding
        padded = np.pad(x, ((0, 0), (top, bottom), (left, right), (0, 0)), constant_values=pad_value)
        windows = np.lib.stride_tricks.sliding_window_view(padded, self.extent, axis=(1, 2))
        taps = windows[:, ::self.stride[0], ::self.stride[1], :, ::self.dilation[0], ::self.dilation[1]]
        return taps.transpose(0, 1, 2, 4, 5, 3)


def dot(x: Int8, weights: Weights, taps: Taps, pad_value: int) -> Ints:
    """Exact sums of products of ``x [n, h, w, ci]`` and ``weights [co, kh, kw, ci]``, ``[n, oh, ow, co]``."""
    n, height, width, _ = x.shape
    oh, ow = taps.output_size((height, width, x.shape[3]))
    sums = np.empty((n, oh, ow, len(weights)), np.int64)
    for some, rows in chunks(n, oh, ow * int(np.prod(weights.shape[1:]))):
        sums[some, rows] = matrix_product(taps.gather(x[some], pad_value)[:, rows], weights)
    return sums


def chunks(frames: int, rows: int, values: int) -> Iterator[tuple[slice, slice]]:
    """Frames and rows of which patches are gathered at a time, where a row has ``values`` in them.

    Whole frames as far as they fit, else rows of a single one.
    """
    band = max(1, min(rows, CHUNK // values))
    step = max(1, CHUNK // (rows * values))
    for frame in range(0, frames, step):
        for row in range(0, rows, band):
            yield slice(frame, frame + step), slice(row, row + band)


def matrix_product(taps: Int8, weights: Weights) -> Ints:
    """Exact sums of products of ``taps [n, oh, ow, kh, kw, ci]`` and ``weights [co, kh, kw, ci]``.

    The matrix product runs in floating point, where it is fast; its width is chosen so that every partial
    sum is an integer that it holds exactly.
    """
    terms = int(np.prod(weights.shape[1:]))
    exact = weights.dtype == np.int8 and terms <= EXACT_IN_FLOAT32
    dtype: npt.DTypeLike = np.float32 if exact else np.float64
    rows, matrix = taps.astype(dtype).reshape(-1, terms), weights.reshape(len(weights), terms).T.astype(dtype)
    # Vector units of BLAS may raise the flag of lanes that hold nothing; all values here are finite.
    with np.errstate(invalid="ignore"):
        products = rows @ matrix
    sums: Ints = products.astype(np.int64).reshape(*taps.shape[:3], len(weights))
    return sums
