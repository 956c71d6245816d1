"""Mean of every channel over height and width."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from ..bounds import sum_bounds
from ..quantization import INT8_MAX, INT8_MIN, Quantization
from ..requantizations import repeated
from ..staircase import fit
from .arithmetic import INT32_MAX, INT32_MIN, MULTIPLIER_BITS, Ints, multiply, quantize_multiplier
from .checks import check_scale, only_input, text
from .operator import Int8, Operator, Shape
from .sliding import sliding
from .taps import Taps
from .window import Window

__all__ = ["Mean"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mean(Operator):
    """TFLite's MEAN on int8 over height and width, with a rescaling from ``input`` to ``output``.

    Not the average of a pool: the reference divides its 31-bit multiplier by the number of values, cuts the
    quotient off, and rounds twice.
    """

    input: Quantization
    output: Quantization

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("input", self.input)
        check_scale("output", self.output)

    def __str__(self) -> str:
        return "mean"

    @property
    def multiplier_bits(self) -> int:
        """Width of the multipliers by the rule that it rounds by."""
        return MULTIPLIER_BITS["twice"]

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One row, one column, channels as in the input."""
        return 1, 1, only_input(inputs)[2]

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's MEAN on a batch."""
        x, = inputs
        return self._mean(x.sum(axis=(1, 2), dtype=np.int64, keepdims=True), count=x.shape[1] * x.shape[2])

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` window as large as the map.

        A ``ValueError`` where the map has more values than the 32 bits hold that the reference adds in.
        """
        _, _, channels = self.output_shape(inputs)
        shape, = inputs
        count = shape[0] * shape[1]
        bounds = sum_bounds(count, 1)
        bias = np.array([-self.input.zero_point * count], np.int64)
        within = bounds.plus(bias)
        if min(bounds.lowest[0], within.lowest[0]) < INT32_MIN or within.highest[0] > INT32_MAX:
            raise ValueError(f"{count} values of a channel of the input {text(shape)} may add up to more "
                             f"than 32 bits, in which the reference accumulates; use a smaller map")
        staircase = fit(partial(self._mean, count=count), bounds, bias=bias, low=INT8_MIN, high=INT8_MAX)
        whole = Taps(kernel=(shape[0], shape[1]), stride=(1, 1), padding=(0, 0, 0, 0))
        return Window(operation="sum", operands=(sliding(whole, shape, 0),), size=(1, 1),
                      out_channels=channels, requantizations=(repeated(staircase, channels),))

    def _mean(self, sums: Ints, *, count: int) -> Int8:
        """Outputs of the ``sums`` of ``count`` raw values."""
        scale = float(np.float32(self.input.scale)) / float(np.float32(self.output.scale))
        multiplier, exponent = quantize_multiplier(np.array(scale))
        # The quotient keeps its bits by a shift first, as far as a right shift of 31 makes up for it.
        shift = min(count.bit_length() - 1, 32, 31 + int(exponent))
        scaled = multiply(sums - self.input.zero_point * count, (multiplier << shift) // count,
                          exponent - shift)
        clamped: Int8 = np.clip(scaled + self.output.zero_point, INT8_MIN, INT8_MAX).astype(np.int8)
        return clamped
