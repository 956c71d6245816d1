"""Packets on a serial line: where one begins, and bytes that cannot be mistaken for a beginning.

The format, byte for byte, with what each end must do, is in ``docs/uart-protocol.md``. `START` occurs nowhere
but at a beginning: a data byte that equals `START` or `ESCAPE` is sent as `ESCAPE` and the byte with bit 5
turned over, as in RFC 1662 section 4.2. So a receiver finds the next packet whatever happened to this one.
"""

from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.crc import Parameters
from amaranth.lib.crc.catalog import CRC16_IBM_3740
from amaranth.lib.wiring import In, Out

__all__ = ["CRC", "ESCAPE", "ESCAPE_XOR", "MAX_PAYLOAD", "START", "Escaper", "Status", "Unescaper"]

START, ESCAPE, ESCAPE_XOR = 0x7E, 0x7D, 0x20

# Over everything behind the start byte, before escaping; Python: ``binascii.crc_hqx(data, 0xFFFF)``.
CRC: Parameters = CRC16_IBM_3740(data_width=8)

# What the two bytes of the length can say.
MAX_PAYLOAD = 0xFFFF

# A byte of a packet, or the mark where one begins (then `data` says nothing).
BYTE = data.StructLayout({"data": 8, "start": 1})


class Status(IntEnum):
    """What an answer says. All but the first two are negative: the frame was not taken, send it again."""

    RESULT = 0
    IDENTITY = 1
    DAMAGED = 2
    INCOMPLETE = 3
    WRONG_LENGTH = 4
    BUSY = 5


class Escaper(wiring.Component):
    """Bytes and marks in, bytes for the wire out.

    A byte every other cycle, one more for an escaped one: first it is found out whether it is special.

    Members
    -------
    i : ``In(stream.Signature(BYTE))``
        Bytes of packets, and the marks where they begin.
    o : ``Out(stream.Signature(8))``
        Bytes for the wire.
    """

    i: stream.Interface
    o: stream.Interface

    def __init__(self) -> None:
        super().__init__({"i": In(stream.Signature(BYTE)), "o": Out(stream.Signature(8))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        byte = self.i.payload
        known = Signal()
        special = Signal(reset_less=True)
        escaped = Signal()  # the escape byte of this one was sent
        to_escape = special & ~escaped
        m.d.sync += [
            known.eq(self.i.valid & ~self.i.ready),
            special.eq(~byte.start & ((byte.data == START) | (byte.data == ESCAPE))),
        ]
        m.d.comb += [
            self.o.valid.eq(known),
            self.i.ready.eq(known & self.o.ready & ~to_escape),
            self.o.payload.eq(Mux(byte.start, START, Mux(to_escape, ESCAPE, Mux(
                special, byte.data ^ ESCAPE_XOR, byte.data)))),
        ]
        with m.If(self.o.valid & self.o.ready):
            m.d.sync += escaped.eq(to_escape)
        return m


class Unescaper(wiring.Component):
    """Bytes off the wire in, bytes of packets and marks out, one cycle later.

    There is no backpressure: `valid` and `start` strobe for one cycle, never both.

    Members
    -------
    wire_data : ``In(8)``
        Byte off the wire, while `wire_valid`.
    wire_valid : ``In(1)``
        Strobe: a byte arrived.
    data : ``Out(8)``
        Byte of a packet, while `valid`.
    valid : ``Out(1)``
        Strobe: a byte of a packet.
    start : ``Out(1)``
        Strobe: a packet begins.
    """

    wire_data: Signal
    wire_valid: Signal
    data: Signal
    valid: Signal
    start: Signal

    def __init__(self) -> None:
        super().__init__({"wire_data": In(8), "wire_valid": In(1),
                          "data": Out(8), "valid": Out(1), "start": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        is_start = self.wire_data == START
        is_escape = self.wire_data == ESCAPE
        escaped = Signal()
        m.d.sync += [
            self.start.eq(self.wire_valid & is_start),
            self.valid.eq(self.wire_valid & ~is_start & ~is_escape),
            self.data.eq(Mux(escaped, self.wire_data ^ ESCAPE_XOR, self.wire_data)),
        ]
        with m.If(self.wire_valid):
            m.d.sync += escaped.eq(is_escape)
        return m
