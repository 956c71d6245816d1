"""Average pooling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .arithmetic import Ints
from .mean_pool import MeanPool
from .operator import Int8
from .pool import PlainPool

__all__ = ["AvgPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(PlainPool, MeanPool):
    """TFLite-Micro's AVERAGE_POOL_2D: rounded half away from zero."""

    @property
    def zero_point(self) -> int:
        """None: means are rounded as they are stored."""
        return 0

    @property
    def tie(self) -> None:
        """Halves go away from zero."""

    def mean(self, sums: Ints, counts: Ints | int) -> Int8:
        """``sums / counts`` as C divides after half of ``counts`` is added away from zero."""
        mean = np.sign(sums) * ((np.abs(sums) + counts // 2) // counts)
        clamped: Int8 = np.clip(mean, *self.limits).astype(np.int8)
        return clamped
