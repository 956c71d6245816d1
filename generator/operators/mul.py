"""Multiplication of two tensors, or of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..bounds import dot_bounds, product_bounds
from ..requantizations import repeated
from ..staircase import fit
from .arithmetic import MULTIPLIER_BITS, ROUNDINGS, Ints, Rounding, multiply, quantize_multiplier
from .checks import check_rounding
from .elementwise import Elementwise, operand
from .half_even import scale_product, steps
from .operator import Int8, Shape
from .window import Window

__all__ = ["Mul"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Mul(Elementwise):
    """The product of two values without their zero points, rescaled and clamped.

    As TFLite's MUL, with ``rounding`` "half_even" as ONNX's Mul of dequantized values, with
    "biased_half_even" as ONNX Runtime's QLinearMul.
    """

    rounding: Rounding = "twice"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_rounding(self.rounding, ROUNDINGS)

    @property
    def multiplier_bits(self) -> int:
        """Width of the multipliers by the rule that it rounds by."""
        return MULTIPLIER_BITS[self.rounding]

    def _combine(self, first: Ints, second: Ints) -> Int8:
        return self._requantize((first - self.first.zero_point) * (second - self.second.zero_point))

    def _requantize(self, products: Ints) -> Int8:
        if self.rounding != "twice":
            zero_point = self.output.zero_point
            real = products.astype(np.float32) * scale_product(self.first.scale, self.second.scale,
                                                               self.output.scale)
            scaled = (steps(real + np.float32(zero_point)) if self.rounding == "biased_half_even"
                      else steps(real) + zero_point)
            return np.clip(scaled, *self.limits).astype(np.int8)
        first, second, output = (float(np.float32(tensor.scale))
                                 for tensor in (self.first, self.second, self.output))
        m, s = quantize_multiplier(np.array([first * second / output]))
        scaled = multiply(products, m, s) + self.output.zero_point
        return np.clip(scaled, *self.limits).astype(np.int8)

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``product``; a ``multiply`` by the constant where there is one."""
        height, width, channels = shape = self.output_shape(inputs)
        low, high = self.limits
        tie = {"twice": None, "half_even": self.output.zero_point, "biased_half_even": 0}[self.rounding]
        if self.constant is None:
            zeros = self.first.zero_point, self.second.zero_point
            staircase = fit(self._requantize, product_bounds(*zeros, 1), bias=np.zeros(1, np.int64), low=low,
                            high=high, zero=tie)
            operands = tuple(operand(each, shape, zero=zero)
                             for each, zero in zip(inputs, zeros, strict=True))
            return Window(operation="product", operands=operands, size=(height, width), out_channels=channels,
                          requantizations=(repeated(staircase, channels),))
        fixed, other = ((self.first, self.second) if self.constant_first else (self.second, self.first))
        factors = np.broadcast_to(self.constant.astype(np.int16) - np.int16(fixed.zero_point), channels)
        bias = -other.zero_point * factors.astype(np.int64)
        staircases = fit(lambda sums: self._requantize(sums + bias), dot_bounds(factors[:, np.newaxis]),
                         bias=bias, low=low, high=high, zero=tie)
        weights = np.where(staircases.multiplier == 0, np.int16(0), factors)[np.newaxis, np.newaxis]
        return Window(operation="multiply", operands=(operand(shape, shape, weights=weights),),
                      size=(height, width), out_channels=channels, requantizations=(staircases,))

    def macs(self, inputs: Sequence[Shape]) -> int:
        """One product for each output."""
        height, width, channels = self.output_shape(inputs)
        return height * width * channels
