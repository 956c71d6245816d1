"""The sending half of the serial link: answers, made while the accelerator's output arrives."""

from enum import Enum, auto

from amaranth.hdl import Const, Module, Mux, Signal, Value
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .links import AxiStream
from .packets import BYTE, CRC, Status

__all__ = ["FrameSender"]


class State(Enum):
    """Which byte of a packet is next."""

    START = 0
    SEQUENCE = auto()
    STATUS = auto()
    LENGTH_HIGH = auto()
    LENGTH_LOW = auto()
    PAYLOAD = auto()
    CRC_HIGH = auto()
    CRC_LOW = auto()


class FrameSender(wiring.Component):
    """Sends results as they come, and short replies in the gaps between them.

    A result begins when its first byte is there and holds nothing back: the accelerator waits for the wire. A
    reply waits for the end of the result before it; while one waits, further ones are dropped (their sender
    finds out by not being answered). The wire is slow: a byte takes three cycles at least, so that what
    follows from one is in flip-flops before the next.

    Parameters
    ----------
    output_bytes : int
        Payload of a result, 1 to 65535.
    identity : bytes
        Payload of the answer to the question who is there.

    Members
    -------
    result : ``In(AxiStream)``
        Output of the accelerator.
    waiting : ``In(1)``
        A frame whose result was not sent yet is known by `waiting_sequence`; stays until `sent`. In the cycle
        behind `sent` both speak of the next frame.
    waiting_sequence : ``In(8)``
        The number of that frame.
    reply, status, reply_sequence : ``In(1)``, ``In(Status)``, ``In(8)``
        Strobe: `status` is to be answered to the packet of that number.
    o : ``Out(stream.Signature(BYTE))``
        Bytes of packets, for `Escaper`.
    sent : ``Out(1)``
        Strobe: the last byte of a result is leaving.
    tlast_error : ``Out(1)``
        `result.tlast` was not where `output_bytes` says; stays until reset.
    """

    result: wiring.PureInterface
    waiting: Signal
    waiting_sequence: Signal
    reply: Signal
    status: Signal
    reply_sequence: Signal
    o: stream.Interface
    sent: Signal
    tlast_error: Signal

    def __init__(self, output_bytes: int, identity: bytes) -> None:
        self.output_bytes = output_bytes
        self.identity = identity
        super().__init__({
            "result": In(AxiStream), "waiting": In(1), "waiting_sequence": In(8),
            "reply": In(1), "status": In(Status), "reply_sequence": In(8),
            "o": Out(stream.Signature(BYTE)), "sent": Out(1), "tlast_error": Out(1),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.crc = crc = CRC.create()
        state = Signal(State)
        moved = Signal()

        # The packet being sent.
        busy = Signal()
        is_result = Signal(reset_less=True)
        is_identity = Signal(reset_less=True)
        heading = Signal(8, reset_less=True)
        status = Signal(Status, reset_less=True)
        m.d.sync += is_identity.eq(status == Status.IDENTITY)

        # The one reply that may wait; it goes before the next result.
        pending = Signal()
        pending_status = Signal(Status, reset_less=True)
        pending_sequence = Signal(8, reset_less=True)
        with m.If(~busy):
            m.d.sync += [
                busy.eq(pending | (self.waiting & self.result.tvalid & ~self.sent)), pending.eq(0),
                is_result.eq(~pending), status.eq(Mux(pending, pending_status, Status.RESULT)),
                heading.eq(Mux(pending, pending_sequence, self.waiting_sequence)),
            ]
        # Behind the sequence number goes the status.
        with m.Elif(moved & (state == State.SEQUENCE)):
            m.d.sync += heading.eq(status)
        with m.If(self.reply & ~pending):
            m.d.sync += [pending.eq(1), pending_status.eq(self.status),
                         pending_sequence.eq(self.reply_sequence)]

        # Bytes of the payload behind the next one, -1 for the last, of which the sign tells.
        in_payload = Signal()
        m.d.sync += in_payload.eq(state == State.PAYLOAD)
        size = len(self.identity)
        left = Signal(range(-1, max(self.output_bytes, size) - 1), reset_less=True)
        is_last = left[-1]
        with m.If(~in_payload):
            m.d.sync += left.eq(Mux(is_result, self.output_bytes - 2, size - 2))
        with m.Elif(moved):
            m.d.sync += left.eq(left - 1)

        # The next byte, where it is none of a result, in two steps.
        length = Mux(is_result, self.output_bytes, Mux(is_identity, size, 0))
        places = 1 << ceil_log2(size)
        padded = self.identity.ljust(places, b"\0")
        by_left = bytes(padded[(size - 2 - low_bits) % places] for low_bits in range(places))
        identity = Const(int.from_bytes(by_left, "little"), 8 * places)
        field = Signal(8, reset_less=True)
        prepared = Signal(8, reset_less=True)
        with m.Switch(state):
            with m.Case(State.LENGTH_HIGH):
                m.d.sync += field.eq(length >> 8)
            with m.Case(State.LENGTH_LOW):
                m.d.sync += field.eq(length)
            with m.Default():
                m.d.sync += field.eq(identity.word_select(left[:ceil_log2(size)], 8))
        with m.Switch(state):
            with m.Case(State.SEQUENCE, State.STATUS):
                m.d.sync += prepared.eq(heading)
            with m.Case(State.CRC_HIGH):
                m.d.sync += prepared.eq(crc.crc[8:])
            with m.Case(State.CRC_LOW):
                m.d.sync += prepared.eq(crc.crc[:8])
            with m.Default():
                m.d.sync += prepared.eq(field)

        # A register between all this and the wire, emptied before it is filled again. The CRC reads it; two
        # cycles behind a byte, the CRC, the state and what is prepared are those of the next one.
        from_result = in_payload & is_result
        settling = Signal()
        turn = Signal()
        taken = Signal()
        counts = Signal()
        m.d.comb += [
            taken.eq(self.result.tvalid & self.result.tready),
            moved.eq(taken | (turn & ~self.o.valid)),
            crc.start.eq(~busy), crc.data.eq(self.o.payload.data), crc.valid.eq(counts),
        ]
        m.d.sync += [
            settling.eq(moved),
            turn.eq(busy & ~from_result & ~moved & ~settling),
            self.result.tready.eq(from_result & ~self.o.valid & ~taken),
            counts.eq(moved & ~state.matches(State.START, State.CRC_HIGH, State.CRC_LOW)),
            self.sent.eq(moved & (state == State.CRC_LOW) & is_result),
        ]
        with m.If(moved):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.start.eq(state == State.START),
                         self.o.payload.data.eq(Mux(from_result, self.result.tdata, prepared))]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.If(moved), m.Switch(state):
            with m.Case(State.LENGTH_LOW):
                m.d.sync += state.eq(Mux(is_result | is_identity, State.PAYLOAD, State.CRC_HIGH))
            with m.Case(State.PAYLOAD):
                m.d.sync += state.eq(Mux(is_last, State.CRC_HIGH, State.PAYLOAD))
            with m.Case(State.CRC_LOW):
                m.d.sync += [state.eq(State.START), busy.eq(0)]
            with m.Default():
                m.d.sync += state.eq(Value.cast(state) + 1)
        with m.If(taken & (self.result.tlast != is_last)):
            m.d.sync += self.tlast_error.eq(1)
        return m
