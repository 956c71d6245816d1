"""A small accelerator to test the simulators with: right, or wrong in one chosen way."""

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out
from gatecast.hdl.links import AxiStream

FAULTS = {
    "": "none: every rule is kept",
    "valid_falls": "m_axis_tvalid falls after one cycle of waiting",
    "data_changes": "m_axis_tdata counts while waiting",
    "last_changes": "m_axis_tlast toggles while waiting",
    "last_missing": "the last byte of a frame is not marked",
    "last_early": "the first byte of every frame is marked as the last",
    "surplus": "one byte more than a frame holds",
    "silent": "never a byte out",
    "deaf": "never a byte in",
    "waits_for_ready": "m_axis_tvalid waits for m_axis_tready",
    "survives_reset": "the count of bytes is not cleared by reset",
    "unknown": "the first byte of a frame is read from beyond the end of a memory",
    "unknown_valid": "m_axis_tvalid itself is read from beyond the end of a memory",
}


class Digest(wiring.Component):
    """Sums the bytes of a frame and notes wrong marks.

    `done` is high for the one cycle after the last byte of a frame was taken; `total` (16 bits) and `mixed`
    (8 bits) are valid from then on until the next frame is done.
    """

    def __init__(self, input_bytes: int, survives_reset: bool) -> None:
        self._input_bytes = input_bytes
        self._survives_reset = survives_reset
        super().__init__({"data": In(8), "mark": In(1), "take": In(1),
                          "done": Out(1), "total": Out(16), "mixed": Out(8), "wrong": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(range(self._input_bytes + 1), reset_less=self._survives_reset)
        total = Signal(16, reset_less=True)
        mixed = Signal(8, reset_less=True)
        last = count == self._input_bytes - 1
        first = count == 0
        next_total = Mux(first, 0, total) + self.data
        next_mixed = Mux(first, 0, mixed.rotate_left(1)) ^ self.data
        m.d.sync += self.done.eq(0)
        with m.If(self.take):
            m.d.sync += [total.eq(next_total), mixed.eq(next_mixed), count.eq(Mux(last, 0, count + 1))]
            with m.If(self.mark != last):
                m.d.sync += self.wrong.eq(1)
            with m.If(last):
                m.d.sync += [self.done.eq(1), self.total.eq(next_total), self.mixed.eq(next_mixed)]
        return m


class StubAccelerator(wiring.Component):
    """Byte j of an output frame is ``total + j * mixed`` of the input frame; see :meth:`compute`.

    The next frame is taken in while one is being sent, but its last byte waits until the sender is free. The
    first byte is offered `latency` + 2 cycles after the last byte was taken in.
    """

    def __init__(self, input_bytes: int, output_bytes: int, *, latency: int = 0, fault: str = "") -> None:
        if fault not in FAULTS:
            raise ValueError(f"fault must be one of {', '.join(FAULTS)}, not {fault!r}")
        self.input_bytes = input_bytes
        self.output_bytes = output_bytes
        self._latency = latency
        self._fault = fault
        super().__init__({"s_axis": In(AxiStream), "m_axis": Out(AxiStream), "tlast_error": Out(1)})

    def compute(self, frames: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Return the output frames of `frames`, int8 [n, input_bytes] -> int8 [n, output_bytes]."""
        raw = frames.view(np.uint8).astype(np.int64)
        mixed = np.zeros(len(raw), np.int64)
        for byte in raw.T:
            mixed = ((mixed << 1 | mixed >> 7) & 0xFF) ^ byte
        steps = np.arange(self.output_bytes)
        return (raw.sum(axis=1)[:, None] + steps * mixed[:, None]).astype(np.uint8).view(np.int8)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        fault = self._fault
        m.submodules.digest = digest = Digest(self.input_bytes, fault == "survives_reset")

        # One byte table: what the "unknown" faults read beyond the end of.
        m.submodules.table = table = memory.Memory(shape=8, depth=3, init=[0, 0, 0])
        beyond = table.read_port(domain="comb")
        sends = self.output_bytes + (fault == "surplus")
        busy = Signal()
        wait = Signal(range(self._latency + 1))
        index = Signal(range(sends + 1))
        value = Signal(8, reset_less=True)
        waited = Signal()
        taken = Signal(range(self.input_bytes + 1))
        at_end = taken == self.input_bytes - 1

        m.d.comb += beyond.addr.eq(Mux(busy, 3, 0))
        take = self.s_axis.tvalid & self.s_axis.tready
        m.d.comb += [
            self.s_axis.tready.eq(~(at_end & (busy | digest.done)) & (fault != "deaf")),
            digest.data.eq(self.s_axis.tdata), digest.mark.eq(self.s_axis.tlast), digest.take.eq(take),
            self.tlast_error.eq(digest.wrong),
        ]
        with m.If(take):
            m.d.sync += taken.eq(Mux(at_end, 0, taken + 1))

        offer = busy & (wait == 0) & (fault != "silent")
        last = index == self.output_bytes - 1
        m.d.comb += [
            self.m_axis.tvalid.eq({
                "valid_falls": offer & ~waited,
                "waits_for_ready": offer & self.m_axis.tready,
                "unknown_valid": offer ^ (beyond.data[0] & (index == 0)),
            }.get(fault, offer)),
            self.m_axis.tdata.eq(Mux((index == 0) & (fault == "unknown"), beyond.data, value)),
            self.m_axis.tlast.eq({
                "last_changes": last ^ waited,
                "last_missing": 0,
                "last_early": last | (index == 0),
            }.get(fault, last)),
        ]

        m.d.sync += waited.eq(self.m_axis.tvalid & ~self.m_axis.tready)
        if fault == "data_changes":
            with m.If(self.m_axis.tvalid & ~self.m_axis.tready):
                m.d.sync += value.eq(value + 1)
        with m.If(digest.done):
            m.d.sync += [busy.eq(1), wait.eq(self._latency), index.eq(0), value.eq(digest.total)]
        with m.If(busy & (wait != 0)):
            m.d.sync += wait.eq(wait - 1)
        with m.If(self.m_axis.tvalid & self.m_axis.tready):
            m.d.sync += [value.eq(value + digest.mixed), index.eq(index + 1)]
            with m.If(index == sends - 1):
                m.d.sync += busy.eq(0)
        return m
