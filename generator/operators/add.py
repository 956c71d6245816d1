"""Addition and subtraction of two tensors, or of a tensor and a constant."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..bounds import Bounds
from ..quantization import INT8_MAX, INT8_MIN
from ..staircase import fit
from .arithmetic import MULTIPLIER_BITS, Ints, multiply, quantize_multiplier
from .elementwise import Elementwise, looked_up, operand
from .operator import Int8, Shape
from .sum_tables import centred, sum_tables
from .window import Window

__all__ = ["Add", "Sub"]

INPUTS = np.arange(INT8_MIN, INT8_MAX + 1, dtype=np.int64)

# Operands are shifted left by so much before they are rescaled.
LEFT_SHIFT = 20


@dataclass(frozen=True, kw_only=True, eq=False)
class Additive(Elementwise):
    """Both operands are brought to one fine scale, added or subtracted, rescaled and clamped."""

    sign: ClassVar[int]
    """What the second operand counts, 1 or -1."""

    def __post_init__(self) -> None:
        super().__post_init__()
        if self._multipliers[2, 1] > 0:
            larger = max(self.first.scale, self.second.scale)
            raise ValueError(f"output scale must be more than {larger * 2.0**(1 - LEFT_SHIFT):g}, 2**-19 of "
                             f"the larger input scale, not {self.output.scale:g}")

    @property
    def multiplier_bits(self) -> int:
        """Width of the multipliers by the rule that it rounds by."""
        return MULTIPLIER_BITS["twice"]

    @cached_property
    def _multipliers(self) -> Ints:
        """``m`` and ``s``, one row each for the operands and for their sum."""
        first, second, output = (float(np.float32(tensor.scale))
                                 for tensor in (self.first, self.second, self.output))
        larger = 2 * max(first, second)
        scales = np.array([first / larger, second / larger, larger / (2**LEFT_SHIFT * output)])
        return np.stack(quantize_multiplier(scales), axis=1)

    def _fine(self, values: Ints, position: int) -> Ints:
        """Raw values of operand 0 or 1 on the fine scale, with their sign in the sum."""
        zero_point = (self.first, self.second)[position].zero_point
        scaled = multiply((values - zero_point) << LEFT_SHIFT, *self._multipliers[position])
        return self.sign * scaled if position else scaled

    def _requantize(self, sums: Ints) -> Int8:
        """Outputs of sums on the fine scale."""
        scaled = multiply(sums, *self._multipliers[2]) + self.output.zero_point
        return np.clip(scaled, *self.limits).astype(np.int8)

    def _combine(self, first: Ints, second: Ints) -> Int8:
        return self._requantize(self._fine(first, 0) + self._fine(second, 1))

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``lookup`` in two tables; with a constant a ``sum`` of one tap wherever a staircase suits."""
        shape = self.output_shape(inputs)
        if self.constant is not None:
            return self._lower_constant(np.broadcast_to(self.constant, shape[2]).astype(np.int64), shape)
        return looked_up(inputs, shape, *self._tables)

    @cached_property
    def _tables(self) -> tuple[list[Ints], Requantization]:
        """Tables of both operands and the requantization of their sums: narrow ones where there are some."""
        fine = [self._fine(INPUTS, 0), self._fine(INPUTS, 1)]
        outputs = self._requantize(fine[0][:, np.newaxis] + fine[1]).astype(np.int64)
        low, high = self.limits
        first, second = ((INPUTS - tensor.zero_point) * np.float64(tensor.scale / self.output.scale)
                         for tensor in (self.first, self.second))
        zero_point, none = self.output.zero_point, np.zeros(1, np.int64)
        narrow = sum_tables(outputs, first, self.sign * second, zero_point=zero_point, low=low, high=high,
                            # Half away from zero, which lies at the zero point.
                            ties=lambda values: values > zero_point)
        if narrow is None:
            return centred(fine, none, self._requantize, low=low, high=high)
        return centred([narrow.first, narrow.second], none, narrow.outputs, low=low, high=high)

    def _lower_constant(self, constant: Ints, shape: Shape) -> Window:
        """A staircase of ``x``, or of ``-x`` where that is what counts; tables where rounding forbids it."""
        fine = self._fine(INPUTS, int(self.constant_first))
        fixed = self._fine(constant, int(not self.constant_first))
        falling = self.constant_first and self.sign < 0
        try:
            staircase = self._staircase(fine, fixed, falling)
            table = -INPUTS if falling else None
        except ValueError:
            low, high = self.limits
            (table,), staircase = centred([fine], fixed, self._requantize, low=low, high=high)
        return Window(operation="sum" if table is None else "lookup",
                      operands=(operand(shape, shape, table=table),), size=shape[:2], out_channels=shape[2],
                      requantizations=(staircase,))

    def _staircase(self, fine: Ints, fixed: Ints, falling: bool) -> Requantization:
        """The requantization of ``x`` (``-x`` if ``falling``) for each constant; a ``ValueError`` if none."""
        sums = (fine[::-1] if falling else fine)[:, np.newaxis] + fixed
        start = -INT8_MAX if falling else INT8_MIN
        outputs, channels = self._requantize(sums), np.arange(len(fixed))
        bounds = Bounds(lowest=np.full(len(fixed), start, np.int64),
                        highest=np.full(len(fixed), start + len(fine) - 1, np.int64))
        low, high = self.limits
        # Rounding half away from zero turns where the sum changes its sign.
        return fit(lambda x: outputs[x - start, channels], bounds, bias=-start - (sums < 0).sum(axis=0),
                   low=low, high=high)


@dataclass(frozen=True, kw_only=True, eq=False)
class Add(Additive):
    """TFLite's ADD on int8."""

    sign = 1


@dataclass(frozen=True, kw_only=True, eq=False)
class Sub(Additive):
    """TFLite's SUB on int8: the first operand less the second."""

    sign = -1
