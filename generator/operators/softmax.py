"""Softmax, which stays on the host."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..quantization import INT8_MAX, INT8_MIN, Quantization
from .arithmetic import INT32_MAX, Ints, quantize_multiplier
from .checks import check_scale, only_input, text
from .fixed_point import exp_of_negative, high_product, reciprocal, rounding_shift
from .host import HostOperator
from .operator import Int8, Shape

__all__ = ["Softmax"]

# Differences from the largest input are Q5.26, the sum of their exponentials is Q12.19.
DIFFERENCE_BITS, SUM_BITS = 5, 12


@dataclass(frozen=True, kw_only=True, eq=False)
class Softmax(HostOperator):
    """TFLite's SOFTMAX from int8 to int8 along the channels; the output has scale 1/256, zero point -128."""

    input: Quantization
    output: Quantization
    beta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("input", self.input)
        if self.output != Quantization(scale=1 / 256, zero_point=INT8_MIN):
            raise ValueError(f"output must have scale {1 / 256} and zero point -128, "
                             f"not {self.output.scale} and {self.output.zero_point}")
        if not abs(self.beta) <= float(np.finfo(np.float32).max) or self._scale <= 1:
            raise ValueError(f"beta must be more than {2.0**-26 / self.input.scale:g} for an input scale of "
                             f"{self.input.scale:g}, and a finite float32, not {self.beta:g}")

    def __str__(self) -> str:
        return "softmax"

    @property
    def _scale(self) -> float:
        """What an input difference of 1 amounts to in Q5.26."""
        product = float(np.float32(self.beta)) * float(np.float32(self.input.scale))
        return min(product * 2.0**(31 - DIFFERENCE_BITS), float(INT32_MAX))

    @property
    def exponentials(self) -> Ints:
        """``exp`` of the differences 0, -1, ... -255 from the largest input in Q0.31; 0 where too far."""
        m, s = quantize_multiplier(np.array([self._scale]))
        farthest = 31 << (31 - DIFFERENCE_BITS) >> int(s[0])
        difference = -np.arange(256, dtype=np.int64)
        near = difference >= -farthest
        scaled = high_product(np.where(near, difference, 0) << s, m)
        return np.where(near, exp_of_negative(scaled, DIFFERENCE_BITS), 0)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input; so many channels that their sum fits in 32 bits."""
        shape = only_input(inputs)
        if shape[2] >= 1 << SUM_BITS:
            raise ValueError(f"adds up at most {(1 << SUM_BITS) - 1} channels, but the input {text(shape)} "
                             f"has {shape[2]}")
        return shape

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's reference kernel on a batch.

        Where more than 511 inputs are as large as the largest the reference stops; here they give -128.
        """
        x, = inputs
        distance = x.max(axis=-1, keepdims=True).astype(np.int64) - x
        exponentials = self.exponentials[distance]
        total = rounding_shift(exponentials, SUM_BITS).sum(axis=-1, keepdims=True)
        scale, excess = reciprocal(total, SUM_BITS)
        y = rounding_shift(high_product(scale, exponentials), excess + 31 - 8) + INT8_MIN
        return np.clip(y, INT8_MIN, INT8_MAX).astype(np.int8)
