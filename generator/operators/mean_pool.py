"""What average pools share, however they round."""

from __future__ import annotations

from abc import abstractmethod
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

__all__ = ["MeanPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MeanPool(Pool):
    """The mean of the taps inside the map, rescaled and clamped."""

    @property
    @abstractmethod
    def zero_point(self) -> int:
        """What comes off each value before it is added."""

    @property
    @abstractmethod
    def tie(self) -> int | None:
        """What is added after rounding half to even, None for other rounding; see `staircase.fit`."""

    @abstractmethod
    def mean(self, sums: Ints, counts: Ints | int) -> Int8:
        """Outputs of the ``sums`` of ``counts`` raw values."""

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """The reference kernel on a batch."""
        x, = inputs
        sums = self.taps.gather(x, 0).sum(axis=(3, 4), dtype=np.int64)
        inside = sliding(self.taps, (x.shape[1], x.shape[2], 1), 0).inside((sums.shape[1], sums.shape[2]))
        return self.mean(sums, inside[..., np.newaxis])

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` window whose staircases divide, one for each number of taps inside the map."""
        height, width, channels = self.output_shape(inputs)
        shape, = inputs
        low, high = self.limits
        operand = sliding(self.taps, shape, 0)
        counts = tuple(np.unique(operand.inside((height, width))).tolist())
        staircases = [fit(partial(self.mean, counts=count), sum_bounds(count, 1),
                          bias=np.array([-self.zero_point * count]), low=low, high=high, zero=self.tie)
                      for count in counts]
        return Window(operation="sum", operands=(operand,), size=(height, width), out_channels=channels,
                      requantizations=tuple(repeated(staircase, channels) for staircase in staircases),
                      counts=counts if len(counts) > 1 else ())
