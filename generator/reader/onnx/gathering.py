"""Parts of a tensor put together anew, as slices of it side by side whose channels are taken in some order.

Slices, splits, shuffles of channels and what moves blocks of pixels into channels all amount to that, however
a file says it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ...operators.operator import Shape
from ...operators.slice import Slice

__all__ = ["Gathering", "Places", "gathering"]

Places = npt.NDArray[np.int64]

# Slices that are put side by side; each is read for itself by whoever reads the whole.
MAX_SLICES = 64


@dataclass(frozen=True, kw_only=True)
class Gathering:
    """``channels`` of ``slices`` side by side."""

    slices: tuple[Slice, ...]
    channels: tuple[int, ...]


def gathering(shape: Shape, places: Places) -> Gathering | None:
    """How to take ``places [h, w, c]`` of a tensor of ``shape``; None where that is no :class:`Gathering`.

    It is one where each channel of the outcome is every so many rows and columns of one channel.
    """
    rows, columns, channels = np.unravel_index(places, shape)
    height, width, depth = places.shape
    steps = _step(rows[:, 0, 0]), _step(columns[0, :, 0])
    if (not (rows == rows[:1, :1] + steps[0] * np.arange(height)[:, np.newaxis, np.newaxis]).all()
            or not (columns == columns[:1, :1] + steps[1] * np.arange(width)[:, np.newaxis]).all()
            or not (channels == channels[:1, :1]).all() or min(steps) < 1):
        return None
    firsts = list(zip(rows[0, 0].tolist(), columns[0, 0].tolist(), strict=True))
    corners = list(dict.fromkeys(firsts))
    taken = channels[0, 0]
    between = _step(taken)
    if len(corners) == 1 and between > 0 and (np.diff(taken) == between).all():
        one = Slice(begin=(*corners[0], int(taken[0])), size=(height, width, depth), stride=(*steps, between))
        return Gathering(slices=(one,), channels=tuple(range(depth)))
    if len(corners) > MAX_SLICES:
        return None
    slices = tuple(Slice(begin=(*corner, 0), size=(height, width, shape[2]), stride=(*steps, 1))
                   for corner in corners)
    parts = [corners.index(first) for first in firsts]
    return Gathering(slices=slices, channels=tuple((np.array(parts) * shape[2] + taken).tolist()))


def _step(indices: npt.NDArray[np.intp]) -> int:
    """From the first to the second; 1 where there is no second."""
    return int(indices[1] - indices[0]) if len(indices) > 1 else 1
