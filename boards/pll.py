"""The PLL of ECP5: which clocks it can make from which, within the limits of the data sheet."""

from dataclasses import dataclass
from fractions import Fraction

from amaranth.hdl import Instance, Signal

__all__ = ["LEAST", "Pll", "Vco", "mhz", "pll"]

# The share of a clock wanted that a clock must have to stand for it.
LEAST = Fraction(9, 10)

# Limits in Hz: ECP5 family data sheet (FPGA-DS-02012), table "sysCLOCK PLL timing"; its 10 MHz at the phase
# detector is stricter than what other open tools ask for.
INPUT_RANGE = (8_000_000, 400_000_000)
DETECTOR_RANGE = (10_000_000, 400_000_000)
VCO_RANGE = (400_000_000, 800_000_000)
VCO_MIDDLE = sum(VCO_RANGE) // 2
OUTPUT_RANGE = (3_125_000, 400_000_000)
MAX_DIVIDER = 128


@dataclass(frozen=True, kw_only=True)
class Vco:
    """Settings of the oscillator inside a PLL: it runs at ``input / input_divider * vco_multiple``."""

    input_hz: Fraction
    input_divider: int
    vco_multiple: int

    @property
    def detector_hz(self) -> Fraction:
        """Frequency at the phase detector."""
        return self.input_hz / self.input_divider

    @property
    def vco_hz(self) -> Fraction:
        """Frequency of the oscillator."""
        return self.detector_hz * self.vco_multiple


@dataclass(frozen=True, kw_only=True)
class Pll(Vco):
    """Settings of one PLL of ECP5: the output divides the frequency of its VCO.

    The feedback comes from the output CLKOP, divided back to the frequency of the phase detector; the clock
    is taken from CLKOS. So the clock may be any integer part of the VCO frequency, not only a multiple of the
    detector's, and the detector runs as fast as it can, which keeps the jitter low.
    """

    output_divider: int

    @property
    def output_hz(self) -> Fraction:
        """Frequency of the clock made, exactly."""
        return self.vco_hz / self.output_divider

    def instance(self, *, input: Signal, feedback: Signal, output: Signal, locked: Signal) -> Instance:
        """Return the hardware; `feedback` is a net of its own that nothing else needs."""
        return Instance(
            "EHXPLLL",
            # Loop filter and charge pump as the project Trellis found them for all frequencies.
            a_ICP_CURRENT="12", a_LPF_RESISTOR="8", a_MFG_ENABLE_FILTEROPAMP="1", a_MFG_GMCREF_SEL="2",
            p_CLKI_DIV=self.input_divider, p_CLKFB_DIV=1, p_FEEDBK_PATH="CLKOP",
            p_CLKOP_ENABLE="ENABLED", p_CLKOP_DIV=self.vco_multiple,
            p_CLKOP_CPHASE=self.vco_multiple - 1, p_CLKOP_FPHASE=0,
            p_CLKOS_ENABLE="ENABLED", p_CLKOS_DIV=self.output_divider,
            p_CLKOS_CPHASE=self.output_divider - 1, p_CLKOS_FPHASE=0,
            p_PLLRST_ENA="DISABLED", p_INTFB_WAKE="DISABLED", p_STDBY_ENABLE="DISABLED",
            p_DPHASE_SOURCE="DISABLED", p_OUTDIVIDER_MUXA="DIVA", p_OUTDIVIDER_MUXB="DIVB",
            i_CLKI=input, i_CLKFB=feedback, o_CLKOP=feedback, o_CLKOS=output, o_LOCK=locked,
            i_RST=0, i_STDBY=0, i_PHASESEL0=0, i_PHASESEL1=0, i_PHASEDIR=0, i_PHASESTEP=0,
            i_PHASELOADREG=0, i_PLLWAKESYNC=0, i_ENCLKOP=0, i_ENCLKOS=0)


def pll(input_hz: float, wanted_hz: float, *, least: Fraction = LEAST) -> Pll:
    """Return the settings whose clock comes nearest to `wanted_hz` from below.

    Of those that give the same clock it is the one with the fastest detector, then the most central VCO.
    ``ValueError`` where the PLL takes no such input, or makes no clock from the share `least` of `wanted_hz`
    on.
    """
    source, wanted = Fraction(input_hz), Fraction(wanted_hz)
    if not INPUT_RANGE[0] <= source <= INPUT_RANGE[1]:
        raise ValueError(f"the PLL of ECP5 takes {mhz(INPUT_RANGE)}, not {float(source) / 1e6:g} MHz")
    found = [
        candidate
        for input_divider in range(1, MAX_DIVIDER + 1) if source / input_divider >= DETECTOR_RANGE[0]
        for vco_multiple in range(1, MAX_DIVIDER + 1)
        if VCO_RANGE[0] <= source / input_divider * vco_multiple <= VCO_RANGE[1]
        for output_divider in {-(-source * vco_multiple // (input_divider * wanted))}
        if 1 <= output_divider <= MAX_DIVIDER
        for candidate in [Pll(input_hz=source, input_divider=input_divider, vco_multiple=vco_multiple,
                              output_divider=output_divider)]
        if OUTPUT_RANGE[0] <= candidate.output_hz <= OUTPUT_RANGE[1]
    ]
    best = max(found, key=lambda p: (p.output_hz, p.detector_hz, -abs(p.vco_hz - VCO_MIDDLE), -p.vco_hz),
               default=None)
    if best is None or wanted > OUTPUT_RANGE[1] or best.output_hz < wanted * least:
        raise ValueError(f"the PLL of ECP5 makes {mhz(OUTPUT_RANGE)}, and no {float(wanted) / 1e6:g} MHz "
                         f"from {float(source) / 1e6:g} MHz")
    return best


def mhz(limits: tuple[int, int]) -> str:
    """A range of Hz in words."""
    return f"{limits[0] / 1e6:g} to {limits[1] / 1e6:g} MHz"
