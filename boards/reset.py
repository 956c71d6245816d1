"""Reset that lasts until the clock can be trusted."""

from amaranth.hdl import ClockDomain, ClockSignal, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

__all__ = ["ResetHold"]


class ResetHold(wiring.Component):
    """Holds `reset` from power-on, while `good` is low, and `CYCLES` cycles beyond.

    It needs a reset of its own from nowhere: its registers start as the bitstream says. `good` may come from
    anywhere at any time; `reset` follows it `LATENCY` cycles later and is synchronous to the domain.
    Two of these are registers on its way, which lead all over the chip once there are copies near readers.

    Parameters
    ----------
    domain : str
        Domain whose clock it runs on and whose reset it makes.

    Members
    -------
    good : ``In(1)``
        Low: hold the reset. Asynchronous.
    reset : ``Out(1)``
        For `ResetSignal` of the domain.
    """

    CYCLES = 16
    LATENCY = 5

    good: Signal
    reset: Signal

    def __init__(self, domain: str = "sync") -> None:
        self.domain = domain
        super().__init__({"good": In(1), "reset": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # The same clock without the reset that is made here.
        m.domains.unreset = unreset = ClockDomain("unreset", reset_less=True, local=True)
        m.d.comb += unreset.clk.eq(ClockSignal(self.domain))
        good = Signal()
        m.submodules.synchronizer = FFSynchronizer(self.good, good, o_domain="unreset")
        left = Signal(range(self.CYCLES), init=self.CYCLES - 1)
        held, halfway = Signal(init=1), Signal(init=1)
        m.d.unreset += [held.eq(~good | (left != 0)), halfway.eq(held), self.reset.eq(halfway)]
        with m.If(~good):
            m.d.unreset += left.eq(self.CYCLES - 1)
        with m.Elif(left != 0):
            m.d.unreset += left.eq(left - 1)
        return m
