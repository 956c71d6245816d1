"""The smallest thing with the ports of an accelerator, to test what surrounds one."""

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gatecast.hdl.links import AxiStream

STEP = 17


def mixed(frames: npt.NDArray[np.int8], output_bytes: int) -> npt.NDArray[np.int8]:
    """Answers of the accelerator, int8 [n, input bytes] -> [n, output bytes]; every byte's place counts."""
    mix = np.zeros(len(frames), np.int64)
    for byte in frames.view(np.uint8).T:
        mix = (mix << 1 | mix >> 7) + byte & 0xFF
    return (mix[:, None] + STEP * np.arange(output_bytes)).astype(np.uint8).view(np.int8)


class MixingAccelerator(wiring.Component):
    """See `mixed`. Takes a byte every cycle, then rests `latency` cycles, then offers the answer."""

    def __init__(self, input_bytes: int, output_bytes: int, latency: int = 0) -> None:
        self.input_bytes, self.output_bytes, self.latency = input_bytes, output_bytes, latency
        super().__init__({"s_axis": In(AxiStream), "m_axis": Out(AxiStream), "tlast_error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        taken = Signal(range(self.input_bytes))
        given = Signal(range(self.output_bytes))
        rest = Signal(range(self.latency + 1))
        mix = Signal(8)
        source, sink = self.s_axis, self.m_axis
        m.d.comb += [sink.tdata.eq(mix), sink.tlast.eq(given == self.output_bytes - 1)]
        with m.FSM():
            with m.State("take"):
                m.d.comb += source.tready.eq(1)
                with m.If(source.tvalid):
                    last = taken == self.input_bytes - 1
                    m.d.sync += [mix.eq(Mux(taken == 0, 0, mix.rotate_left(1)) + source.tdata),
                                 taken.eq(Mux(last, 0, taken + 1)), rest.eq(self.latency)]
                    with m.If(source.tlast != last):
                        m.d.sync += self.tlast_error.eq(1)
                    with m.If(last):
                        m.next = "rest"
            with m.State("rest"):
                m.d.sync += rest.eq(rest - 1)
                with m.If(rest == 0):
                    m.next = "give"
            with m.State("give"):
                m.d.comb += sink.tvalid.eq(1)
                with m.If(sink.tready):
                    m.d.sync += [mix.eq(mix + STEP), given.eq(Mux(sink.tlast, 0, given + 1))]
                    with m.If(sink.tlast):
                        m.next = "take"
        return m
