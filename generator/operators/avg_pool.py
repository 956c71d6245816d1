"""Average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..bounds import sum_bounds
from ..requantizations import repeated
from ..staircase import fit
from .arithmetic import Ints
from .operator import Int8, Shape
from .pool import Pool
from .sliding import sliding
from .window import Window

__all__ = ["AvgPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(Pool):
    """The mean of the taps inside the map, rounded half away from zero and clamped."""

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's AVERAGE_POOL_2D on a batch."""
        x, = inputs
        sums = self.taps.gather(x, 0).sum(axis=(3, 4), dtype=np.int64)
        inside = sliding(self.taps, (x.shape[1], x.shape[2], 1), 0).inside((sums.shape[1], sums.shape[2]))
        return self._mean(sums, inside[..., np.newaxis])

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` window whose staircases divide, one for each number of taps inside the map."""
        height, width, channels = self.output_shape(inputs)
        shape, = inputs
        low, high = self.limits
        operand = sliding(self.taps, shape, 0)
        counts = np.unique(operand.inside((height, width)))
        staircases = [fit(partial(self._mean, counts=count), sum_bounds(int(count), 1),
                          bias=np.zeros(1, np.int64), low=low, high=high) for count in counts]
        return Window(operation="sum", operands=(operand,), size=(height, width), out_channels=channels,
                      requantizations=tuple(repeated(staircase, channels) for staircase in staircases),
                      counts=tuple(counts.tolist()) if len(counts) > 1 else ())

    def _mean(self, sums: Ints, counts: Ints) -> Int8:
        """``sums / counts`` as C divides after half of ``counts`` is added away from zero."""
        mean = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
        clamped: Int8 = np.clip(mean, *self.limits).astype(np.int8)
        return clamped
