"""A small accelerator to test the simulators with: right, unless a frame asks it to be wrong in some way."""

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Module, Mux, ResetSignal, Signal
from amaranth.lib import memory, wiring
from amaranth.lib.wiring import In, Out

from gatecast.hdl.links import AxiStream

FAULTS = (
    "none",
    "valid_falls",  # m_axis_tvalid falls after one cycle of waiting
    "data_changes",  # m_axis_tdata counts while waiting
    "last_changes",  # m_axis_tlast toggles while waiting
    "last_missing",  # the last byte is not marked
    "last_early",  # the first byte is marked as the last
    "surplus",  # one byte more than a frame holds, and that one marked
    "silent",  # not a byte out
    "deaf",  # not a byte in after the first
    "waits_for_ready",  # m_axis_tvalid waits for m_axis_tready
    "survives_reset",  # the count of bytes taken in is not cleared by reset
    "data_unknown",  # the first byte comes from beyond the end of a memory
    "valid_unknown",  # m_axis_tvalid comes from beyond the end of a memory
)
# A first byte with this upper half asks for the fault with the number in its lower half.
FAULT_PREFIX = 0x7


class Digest(wiring.Component):
    """Sums the bytes of a frame and notes wrong marks.

    `done` is high for the one cycle after the last byte of a frame was taken; `total` and `mixed` are valid
    from then until the next frame is done.
    """

    def __init__(self, input_bytes: int) -> None:
        self._input_bytes = input_bytes
        super().__init__({"data": In(8), "mark": In(1), "take": In(1), "survives_reset": In(1),
                          "done": Out(1), "total": Out(8), "mixed": Out(8), "wrong": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        count = Signal(range(self._input_bytes + 1), reset_less=True)
        total = Signal(8, reset_less=True)
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
        with m.If(ResetSignal() & ~self.survives_reset):
            m.d.sync += count.eq(0)
        return m


class StubAccelerator(wiring.Component):
    """Byte j of an output frame is ``total + j * mixed`` of the input frame; see `compute`.

    The next frame is taken in while one is being sent, but its last byte waits until the sender is free. The
    first byte is offered `LATENCY` cycles after the last one was taken in, then one a cycle.
    """

    LATENCY = 4

    def __init__(self, input_bytes: int, output_bytes: int) -> None:
        self.input_bytes = input_bytes
        self.output_bytes = output_bytes
        self.busy = Signal()
        super().__init__({"s_axis": In(AxiStream), "m_axis": Out(AxiStream), "tlast_error": Out(1)})

    def compute(self, frames: npt.NDArray[np.int8]) -> npt.NDArray[np.int8]:
        """Return the output frames of `frames`, int8 [n, input_bytes] -> int8 [n, output_bytes]."""
        raw = frames.view(np.uint8).astype(np.int64)
        mixed = np.zeros(len(raw), np.int64)
        for byte in raw.T:
            mixed = ((mixed << 1 | mixed >> 7) & 0xFF) ^ byte
        steps = np.arange(self.output_bytes)
        return (raw.sum(axis=1)[:, None] + steps * mixed[:, None]).astype(np.uint8).view(np.int8)

    def frames(self, count: int, fault: str = "none", seed: int = 0) -> npt.NDArray[np.int8]:
        """Return random frames that all ask for `fault`."""
        frames = np.random.default_rng(seed).integers(-128, 128, (count, self.input_bytes)).astype(np.int8)
        frames[:, 0] = FAULT_PREFIX << 4 | FAULTS.index(fault) if fault != "none" else frames[:, 0] & 0x3F
        return frames

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.digest = digest = Digest(self.input_bytes)
        m.submodules.table = table = memory.Memory(shape=8, depth=3, init=[0, 0, 0])
        beyond = table.read_port(domain="comb")

        # Of the frame that comes in, and of the one that goes out.
        asked = Signal(range(len(FAULTS)), reset_less=True)
        fault = Signal(range(len(FAULTS)))

        taken = Signal(range(self.input_bytes + 1))
        take = self.s_axis.tvalid & self.s_axis.tready
        at_end = taken == self.input_bytes - 1
        deaf = (asked == FAULTS.index("deaf")) & (taken != 0)
        m.d.comb += [
            self.s_axis.tready.eq(~(at_end & (self.busy | digest.done)) & ~deaf),
            digest.data.eq(self.s_axis.tdata), digest.mark.eq(self.s_axis.tlast), digest.take.eq(take),
            digest.survives_reset.eq(asked == FAULTS.index("survives_reset")),
            self.tlast_error.eq(digest.wrong),
        ]
        with m.If(take):
            m.d.sync += taken.eq(Mux(at_end, 0, taken + 1))
            with m.If(taken == 0):
                m.d.sync += asked.eq(Mux(self.s_axis.tdata[4:] == FAULT_PREFIX, self.s_axis.tdata[:4], 0))

        wait = Signal(range(self.LATENCY))
        index = Signal(range(self.output_bytes + 2))
        value = Signal(8, reset_less=True)
        waited = Signal()

        def wrong(name: str) -> Signal:
            chosen = Signal(name=f"wrong_{name}")
            m.d.comb += chosen.eq(fault == FAULTS.index(name))
            return chosen

        data_unknown = wrong("data_unknown") & (index == 0)
        valid_unknown = wrong("valid_unknown")
        surplus = wrong("surplus")
        final = index == self.output_bytes - 1 + surplus
        offer = self.busy & (wait == 0) & ~wrong("silent")
        m.d.comb += [
            beyond.addr.eq(Mux(data_unknown | valid_unknown, 3, 0)),
            self.m_axis.tvalid.eq((offer & ~(wrong("valid_falls") & waited)
                                   & (self.m_axis.tready | ~wrong("waits_for_ready")))
                                  ^ beyond.data.any() & valid_unknown),
            self.m_axis.tdata.eq(value ^ Mux(data_unknown, beyond.data, 0)),
            self.m_axis.tlast.eq(((index == self.output_bytes - 1) | (surplus & final))
                                 & ~wrong("last_missing")
                                 | (index == 0) & wrong("last_early")
                                 ^ waited & wrong("last_changes")),
        ]

        with m.If(wait != 0):
            m.d.sync += wait.eq(wait - 1)
        m.d.sync += waited.eq(self.m_axis.tvalid & ~self.m_axis.tready)
        with m.If(self.m_axis.tvalid & ~self.m_axis.tready & wrong("data_changes")):
            m.d.sync += value.eq(value + 1)
        with m.If(self.m_axis.tvalid & self.m_axis.tready):
            m.d.sync += [value.eq(value + digest.mixed), index.eq(index + 1)]
            with m.If(final):
                m.d.sync += self.busy.eq(0)
        with m.If(digest.done):
            m.d.sync += [self.busy.eq(1), wait.eq(self.LATENCY - 2), index.eq(0), value.eq(digest.total),
                         fault.eq(asked)]
        return m
