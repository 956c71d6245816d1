"""An accelerator behind a serial line: two wires in, everything else inside."""

from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect

from .frame_link import FrameLink, FrameLinkParams
from .uart import UartReceiver, UartTransmitter

__all__ = ["UartTop"]


class UartTop(wiring.Component):
    """An accelerator and its link, in one clock domain, for any board and any simulator.

    Parameters
    ----------
    accelerator : Component
        With `s_axis`, `m_axis` (both `AxiStream`) and `tlast_error`.
    params : FrameLinkParams
        The link; its frame sizes must be those of the accelerator.
    divisor : int
        Clock cycles a bit, see `uart_divisor`.

    Members
    -------
    rx : ``In(1)``, tx : ``Out(1)``
        The wires; both rest high, `rx` may be asynchronous.
    taken, sent, refused : ``Out(1)``
        Strobes, for lamps: a frame arrived whole, a result left, a packet was refused.
    failure : ``Out(1)``
        Accelerator and link disagreed about the length of a frame; stays until reset, and means a bug.
    """

    rx: Signal
    tx: Signal
    taken: Signal
    sent: Signal
    refused: Signal
    failure: Signal

    def __init__(self, accelerator: Any, params: FrameLinkParams, divisor: int) -> None:
        self.accelerator = accelerator
        self.params = params
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "tx": Out(1, init=1), "taken": Out(1), "sent": Out(1),
                          "refused": Out(1), "failure": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.accelerator = accelerator = self.accelerator
        m.submodules.receiver = receiver = UartReceiver(self.divisor)
        m.submodules.link = link = FrameLink(self.params)
        m.submodules.transmitter = transmitter = UartTransmitter(self.divisor)
        connect(m, link.source, accelerator.s_axis)
        connect(m, accelerator.m_axis, link.sink)
        connect(m, link.wire, transmitter.i)
        m.d.comb += [
            receiver.rx.eq(self.rx), self.tx.eq(transmitter.tx),
            link.wire_data.eq(receiver.data), link.wire_valid.eq(receiver.valid),
            link.wire_error.eq(receiver.error),
            self.taken.eq(link.taken), self.sent.eq(link.sent), self.refused.eq(link.refused),
            self.failure.eq(link.tlast_error | accelerator.tlast_error),
        ]
        return m
