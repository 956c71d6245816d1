"""The sending half of the serial link: answers, made while the accelerator's output arrives."""

from enum import Enum, auto

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.wiring import In, Out

from .links import AxiStream
from .packets import BYTE, CRC, Status

__all__ = ["FrameSender"]


class State(Enum):
    """What is being sent."""

    IDLE = 0
    START = auto()
    HEADER = auto()
    PAYLOAD = auto()
    CRC_HIGH = auto()
    CRC_LOW = auto()


class FrameSender(wiring.Component):
    """Sends results as they come, and short replies in the gaps between them.

    A result begins when its first byte is there and holds nothing back: the accelerator waits for the wire. A
    reply waits for the end of the result before it; while one waits, further ones are dropped (their sender
    finds out by not being answered).

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
        A frame whose result was not sent yet is known by `waiting_sequence`; stays until `sent`.
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
        identity = Const(int.from_bytes(self.identity, "little"), 8 * len(self.identity))
        longest = max(self.output_bytes, len(self.identity))
        state = Signal(State)

        # The one reply that may wait.
        pending = Signal()
        pending_status = Signal(Status, reset_less=True)
        pending_sequence = Signal(8, reset_less=True)
        with m.If(self.reply & ~pending):
            m.d.sync += [pending.eq(1), pending_status.eq(self.status),
                         pending_sequence.eq(self.reply_sequence)]

        # The packet being sent.
        header = Signal(32, reset_less=True)
        field = Signal(2)
        left = Signal(range(longest + 1), reset_less=True)
        is_result = Signal(reset_less=True)
        place = Signal(range(len(self.identity)))

        def begin(sequence: Signal, status: Signal | Status, length: int, result: bool) -> None:
            """Take one packet up; its header goes out low byte first."""
            m.d.sync += [
                header.eq(Cat(sequence, Const(0, 8) | status, Const(length >> 8, 8), Const(length % 256, 8))),
                left.eq(length), is_result.eq(result), field.eq(0), place.eq(0), state.eq(State.START),
            ]

        # A register between all this and the wire, emptied before it is filled again: the wire is slow, and
        # the paths stay short both ways. The CRC reads it, and is ready long before it is needed.
        byte = Signal(BYTE)
        free = ~self.o.valid
        in_payload = state == State.PAYLOAD
        moved = Signal()
        counts = Signal()
        m.d.comb += [
            self.result.tready.eq(in_payload & is_result & free),
            moved.eq(free & Mux(in_payload, ~is_result | self.result.tvalid, state != State.IDLE)),
            crc.start.eq(state == State.START), crc.data.eq(self.o.payload.data), crc.valid.eq(counts),
        ]
        m.d.sync += counts.eq(moved & (in_payload | (state == State.HEADER)))
        with m.If(moved):
            m.d.sync += [self.o.valid.eq(1), self.o.payload.eq(byte)]
        with m.Elif(self.o.ready):
            m.d.sync += self.o.valid.eq(0)

        with m.Switch(state):
            with m.Case(State.IDLE):
                with m.If(pending & (pending_status == Status.IDENTITY)):
                    begin(pending_sequence, pending_status, len(self.identity), False)
                    m.d.sync += pending.eq(0)
                with m.Elif(pending):
                    begin(pending_sequence, pending_status, 0, False)
                    m.d.sync += pending.eq(0)
                with m.Elif(self.waiting & self.result.tvalid):
                    begin(self.waiting_sequence, Status.RESULT, self.output_bytes, True)
            with m.Case(State.START):
                m.d.comb += byte.start.eq(1)
                with m.If(moved):
                    m.d.sync += state.eq(State.HEADER)
            with m.Case(State.HEADER):
                m.d.comb += byte.data.eq(header[:8])
                with m.If(moved):
                    m.d.sync += [header.eq(header >> 8), field.eq(field + 1)]
                    with m.If(field == 3):
                        m.d.sync += state.eq(Mux(left == 0, State.CRC_HIGH, State.PAYLOAD))
            with m.Case(State.PAYLOAD):
                m.d.comb += byte.data.eq(Mux(is_result, self.result.tdata, identity.word_select(place, 8)))
                with m.If(moved):
                    m.d.sync += [left.eq(left - 1), place.eq(place + 1)]
                    with m.If(left == 1):
                        m.d.sync += state.eq(State.CRC_HIGH)
                    with m.If(is_result & (self.result.tlast != (left == 1))):
                        m.d.sync += self.tlast_error.eq(1)
            with m.Case(State.CRC_HIGH):
                m.d.comb += byte.data.eq(crc.crc[8:])
                with m.If(moved):
                    m.d.sync += state.eq(State.CRC_LOW)
            with m.Case(State.CRC_LOW):
                m.d.comb += [byte.data.eq(crc.crc[:8]), self.sent.eq(moved & is_result)]
                with m.If(moved):
                    m.d.sync += state.eq(State.IDLE)
        return m
