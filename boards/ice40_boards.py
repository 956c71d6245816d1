"""Boards with iCE40: iCEBreaker, and Lattice's breakout board of the HX8K."""

from fractions import Fraction
from typing import Any

from amaranth.hdl import ClockSignal, Module, Signal
from amaranth.lib import io

from .ice40_pll import Ice40Pll, ice40_pll
from .pll import LEAST
from .top import BoardTop

__all__ = ["BreakoutTop", "IcebreakerTop"]


class _Ice40Top(BoardTop):
    """A board with a PLL of iCE40."""

    @classmethod
    def clock_from(cls, input_hz: float, wanted_hz: float, *, least: Fraction = LEAST) -> Ice40Pll:
        return ice40_pll(input_hz, wanted_hz, least=least)

    def _pll(self, m: Module, platform: Any, **source: Any) -> Signal:
        """Add the PLL; what is high when its clock can be trusted."""
        clock, locked = Signal(name="clock"), Signal()
        m.submodules.pll = self.clock.instance(output=clock, locked=locked, **source)
        m.d.comb += ClockSignal("sync").eq(clock)
        platform.add_clock_constraint(clock, float(self.clock.output_hz))
        return locked


class IcebreakerTop(_Ice40Top):
    """The iCEBreaker: its 12 MHz oscillator at the pin of the PLL, its two lamps.

    The user button and an unlocked PLL reset everything. The red lamp stays on after a failure and lights up
    for refused packets and in reset, the green one blinks.
    """

    LAMPS = (("failure", "refused", "reset"), ("runs",))

    def clocked(self, m: Module, platform: Any) -> Any:
        m.submodules.button = button = io.Buffer("i", platform.request("button", 0, dir="-"))
        return self._pll(m, platform, pin=platform.request("clk12", 0, dir="-").io) & ~button.i


class BreakoutTop(_Ice40Top):
    """The iCE40-HX8K breakout board: its 12 MHz oscillator at a pin for clocks, six of its lamps.

    An unlocked PLL resets everything; there is no button.
    """

    LAMPS = (("runs",), ("taken",), ("sent",), ("refused",), ("failure",), ("reset",))

    def clocked(self, m: Module, platform: Any) -> Any:
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk12", 0, dir="-"))
        return self._pll(m, platform, input=oscillator.i)
