"""Means of windows as ONNX Runtime has them: rescaled, rounded once, half to even."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..quantization import Quantization
from .arithmetic import MULTIPLIER_BITS, Ints
from .checks import check_scale
from .half_even import rescale, scale_product
from .mean_pool import MeanPool
from .operator import Int8

__all__ = ["Average"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Average(MeanPool):
    """The mean of the taps of each window, from ``input`` to ``output``, as ONNX Runtime computes it."""

    input: Quantization
    output: Quantization

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("input", self.input)
        check_scale("output", self.output)

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions."""
        return "avg_pool"

    @property
    def meaning(self) -> Quantization:
        """The output's own."""
        return self.output

    @property
    def zero_point(self) -> int:
        """The input's."""
        return self.input.zero_point

    @property
    def tie(self) -> int:
        """The zero point, which is added after rounding."""
        return self.output.zero_point

    @property
    def multiplier_bits(self) -> int:
        """Width of the multipliers by the rule that it rounds by."""
        return MULTIPLIER_BITS["half_even"]

    def mean(self, sums: Ints, counts: Ints | int) -> Int8:
        """Outputs of the ``sums`` of ``counts`` raw values."""
        # The order of ONNX Runtime: the output's scale times the count, in float32, divides the input's.
        scale = scale_product(self.input.scale, 1.0, 1.0) / scale_product(
            self.output.scale, np.asarray(counts, np.float64), 1.0)
        means = rescale(sums - self.input.zero_point * counts, scale) + self.output.zero_point
        clamped: Int8 = np.clip(means, *self.limits).astype(np.int8)
        return clamped
