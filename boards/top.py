"""What the tops of all boards have in common: reset, the wires of the serial port, lamps."""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from fractions import Fraction
from importlib import import_module
from typing import Any, ClassVar, Protocol

from amaranth.hdl import ClockDomain, Elaboratable, Module, ResetSignal, Signal
from amaranth.lib import io

from gatecast.hdl.uart_top import UartTop

from .board import Board
from .pll import LEAST
from .reset import ResetHold

__all__ = ["BoardTop", "Clock", "platform"]

# How long a lamp shows something that lasted one cycle, at least; and in how many ticks it counts that.
LAMP_SECONDS = 0.05
LAMP_TICKS = 8


def platform(board: Board) -> Any:
    """Return a fresh platform of amaranth-boards for `board`."""
    module, _, name = board.platform.rpartition(".")
    return getattr(import_module(module), name)()


class Clock(Protocol):
    """How a PLL makes a clock; what else there is, the top of its board knows."""

    @property
    def output_hz(self) -> Fraction:
        """Frequency of the clock, exactly."""


class BoardTop(Elaboratable):
    """The board around a `UartTop`: oscillator, PLL, reset, the wires of the FTDI chip, lamps.

    Parameters
    ----------
    design : UartTop
        What to put on the board, in the domain "sync".
    clock : Clock
        How to make its clock from the oscillator, as `clock_from` says.
    """

    LAMPS: ClassVar[Sequence[Sequence[str]]]
    """What each lamp of the board shows, from its first on: "runs" (slow blinking while the clock does),
    "taken" (a frame arrived), "sent" (a result left), "refused" (a packet), "failure" (stays: a bug),
    "reset"; with several, any of them."""

    def __init__(self, design: UartTop, clock: Any) -> None:
        self.design = design
        self.clock = clock

    @classmethod
    @abstractmethod
    def clock_from(cls, input_hz: float, wanted_hz: float, *, least: Fraction = LEAST) -> Clock:
        """How the board's PLL makes a clock; as `pll.pll`, ``ValueError`` included."""

    @abstractmethod
    def clocked(self, m: Module, platform: Any) -> Any:
        """Make the clock of "sync", and all that only this board has; return what is high when it runs."""

    def elaborate(self, platform: Any) -> Module:
        m = Module()
        m.domains.sync = ClockDomain("sync")
        m.submodules.hold = hold = ResetHold()
        m.d.comb += [hold.good.eq(self.clocked(m, platform)), ResetSignal("sync").eq(hold.reset)]

        wires = platform.request("uart", 0, dir="-")
        m.submodules.rx = rx = io.Buffer("i", wires.rx)
        m.submodules.tx = tx = io.Buffer("o", wires.tx)
        m.submodules.design = design = self.design
        m.d.comb += [design.rx.eq(rx.i), tx.o.eq(design.tx)]
        self._lamps(m, platform, {
            "taken": design.taken, "sent": design.sent, "refused": design.refused}, {
            "failure": design.failure, "reset": hold.reset})
        return m

    def _lamps(self, m: Module, platform: Any, strobes: Mapping[str, Signal],
               states: Mapping[str, Signal]) -> None:
        heartbeat = Signal(range(int(self.clock.output_hz)))
        m.d.sync += heartbeat.eq(heartbeat + 1)
        # Lamps count slow ticks, not cycles: a long counter would be the longest path of many a design.
        slow = heartbeat[int(self.clock.output_hz * LAMP_SECONDS / LAMP_TICKS).bit_length() - 1]
        before, tick = Signal(), Signal()
        m.d.sync += [before.eq(slow), tick.eq(slow & ~before)]
        shown: dict[str, Any] = {"runs": heartbeat[-1], **states}
        for name in {name: None for names in self.LAMPS for name in names if name in strobes}:
            shown[name] = self._stretched(m, strobes[name], tick)
        for number, names in enumerate(self.LAMPS):
            m.submodules[f"led_{number}"] = led = io.Buffer("o", platform.request("led", number, dir="-"))
            lit = shown[names[0]]
            for name in names[1:]:
                lit = lit | shown[name]
            m.d.comb += led.o.eq(lit)

    @staticmethod
    def _stretched(m: Module, strobe: Signal, tick: Signal) -> Any:
        left = Signal(range(LAMP_TICKS + 1))
        lit = Signal()
        m.d.sync += lit.eq(left != 0)
        with m.If(strobe):
            m.d.sync += left.eq(LAMP_TICKS)
        with m.Elif(tick & lit):
            m.d.sync += left.eq(left - 1)
        return lit
