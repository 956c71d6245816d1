"""Frames on their way into an accelerator: written byte by byte, handed on whole or not at all."""

from amaranth.hdl import Array, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import exact_log2

from .counters import any_left, last_of
from .links import AxiStream
from .pipeline import delay
from .storage import make_memory, read_register

__all__ = ["BLOCK_RAM_BYTES", "FrameBuffer", "bank_sizes"]

# Each block RAM gets registers of its own: its output is slow, and slower still behind a choice of several.
BLOCK_RAM_BYTES = 2048


def bank_sizes(depth: int) -> tuple[int, ...]:
    """Bytes of each memory of a frame buffer of `depth` bytes."""
    return (min(depth, BLOCK_RAM_BYTES),) * -(-depth // BLOCK_RAM_BYTES)


class FrameBuffer(wiring.Component):
    """A ring of `slots` frames in block RAM, one being written, the others being read in order.

    Reading gives a byte every fourth cycle: far faster than any serial line writes, and it leaves registers
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
        A byte of the frame, in order; at most `frame_bytes` since `rewind` or `commit`, and at least 3 cycles
        from one to the next, as from `rewind`.
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
        write_at = Signal(range(depth))
        read_at = Signal(range(depth))
        # An address stays for three cycles; comparing it takes one of them.
        write_wraps = Signal()
        read_wraps = Signal()
        m.d.sync += [write_wraps.eq(write_at == depth - 1), read_wraps.eq(read_at == depth - 1)]

        bank_bits = exact_log2(BLOCK_RAM_BYTES)
        bytes_read = []
        for bank, size in enumerate(bank_sizes(depth)):
            m.submodules[f"memory_{bank}"] = ram = make_memory(
                "block", shape=8, depth=size, written=True, unchecked=True)
            writer = ram.write_port()
            m.d.comb += [writer.addr.eq(write_at), writer.data.eq(self.data),
                         writer.en.eq(self.write & (write_at >> bank_bits == bank))]
            byte = read_register(m, ram, read_at[:bank_bits], name=f"byte_{bank}")
            bytes_read.append(delay(m, byte, 1, f"byte_{bank}"))
        m.d.sync += self.o.tdata.eq(Array(bytes_read)[read_at >> bank_bits])

        base = Signal(range(depth))
        with m.If(self.commit):
            m.d.sync += base.eq(write_at)
        with m.Elif(self.rewind):
            m.d.sync += write_at.eq(base)
        with m.Elif(self.write):
            m.d.sync += write_at.eq(Mux(write_wraps, 0, write_at + 1))

        taken = Signal()
        m.d.comb += [
            taken.eq(self.o.tvalid & self.o.tready),
            self.o.tlast.eq(last_of(m, self.frame_bytes, taken, "frame")),
        ]
        whole = any_left(m, self.slots, added=self.commit, taken=taken & self.o.tlast, name="whole")
        with m.If(taken):
            m.d.sync += read_at.eq(Mux(read_wraps, 0, read_at + 1))
        # What was read, its own register, the choice: each takes a cycle from an address on.
        with m.FSM():
            with m.State("read"):
                m.next = "register"
            with m.State("register"):
                m.next = "choose"
            with m.State("choose"), m.If(whole):
                m.d.sync += self.o.tvalid.eq(1)
                m.next = "offer"
            with m.State("offer"), m.If(self.o.tready):
                m.d.sync += self.o.tvalid.eq(0)
                m.next = "read"
        return m
