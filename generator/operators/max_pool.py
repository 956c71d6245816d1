"""Max pooling."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..quantization import INT8_MIN
from ..requantizations import identity
from .operator import Int8, Shape
from .pool import PlainPool
from .sliding import sliding
from .window import Window

__all__ = ["MaxPool"]


@dataclass(frozen=True, kw_only=True, eq=False)
class MaxPool(PlainPool):
    """The largest tap, clamped: ``y = clamp(max(x))``."""

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's MAX_POOL_2D on a batch; padding reads the least int8, which no tap is below."""
        x, = inputs
        return np.clip(self.taps.gather(x, INT8_MIN).max(axis=(3, 4)), *self.limits)

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``max`` window whose staircase is the identity, clamped."""
        height, width, channels = self.output_shape(inputs)
        return Window(operation="max", operands=(sliding(self.taps, inputs[0], INT8_MIN),),
                      size=(height, width), out_channels=channels,
                      requantizations=(identity(channels, *self.limits),))
