"""Frames on their way into an accelerator: written byte by byte, handed on whole or not at all."""

from amaranth.hdl import Module, Mux, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .links import AxiStream
from .storage import make_memory, read_register

__all__ = ["FrameBuffer"]


class FrameBuffer(wiring.Component):
    """A ring of `slots` frames in block RAM, one being written, the others being read in order.

    Reading gives a byte every third cycle: far faster than any serial line writes, and it leaves a register
    between the RAM and the accelerator. The writer must not commit more frames than there are slots; how many
    are in use is its user's to count, because a slot is often to be kept until its frame was answered.

    Parameters
    ----------
    frame_bytes : int
        Bytes of one frame, at least 1.
    slots : int
        Frames that fit, at least 1.

    Members
    -------
    rewind : ``In(1)``
        Strobe: what is written next is the first byte of a frame, again.
    data, write : ``In(8)``, ``In(1)``
        A byte of the frame, in order; at most `frame_bytes` since `rewind` or `commit`.
    commit : ``In(1)``
        Strobe, not together with `write`: the frame is whole and may be read.
    o : ``Out(AxiStream)``
        The frames, `tlast` at the end of each.
    """

    rewind: Signal
    data: Signal
    write: Signal
    commit: Signal
    o: wiring.PureInterface

    def __init__(self, frame_bytes: int, slots: int) -> None:
        self.frame_bytes = frame_bytes
        self.slots = slots
        super().__init__({"rewind": In(1), "data": In(8), "write": In(1), "commit": In(1),
                          "o": Out(AxiStream)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        depth = self.frame_bytes * self.slots
        m.submodules.memory = ram = make_memory(
            "block", shape=8, depth=depth, written=True, unchecked=True)
        writer = ram.write_port()

        def following(address: Signal) -> Value:
            return Mux(address == depth - 1, 0, address + 1)

        base = Signal(range(depth))
        write_at = Signal(range(depth))
        m.d.comb += [writer.addr.eq(write_at), writer.data.eq(self.data), writer.en.eq(self.write)]
        with m.If(self.commit):
            m.d.sync += base.eq(write_at)
        with m.Elif(self.rewind):
            m.d.sync += write_at.eq(base)
        with m.Elif(self.write):
            m.d.sync += write_at.eq(following(write_at))

        read_at = Signal(range(depth))
        left = Signal(range(self.frame_bytes + 1))
        whole = Signal(range(self.slots + 1))
        finished = Signal()
        byte = read_register(m, ram, read_at, name="byte")
        m.d.sync += whole.eq(whole + self.commit - finished)

        with m.FSM():
            with m.State("wait"), m.If(whole != 0):
                m.d.sync += left.eq(self.frame_bytes)
                m.next = "fetch"
            with m.State("fetch"):
                m.next = "load"
            with m.State("load"):
                m.d.sync += [self.o.tdata.eq(byte), self.o.tvalid.eq(1), self.o.tlast.eq(left == 1),
                             read_at.eq(following(read_at)), left.eq(left - 1)]
                m.next = "offer"
            with m.State("offer"), m.If(self.o.tready):
                m.d.sync += self.o.tvalid.eq(0)
                m.next = "fetch"
                with m.If(left == 0):
                    m.d.comb += finished.eq(1)
                    m.next = "wait"
        return m
