"""Radiona ULX3S: the accelerator behind the board's USB serial port."""

from importlib import import_module
from typing import Any

from amaranth.hdl import ClockDomain, ClockSignal, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib import io

from gatecast.hdl.counters import last_of
from gatecast.hdl.uart_top import UartTop

from .board import Board
from .pll import Pll
from .reset import ResetHold

__all__ = ["Ulx3sTop", "platform"]

# How long a lamp shows something that lasted one cycle.
LAMP_SECONDS = 0.05


def platform(board: Board) -> Any:
    """Return a fresh platform of amaranth-boards for `board`."""
    module, _, name = board.platform.rpartition(".")
    return getattr(import_module(module), name)()


class Ulx3sTop(Elaboratable):
    """The board around a `UartTop`: 25 MHz oscillator, PLL, reset, the wires of the FTDI chip, lamps.

    The button "fire 1" and an unlocked PLL reset everything. The lamps, from D0 up: the clock runs (slow
    blinking), frame arrived, result left, packet refused, failure (stays: a bug), reset.

    Parameters
    ----------
    design : UartTop
        What to put on the board, in the domain "sync".
    clock : Pll
        How to make its clock from the oscillator.
    """

    def __init__(self, design: UartTop, clock: Pll) -> None:
        self.design = design
        self.clock = clock

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.submodules.oscillator = oscillator = io.Buffer("i", platform.request("clk25", 0, dir="-"))
        m.submodules.button = button = io.Buffer("i", platform.request("button_fire", 0, dir="-"))
        m.submodules.hold = hold = ResetHold()

        m.domains.sync = ClockDomain("sync")
        feedback = Signal()
        locked = Signal()
        m.submodules.pll = self.clock.instance(
            input=oscillator.i, feedback=feedback, output=ClockSignal("sync"), locked=locked)
        m.d.comb += [hold.good.eq(locked & ~button.i), ResetSignal("sync").eq(hold.reset)]

        # The pin of the ESP32 beside it that restarts the board when it is low for long.
        m.submodules.stay = stay = io.Buffer("o", platform.request("esp32", 0, dir="-").gpio0)
        m.d.comb += stay.o.eq(1)

        wires = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", wires.rx)
        m.submodules.tx = tx = io.Buffer("o", wires.tx)
        m.submodules.design = design = self.design
        m.d.comb += [design.rx.eq(rx.i), tx.o.eq(design.tx)]

        cycles = int(self.clock.output_hz * LAMP_SECONDS)
        heartbeat = Signal(range(int(self.clock.output_hz)))
        m.d.sync += heartbeat.eq(heartbeat + 1)
        lamps = [heartbeat[-1], *(self._stretched(m, strobe, cycles) for strobe in (
            design.taken, design.sent, design.refused)), design.failure, hold.reset]
        for number, lamp in enumerate(lamps):
            m.submodules[f"led_{number}"] = led = io.Buffer("o", platform.request("led", number, dir="-"))
            m.d.comb += led.o.eq(lamp)
        return m

    @staticmethod
    def _stretched(m: Module, strobe: Signal, cycles: int) -> Signal:
        lit = Signal()
        last = last_of(m, cycles, lit, "lamp", restart=strobe)
        with m.If(strobe):
            m.d.sync += lit.eq(1)
        with m.Elif(last):
            m.d.sync += lit.eq(0)
        return lit
