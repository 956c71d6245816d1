"""Parts of a tensor put together anew, side by side, their channels taken in some order.

Slices, splits, shuffles of channels, what moves blocks of pixels into channels, and what repeats rows and
columns all amount to that, however a file says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...operators.line import line_through
from ...operators.operator import Operator, Shape
from ...operators.resize_nearest import ResizePositions
from ...operators.slice import Slice
from ..refusals import Refused

__all__ = ["Gathering", "Places", "gathering"]

Places = npt.NDArray[np.int64]

MOVED = ("input: found values that are moved between rows, columns and channels, allowed: such moves before "
         "a Gemm or MatMul that reads all of them, at the ends of the network, and of blocks of pixels into "
         "channels")

# Slices that are put side by side; each is read for itself by whoever reads the whole.
MAX_SLICES = 64


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """``channels`` of ``parts``, slices or a resized map, side by side."""

    parts: tuple[Operator, ...]
    channels: tuple[int, ...]


def gathering(shape: Shape, places: Places) -> Gathering:
    """How to take ``places [h, w, c]`` of a tensor of ``shape``; :class:`Refused` where that is none.

    It is one where each channel of the outcome is, of one channel, every so many rows and columns from
    somewhere on; or for all channels the same rows and columns, each about as often as the others.
    """
    rows, columns, channels = np.unravel_index(places, shape)
    height, width, depth = places.shape
    down, right, taken = rows[:, 0, 0], columns[0, :, 0], channels[0, 0]
    if (not (rows == rows[:1, :1] + (down - down[0])[:, np.newaxis, np.newaxis]).all()
            or not (columns == columns[:1, :1] + (right - right[0])[:, np.newaxis]).all()
            or not (channels == taken).all()):
        raise Refused(MOVED)
    firsts = list(zip(rows[0, 0].tolist(), columns[0, 0].tolist(), strict=True))
    corners = list(dict.fromkeys(firsts))
    steps = _step(down), _step(right)
    if min(steps) < 1:
        if len(corners) > 1:
            raise Refused(MOVED)
        resized = ResizePositions(rows=_on_line(down), columns=_on_line(right))
        return Gathering(parts=(resized,), channels=tuple(taken.tolist()))
    between = _step(taken)
    if len(corners) == 1 and between > 0:
        one = Slice(begin=(*corners[0], int(taken[0])), size=(height, width, depth), stride=(*steps, between))
        return Gathering(parts=(one,), channels=tuple(range(depth)))
    if len(corners) > MAX_SLICES:
        raise Refused(f"input: found channels out of {len(corners)} places of each block of pixels, allowed: "
                      f"at most {MAX_SLICES}")
    slices = tuple(Slice(begin=(*corner, 0), size=(height, width, shape[2]), stride=(*steps, 1))
                   for corner in corners)
    parts = [corners.index(first) for first in firsts]
    return Gathering(parts=slices, channels=tuple((np.array(parts) * shape[2] + taken).tolist()))


def _step(indices: npt.NDArray[np.intp]) -> int:
    """From each to the next; 1 where there is no next, 0 where it is not the same for all."""
    steps = np.unique(np.diff(indices)).tolist()
    return 1 if not steps else int(steps[0]) if len(steps) == 1 else 0


def _on_line(indices: npt.NDArray[np.intp]) -> Places:
    """``indices`` of rows or columns that hardware can step through."""
    if (np.diff(indices) < 0).any() or line_through(indices.tolist()) is None:
        raise Refused("input: found rows or columns that are read backwards, again from the start, or in "
                      "unequal steps, allowed: forwards, in equal steps or each as often as the others")
    return indices.astype(np.int64)
