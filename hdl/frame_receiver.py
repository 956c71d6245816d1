"""The receiving half of the serial link: from bytes to whole, checked frames."""

from enum import Enum, auto

from amaranth.hdl import Module, Mux, Signal, Value, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import bits_for

from .counters import last_of
from .packets import CRC, Status

__all__ = ["FrameReceiver"]


class State(Enum):
    """What the next byte is; in `CHECK` none comes, but the length is judged."""

    SKIP = 0
    SEQUENCE = auto()
    LENGTH_HIGH = auto()
    LENGTH_LOW = auto()
    CHECK = auto()
    PAYLOAD = auto()
    CRC_HIGH = auto()
    CRC_LOW = auto()


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
        high_fits = Signal(reset_less=True)
        high_is_zero = Signal(reset_less=True)
        low_fits = Signal(reset_less=True)
        low_is_zero = Signal(reset_less=True)
        is_frame = Signal(reset_less=True)
        is_question = Signal(reset_less=True)
        is_taken = Signal(reset_less=True)
        checked = Signal()
        patience = Signal(signed(bits_for(self.timeout) + 1), init=self.timeout)

        m.d.comb += [
            crc.data.eq(self.data), crc.valid.eq(self.valid), crc.start.eq(self.start),
            self.rewind.eq(self.start), self.write_data.eq(self.data),
            self.write.eq(self.valid & (state == State.PAYLOAD)),
        ]
        is_last = last_of(m, self.input_bytes, self.write, "payload", restart=state == State.CHECK)

        # The length is judged in two cycles, behind its last byte.
        check = Signal()
        m.d.comb += check.eq((state == State.CHECK) & ~checked)
        m.d.sync += [low_fits.eq(self.data == self.input_bytes & 0xFF), low_is_zero.eq(self.data == 0),
                     checked.eq(check)]
        with m.If(check):
            m.d.sync += [is_frame.eq(high_fits & low_fits), is_taken.eq(high_fits & low_fits & self.room),
                         is_question.eq(high_is_zero & low_is_zero)]

        # The ways in which a packet stops before its end. Below zero time is up: one bit tells it, where
        # comparing them all would be a long path.
        stopped = Signal()
        m.d.sync += [
            patience.eq(Mux(self.alive, self.timeout, patience - 1)),
            stopped.eq(self.line_error | (~self.alive & (patience < 0))),
        ]
        cut_off = Signal()
        m.d.comb += cut_off.eq((self.start | stopped) & (state != State.SKIP) & (state != State.SEQUENCE))

        # Behind its last byte a packet is judged, when the CRC has been compared.
        ended = Signal()
        judged = Signal()
        intact = Signal(reset_less=True)
        m.d.sync += [
            ended.eq((state == State.CRC_LOW) & self.valid), judged.eq(ended), intact.eq(crc.match_detected),
            self.commit.eq(judged & intact & is_frame),
        ]
        refused = checked & ~is_question & ~is_taken
        m.d.sync += self.reply.eq(cut_off | refused | (judged & ~(intact & is_frame)))
        with m.If(judged):
            m.d.sync += self.status.eq(Mux(intact, Status.IDENTITY, Status.DAMAGED))
        with m.Elif(cut_off):
            m.d.sync += self.status.eq(Status.INCOMPLETE)
        with m.Else():
            m.d.sync += self.status.eq(Mux(is_frame, Status.BUSY, Status.WRONG_LENGTH))

        with m.If(self.valid & (state == State.SEQUENCE)):
            m.d.sync += self.sequence.eq(self.data)
        with m.If(self.valid & (state == State.LENGTH_HIGH)):
            m.d.sync += [high_fits.eq(self.data == self.input_bytes >> 8), high_is_zero.eq(self.data == 0)]

        # A beginning passes through `SKIP`, for all that ends a packet resets the state in the same way.
        began = Signal()
        m.d.sync += began.eq(self.start)
        with m.If(self.start | stopped):
            m.d.sync += state.eq(State.SKIP)
        with m.Elif(began):
            m.d.sync += state.eq(State.SEQUENCE)
        with m.Elif(checked):
            m.d.sync += state.eq(Mux(is_question, State.CRC_HIGH, Mux(is_taken, State.PAYLOAD, State.SKIP)))
        with m.Elif(self.valid), m.Switch(state):
            with m.Case(State.PAYLOAD):
                m.d.sync += state.eq(Mux(is_last, State.CRC_HIGH, State.PAYLOAD))
            with m.Case(State.SEQUENCE, State.LENGTH_HIGH, State.LENGTH_LOW, State.CRC_HIGH):
                m.d.sync += state.eq(Value.cast(state) + 1)
            with m.Case(State.CRC_LOW):
                m.d.sync += state.eq(State.SKIP)
        return m
