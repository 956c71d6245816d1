"""The receiving half of the serial link: from bytes to whole, checked frames."""

from enum import Enum, auto

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .packets import CRC, Status

__all__ = ["FrameReceiver"]


class State(Enum):
    """What the next byte is."""

    SKIP = 0
    SEQUENCE = auto()
    LENGTH_HIGH = auto()
    LENGTH_LOW = auto()
    PAYLOAD = auto()
    CRC_HIGH = auto()
    CRC_LOW = auto()
    JUDGE = auto()


class FrameReceiver(wiring.Component):
    """Reads packets, writes their payloads as they come, and says at their end whether they count.

    A packet is refused, by a strobe of `reply` with the reason, where its length is neither `input_bytes` nor
    0 (`Status.WRONG_LENGTH`), where `room` is low when its length is known (`BUSY`), where its CRC is wrong
    (`DAMAGED`), and where it does not end: `timeout` cycles without a byte, a byte without stop bit, or the
    beginning of the next packet (`INCOMPLETE`; no reply where not even its sequence number came). Whatever
    follows a refused packet is skipped up to the next beginning. A whole packet of length 0 asks who is
    there: `reply` with `IDENTITY`.

    Parameters
    ----------
    input_bytes : int
        Payload of a frame, 1 to 65535.
    timeout : int
        Cycles without a byte after which a packet is given up, at least 8.

    Members
    -------
    data, valid, start : ``In(8)``, ``In(1)``, ``In(1)``
        Bytes of packets, from `Unescaper`; at least 3 cycles apart.
    alive : ``In(1)``
        Strobe: a byte came off the wire, be it only half of an escaped one.
    line_error : ``In(1)``
        Strobe: a byte was lost for want of a stop bit.
    room : ``In(1)``
        Another frame may be written; stays high until `commit`.
    rewind : ``Out(1)``
        Strobe: what is written next is the first byte of a frame.
    write_data, write : ``Out(8)``, ``Out(1)``
        The payload, byte by byte.
    commit : ``Out(1)``
        Strobe: the `input_bytes` bytes since `rewind` are a frame, its number is `sequence`.
    reply : ``Out(1)``
        Strobe: `status` is to be answered to `sequence`.
    status : ``Out(Status)``
        Valid with `reply`.
    sequence : ``Out(8)``
        Valid with `commit` and `reply`.
    """

    data: Signal
    valid: Signal
    start: Signal
    alive: Signal
    line_error: Signal
    room: Signal
    rewind: Signal
    write_data: Signal
    write: Signal
    commit: Signal
    reply: Signal
    status: Signal
    sequence: Signal

    def __init__(self, input_bytes: int, timeout: int) -> None:
        self.input_bytes = input_bytes
        self.timeout = timeout
        super().__init__({
            "data": In(8), "valid": In(1), "start": In(1),
            "alive": In(1), "line_error": In(1), "room": In(1),
            "rewind": Out(1), "write_data": Out(8), "write": Out(1), "commit": Out(1),
            "reply": Out(1), "status": Out(Status), "sequence": Out(8),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC.create()
        state = Signal(State)
        length_high = Signal(8, reset_less=True)
        is_frame = Signal(reset_less=True)
        left = Signal(range(self.input_bytes + 1), reset_less=True)
        patience = Signal(signed(bits_for(self.timeout) + 1))
        sequence = Signal(8, reset_less=True)

        m.d.comb += [
            crc.data.eq(self.data), crc.valid.eq(self.valid), crc.start.eq(self.start),
            self.rewind.eq(self.start), self.write_data.eq(self.data),
        ]
        # A beginning replaces `sequence` only bytes later, so one register serves the packet before it too.
        m.d.sync += [self.commit.eq(0), self.reply.eq(0), self.sequence.eq(sequence)]

        def reply(status: Status) -> None:
            m.d.sync += [self.reply.eq(1), self.status.eq(status)]

        with m.Switch(state):
            with m.Case(State.SEQUENCE), m.If(self.valid):
                m.d.sync += [sequence.eq(self.data), state.eq(State.LENGTH_HIGH)]
            with m.Case(State.LENGTH_HIGH), m.If(self.valid):
                m.d.sync += [length_high.eq(self.data), state.eq(State.LENGTH_LOW)]
            with m.Case(State.LENGTH_LOW), m.If(self.valid):
                low, high = self.input_bytes & 0xFF, self.input_bytes >> 8
                frame = (length_high == high) & (self.data == low)
                m.d.sync += [is_frame.eq(frame), left.eq(self.input_bytes), state.eq(State.SKIP)]
                with m.If((length_high == 0) & (self.data == 0)):
                    m.d.sync += state.eq(State.CRC_HIGH)
                with m.Elif(~frame):
                    reply(Status.WRONG_LENGTH)
                with m.Elif(~self.room):
                    reply(Status.BUSY)
                with m.Else():
                    m.d.sync += state.eq(State.PAYLOAD)
            with m.Case(State.PAYLOAD):
                m.d.comb += self.write.eq(self.valid)
                with m.If(self.valid):
                    m.d.sync += left.eq(left - 1)
                    with m.If(left == 1):
                        m.d.sync += state.eq(State.CRC_HIGH)
            with m.Case(State.CRC_HIGH), m.If(self.valid):
                m.d.sync += state.eq(State.CRC_LOW)
            with m.Case(State.CRC_LOW), m.If(self.valid):
                m.d.sync += state.eq(State.JUDGE)
            with m.Case(State.JUDGE):
                m.d.sync += state.eq(State.SKIP)
                with m.If(~crc.match_detected):
                    reply(Status.DAMAGED)
                with m.Elif(is_frame):
                    m.d.sync += self.commit.eq(1)
                with m.Else():
                    reply(Status.IDENTITY)

        # Whatever the state: the ways in which a packet stops before its end.
        # Below zero time is up: one bit tells it, where comparing them all would be a long path.
        impatient = ~self.alive & (patience < 0)
        m.d.sync += patience.eq(Mux(self.alive, self.timeout, patience - 1))
        with m.If((state != State.SKIP) & (self.start | self.line_error | impatient)):
            m.d.sync += state.eq(State.SKIP)
            with m.If(state != State.SEQUENCE):
                reply(Status.INCOMPLETE)
        with m.If(self.start):
            m.d.sync += state.eq(State.SEQUENCE)
        return m
