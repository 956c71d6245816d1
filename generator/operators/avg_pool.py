"""Average pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..bounds import sum_bounds
from ..staircase import fit
from .arithmetic import Ints
from .operator import Int8, Shape
from .pool import Pool
from .window import Window

__all__ = ["AvgPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(Pool):
    """The mean of the taps inside the map, rounded half away from zero and clamped."""

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions."""
        return "avg_pool"

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's AVERAGE_POOL_2D on a batch."""
        x, = inputs
        sums = self.taps.gather(x, 0).sum(axis=(3, 4), dtype=np.int64)
        counts = self.taps.valid((x.shape[1], x.shape[2], 1))
        return self._mean(sums, counts[:, :, np.newaxis])

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` window whose staircase divides; every position must average equally many taps."""
        self.output_shape(inputs)
        shape = inputs[0]
        counts = np.unique(self.taps.valid(shape))
        if len(counts) > 1:
            raise ValueError(f"averages {counts[0]} to {counts[-1]} taps by position because of its padding "
                             f"{self.padding}, which the hardware cannot divide by yet; use no padding")
        low, high = self.limits
        taps, channels = self.kernel[0] * self.kernel[1], shape[2]
        return Window(operation="sum", kernel=self.kernel, stride=self.stride, padding=self.padding,
                      out_channels=channels, pad_value=0,
                      requantization=fit(lambda sums: self._mean(sums, counts), sum_bounds(taps, channels),
                                         bias=np.zeros(channels, np.int64), low=low, high=high))

    def _mean(self, sums: Ints, counts: Ints) -> Int8:
        """``sums / counts`` as C divides after half of ``counts`` is added away from zero."""
        mean = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
        clamped: Int8 = np.clip(mean, *self.limits).astype(np.int8)
        return clamped
