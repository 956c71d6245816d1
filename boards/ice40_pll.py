"""The PLL of iCE40: which clocks it can make from which, within the limits of the data sheets."""

from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from amaranth.hdl import Const, Instance, Signal

from .pll import LEAST, Vco, mhz

__all__ = ["Ice40Pll", "ice40_pll"]

# Limits in Hz, the same in the data sheets of iCE40 LP/HX (FPGA-DS-02029) and UltraPlus (FPGA-DS-02008),
# tables "sysCLOCK PLL timing".
INPUT_RANGE = (10_000_000, 133_000_000)
DETECTOR_RANGE = (10_000_000, 133_000_000)
VCO_RANGE = (533_000_000, 1_066_000_000)
OUTPUT_RANGE = (16_000_000, 275_000_000)
# With the simple feedback, the sysCLOCK PLL usage guide (FPGA-TN-02052).
MAX_INPUT_DIVIDER = 16
MAX_VCO_MULTIPLE = 64
OUTPUT_SHIFTS = range(1, 7)
# From which frequency of the detector on each setting of the loop's filter applies, as Lattice's tool and the
# project IceStorm's choose it.
FILTERS = ((17_000_000, 1), (26_000_000, 2), (44_000_000, 3), (66_000_000, 4), (101_000_000, 5))
LAST_FILTER = 6


@dataclass(frozen=True, kw_only=True)
class Ice40Pll(Vco):
    """Settings of one PLL of iCE40: the output is the VCO's, divided by two `output_shift` times."""

    output_shift: int

    @property
    def output_hz(self) -> Fraction:
        """Frequency of the clock made, exactly."""
        return self.vco_hz / (1 << self.output_shift)

    @property
    def filter(self) -> int:
        """The setting of the loop's filter."""
        return next((setting for limit, setting in FILTERS if self.detector_hz < limit), LAST_FILTER)

    def instance(self, *, pin: Any = None, input: Any = None, output: Signal, locked: Signal) -> Instance:
        """Return the hardware, on a net for clocks: from a `pin` of the PLL's own, or else from `input`."""
        kind, source = ("SB_PLL40_CORE", {"i_REFERENCECLK": input}) if pin is None else (
            "SB_PLL40_PAD", {"i_PACKAGEPIN": pin})
        return Instance(
            kind, p_FEEDBACK_PATH="SIMPLE", p_PLLOUT_SELECT="GENCLK",
            p_DIVR=Const(self.input_divider - 1, 4), p_DIVF=Const(self.vco_multiple - 1, 7),
            p_DIVQ=Const(self.output_shift, 3), p_FILTER_RANGE=Const(self.filter, 3),
            i_RESETB=1, i_BYPASS=0, o_PLLOUTGLOBAL=output, o_LOCK=locked, **source)


def ice40_pll(input_hz: float, wanted_hz: float, *, least: Fraction = LEAST) -> Ice40Pll:
    """Return the settings whose clock comes nearest to `wanted_hz` from below.

    Of those that give the same clock it is the one with the fastest detector, then the fastest VCO.
    ``ValueError`` where the PLL takes no such input, or makes no clock from the share `least` of `wanted_hz`
    on.
    """
    source, wanted = Fraction(input_hz), Fraction(wanted_hz)
    if not INPUT_RANGE[0] <= source <= INPUT_RANGE[1]:
        raise ValueError(f"the PLL of iCE40 takes {mhz(INPUT_RANGE)}, not {float(source) / 1e6:g} MHz")
    highest = min(wanted, Fraction(OUTPUT_RANGE[1]))
    found = [
        candidate
        for input_divider in range(1, MAX_INPUT_DIVIDER + 1) if source / input_divider >= DETECTOR_RANGE[0]
        for vco_multiple in range(1, MAX_VCO_MULTIPLE + 1)
        if VCO_RANGE[0] <= source / input_divider * vco_multiple <= VCO_RANGE[1]
        for output_shift in OUTPUT_SHIFTS
        for candidate in [Ice40Pll(input_hz=source, input_divider=input_divider, vco_multiple=vco_multiple,
                                   output_shift=output_shift)]
        if OUTPUT_RANGE[0] <= candidate.output_hz <= highest
    ]
    best = max(found, key=lambda p: (p.output_hz, p.detector_hz, p.vco_hz), default=None)
    if best is None or wanted > OUTPUT_RANGE[1] or best.output_hz < wanted * least:
        raise ValueError(f"the PLL of iCE40 makes {mhz(OUTPUT_RANGE)}, and no {float(wanted) / 1e6:g} MHz "
                         f"from {float(source) / 1e6:g} MHz")
    return best
