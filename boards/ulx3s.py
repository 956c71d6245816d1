"""Radiona ULX3S: the accelerator behind the board's USB serial port."""

from fractions import Fraction
from typing import Any

from amaranth.hdl import ClockSignal, Module, Signal
from amaranth.lib import io

from .pll import LEAST, Pll, pll
from .top import BoardTop

__all__ = ["Ulx3sTop"]


class Ulx3sTop(BoardTop):
    """The ULX3S: its 25 MHz oscillator, a PLL of ECP5, six of its lamps.

    The button "fire 1" and an unlocked PLL reset everything.
    """

    LAMPS = (("runs",), ("taken",), ("sent",), ("refused",), ("failure",), ("reset",))

    @classmethod
    def clock_from(cls, input_hz: float, wanted_hz: float, *, least: Fraction = LEAST) -> Pll:
        return pll(input_hz, wanted_hz, least=least)

    def clocked(self, m: Module, platform: Any) -> Any:
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk25", 0, dir="-"))
        m.submodules.button = button = io.Buffer("i", platform.request("button_fire", 0, dir="-"))
        feedback, locked = Signal(), Signal()
        m.submodules.pll = self.clock.instance(
            input=oscillator.i, feedback=feedback, output=ClockSignal("sync"), locked=locked)
        # The pin of the ESP32 beside it that restarts the board when it is low for long.
        m.submodules.stay = stay = io.Buffer("o", platform.request("esp32", 0, dir="-").gpio0)
        m.d.comb += stay.o.eq(1)
        return locked & ~button.i
