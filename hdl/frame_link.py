"""Frames over a line of bytes: packets in, checked and buffered; answers out."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from .counters import any_left
from .frame_buffer import BLOCK_RAM_BYTES, FrameBuffer
from .frame_receiver import FrameReceiver
from .frame_sender import FrameSender
from .links import AxiStream
from .packets import MAX_PAYLOAD, Escaper, Status, Unescaper
from .storage import make_memory

__all__ = ["FrameLink", "FrameLinkParams", "default_slots"]

PROTOCOL_VERSION = 1
MIN_SLOTS, MAX_SLOTS = 2, 16
# A frame of so many bytes is on a serial line for so long that the delays of USB are little beside it.
LONG_FRAME = 8192
MIN_TIMEOUT = 16


def default_slots(input_bytes: int, block_ram_bytes: int = BLOCK_RAM_BYTES) -> int:
    """Frames that may be under way: what one block RAM holds, so that the delays of USB hide, but 2 to 16.

    Of long frames, which fill many block RAMs, it is one.
    """
    if input_bytes >= LONG_FRAME:
        return 1
    return max(MIN_SLOTS, min(MAX_SLOTS, block_ram_bytes // input_bytes))


@dataclass(frozen=True, kw_only=True)
class FrameLinkParams:
    """Everything that fixes one link, and what its host must know of it.

    Parameters
    ----------
    input_bytes, output_bytes : int
        Bytes of a frame each way, 1 to 65535.
    timeout : int
        Clock cycles without a byte after which an unfinished packet is given up, at least 16.
    slots : int
        Frames that may be under way, unanswered, 1 to 255; each takes `input_bytes` of block RAM.
    build_id : int
        32 bits that tell one build from another, so that a host notices the wrong bitstream.
    """

    input_bytes: int
    output_bytes: int
    timeout: int
    slots: int
    build_id: int = 0

    def __post_init__(self) -> None:
        for name in "input_bytes", "output_bytes":
            if not 1 <= getattr(self, name) <= MAX_PAYLOAD:
                raise ValueError(f"{name} must be in [1, {MAX_PAYLOAD}], what one packet can carry, "
                                 f"not {getattr(self, name)}")
        if self.timeout < MIN_TIMEOUT:
            raise ValueError(f"timeout must be at least {MIN_TIMEOUT} cycles, not {self.timeout}")
        if not 1 <= self.slots <= 255:
            raise ValueError(f"slots must be in [1, 255], not {self.slots}")
        if not 0 <= self.build_id < 2**32:
            raise ValueError(f"build_id must have 32 bits, not {self.build_id:#x}")

    @property
    def identity(self) -> bytes:
        """The answer to the question who is there: version, slots, input and output bytes, build."""
        return (bytes([PROTOCOL_VERSION, self.slots]) + self.input_bytes.to_bytes(2, "big")
                + self.output_bytes.to_bytes(2, "big") + self.build_id.to_bytes(4, "big"))


class FrameLink(wiring.Component):
    """Packets off the wire become frames on `source`; results on `sink` become packets for the wire.

    At most `slots` frames are under way, from the end of their packet to the end of their answer; what comes
    beyond is answered `Status.BUSY`. Results leave in the order of their frames. Reset at any cycle forgets
    everything; the accelerator must be reset with it.

    Members
    -------
    wire_data, wire_valid : ``In(8)``, ``In(1)``
        Strobe: a byte came off the wire; at least 3 cycles apart.
    wire_error : ``In(1)``
        Strobe: a byte was lost on the wire.
    wire : ``Out(stream.Signature(8))``
        Bytes for the wire.
    source : ``Out(AxiStream)``, sink : ``In(AxiStream)``
        To and from the accelerator.
    taken, sent, refused : ``Out(1)``
        Strobes: a frame arrived whole, a result left, a packet was refused.
    tlast_error : ``Out(1)``
        A result had the wrong number of bytes; stays until reset.
    """

    wire_data: Signal
    wire_valid: Signal
    wire_error: Signal
    wire: stream.Interface
    source: Any
    sink: Any
    taken: Signal
    sent: Signal
    refused: Signal
    tlast_error: Signal

    def __init__(self, params: FrameLinkParams) -> None:
        self.params = params
        super().__init__({
            "wire_data": In(8), "wire_valid": In(1), "wire_error": In(1), "wire": Out(stream.Signature(8)),
            "source": Out(AxiStream), "sink": In(AxiStream),
            "taken": Out(1), "sent": Out(1), "refused": Out(1), "tlast_error": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        m.submodules.unescaper = unescaper = Unescaper()
        m.submodules.receiver = receiver = FrameReceiver(params.input_bytes, params.timeout)
        m.submodules.buffer = buffer = FrameBuffer(params.input_bytes, params.slots)
        m.submodules.sender = sender = FrameSender(params.output_bytes, params.identity)
        m.submodules.escaper = escaper = Escaper()
        m.d.comb += [
            unescaper.wire_data.eq(self.wire_data), unescaper.wire_valid.eq(self.wire_valid),
            receiver.data.eq(unescaper.data), receiver.valid.eq(unescaper.valid),
            receiver.start.eq(unescaper.start),
            receiver.alive.eq(self.wire_valid), receiver.line_error.eq(self.wire_error),
            buffer.rewind.eq(receiver.rewind), buffer.data.eq(receiver.write_data),
            buffer.write.eq(receiver.write), buffer.commit.eq(receiver.commit),
            sender.reply.eq(receiver.reply), sender.status.eq(receiver.status),
            sender.reply_sequence.eq(receiver.sequence),
            self.taken.eq(receiver.commit), self.sent.eq(sender.sent),
            self.refused.eq(receiver.reply & (receiver.status != Status.IDENTITY)),
            self.tlast_error.eq(sender.tlast_error),
        ]
        connect(m, flipped(self.source), buffer.o)
        connect(m, flipped(self.sink), sender.result)
        connect(m, sender.o, escaper.i)
        connect(m, escaper.o, flipped(self.wire))

        # The numbers of the frames under way, oldest first.
        m.submodules.numbers = numbers = make_memory(
            "lut", shape=8, depth=params.slots, written=True)
        newest, oldest = numbers.write_port(), numbers.read_port(domain="comb")
        put = Signal(range(params.slots))
        get = Signal(range(params.slots))
        m.d.comb += [
            newest.addr.eq(put), newest.data.eq(receiver.sequence), newest.en.eq(receiver.commit),
            oldest.addr.eq(get), sender.waiting_sequence.eq(oldest.data),
            sender.waiting.eq(any_left(
                m, params.slots, added=receiver.commit, taken=sender.sent, name="under_way")),
            receiver.room.eq(any_left(
                m, params.slots, added=sender.sent, taken=receiver.commit, name="free", init=params.slots)),
        ]
        with m.If(receiver.commit):
            m.d.sync += put.eq(Mux(put == params.slots - 1, 0, put + 1))
        with m.If(sender.sent):
            m.d.sync += get.eq(Mux(get == params.slots - 1, 0, get + 1))
        return m
