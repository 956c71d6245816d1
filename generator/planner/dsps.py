"""DSPs: how many DSP blocks synthesis makes of the multipliers of an engine.

One for each, but for those of which the design itself says that an operand is always zero, and for products
of unsigned numbers of which one is a single bit. So positions of a systolic array whose weights are all zero
take nothing, nor do columns that no channel ever uses. What only a memory's contents say comes too late: it
shows behind the choice of DSP blocks.

That is exact for ECP5, whose blocks multiply 18 x 18 bits, and on all families for arrays, on Gowin of 9 x 9
bits. iCE40 cuts products of requantizers once more, for its blocks of 16 x 16 bits; what is counted is what
they come to at most, by what Yosys 0.70 does, and by their shapes alone. On xc7 and Gowin the count is one of
products, before the family makes LUTs of some of a few bits.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Shape

from gatecast.hdl.multiplier import WideMultiplier
from gatecast.hdl.requantizer import RequantizerParams
from gatecast.hdl.systolic import SystolicParams

from .numbers import multipliers_of
from .parameters import array_params, requantizer_params
from .plan import EnginePlan, Plan

__all__ = ["EXACT_FAMILIES", "array_dsps", "requantizer_dsps", "used_lanes"]

# Families where the count is what synthesis makes; elsewhere it is what they come to at most.
EXACT_FAMILIES = ("ecp5",)

# Bits of an operand of a block of iCE40, and the fewest of operand and product that one is taken for.
BLOCK_BITS, FEWEST_BITS, FEWEST_PRODUCT = 16, 2, 11


def used_lanes(params: RequantizerParams) -> npt.NDArray[np.bool_]:
    """Which lanes of a requantizer ever make anything of a sum ``[lanes]``."""
    multipliers = params.requantization.multiplier.reshape(-1, params.lanes)
    return np.asarray(np.any(multipliers, axis=0), np.bool_)


def array_dsps(plan: Plan, engine: EnginePlan) -> int:
    """Of the array, if its multipliers are in DSP blocks."""
    multipliers = multipliers_of(plan.network, engine)
    if plan.external_weights or not multipliers:
        return multipliers
    array, used = array_params(plan, engine), used_lanes(requantizer_params(plan, engine))
    columns = used[np.arange(engine.columns) % engine.group]
    if isinstance(array, SystolicParams):
        return int(np.sum(array.used[columns]))
    return int(np.sum(columns))


def requantizer_dsps(params: RequantizerParams, family: str = "ecp5") -> int:
    """Of all lanes of the requantizer, if its multipliers are in DSP blocks."""
    if family == "ice40":
        return params.lanes * sum(_cut(a, b) for a in WideMultiplier.digits(params.x_shape)
                                  for b in WideMultiplier.digits(params.m_shape))
    multipliers = params.requantization.multiplier.reshape(-1, params.lanes)
    varied = np.ptp(multipliers, axis=0) > 0
    factors = [(1 << factor.bit_length()) - 1 if varies else factor
               for factor, varies in zip(np.bitwise_or.reduce(multipliers).tolist(), varied.tolist(),
                                         strict=True)]
    count, digits = 0, WideMultiplier.digits(params.x_shape)
    for factor in factors:
        while factor:
            digit = factor & ((1 << WideMultiplier.DIGIT) - 1)
            if digit:
                single = digit & (digit - 1) == 0
                count += sum(not single or each.signed for each in digits)
            factor >>= WideMultiplier.DIGIT
    return count


def _cut(a: Shape, b: Shape) -> int:
    """Blocks of 16 x 16 bits for a product of numbers of these shapes."""
    # Both operands of a product are signed or both are not.
    signed = a.signed or b.signed
    return sum(min(one, other) >= FEWEST_BITS and one + other >= FEWEST_PRODUCT
               for one in _pieces(a.width + (signed and not a.signed))
               for other in _pieces(b.width + (signed and not b.signed)))


def _pieces(width: int) -> list[int]:
    """Widths of what an operand is cut into, lowest first; the highest one has the sign."""
    return [BLOCK_BITS] * ((width - 1) // BLOCK_BITS) + [(width - 1) % BLOCK_BITS + 1]
