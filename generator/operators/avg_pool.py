"""Average pooling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..quantization import Quantization
from .arithmetic import Ints
from .checks import check_scale
from .mean_pool import MeanPool
from .operator import Int8

__all__ = ["AvgPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AvgPool(MeanPool):
    """TFLite-Micro's AVERAGE_POOL_2D: rounded half away from zero; one quantization for input and output."""

    quantization: Quantization

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("quantization", self.quantization)

    @property
    def meaning(self) -> Quantization:
        """That of the input too."""
        return self.quantization

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
