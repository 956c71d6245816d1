"""Packets of the serial link, seen from the host; the format is in docs/uart-protocol.md."""

from __future__ import annotations

import binascii
from dataclasses import dataclass

from gatecast.hdl.frame_link import PROTOCOL_VERSION
from gatecast.hdl.packets import ESCAPE, ESCAPE_XOR, MAX_PAYLOAD, START, Status

__all__ = ["ANSWER_BYTES", "BITS_A_BYTE", "REQUEST_BYTES", "Answer", "AnswerReader", "Identity", "encode"]

# Of an answer: sequence number, status and length; of a request: the same without status.
HEADER_BYTES, CRC_BYTES = 4, 2
# On the wire beside the payload, without escapes; the start byte is one more.
ANSWER_BYTES = 1 + HEADER_BYTES + CRC_BYTES
REQUEST_BYTES = ANSWER_BYTES - 1
# A start bit, eight of data, a stop bit.
BITS_A_BYTE = 10


def _crc(data: bytes) -> bytes:
    return binascii.crc_hqx(data, 0xFFFF).to_bytes(CRC_BYTES, "big")


def encode(sequence: int, payload: bytes = b"") -> bytes:
    """Return the bytes on the wire of request `sequence` (0 to 255); without payload it asks who is there."""
    if len(payload) > MAX_PAYLOAD:
        raise ValueError(f"payload must have at most {MAX_PAYLOAD} bytes, not {len(payload)}")
    body = bytes([sequence]) + len(payload).to_bytes(2, "big") + payload
    return bytes([START]) + _escape(body + _crc(body))


def _escape(data: bytes) -> bytes:
    # The escape byte first: the other replacement brings in new ones.
    data = data.replace(bytes([ESCAPE]), bytes([ESCAPE, ESCAPE ^ ESCAPE_XOR]))
    return data.replace(bytes([START]), bytes([ESCAPE, START ^ ESCAPE_XOR]))


@dataclass(frozen=True)
class Answer:
    """One whole, undamaged answer."""

    sequence: int
    status: Status
    payload: bytes


@dataclass(frozen=True)
class Identity:
    """Who is there: the payload of an answer with `Status.IDENTITY`."""

    version: int
    slots: int
    input_bytes: int
    output_bytes: int
    build_id: int

    @classmethod
    def parse(cls, payload: bytes) -> Identity | None:
        """Read the payload; None where it is none that this version knows."""
        if len(payload) != 10 or payload[0] != PROTOCOL_VERSION:
            return None
        return cls(version=payload[0], slots=payload[1], input_bytes=int.from_bytes(payload[2:4], "big"),
                   output_bytes=int.from_bytes(payload[4:6], "big"),
                   build_id=int.from_bytes(payload[6:10], "big"))


class AnswerReader:
    """Finds the whole, undamaged answers in the bytes off the wire, however these are cut into pieces.

    `damaged` counts packets that began and were not whole or not right.
    """

    def __init__(self) -> None:
        self.damaged = 0
        self._packet: bytearray | None = None
        self._escaped = False

    def feed(self, data: bytes) -> list[Answer]:
        """Take the next bytes; return the answers that they completed."""
        answers = []
        for byte in data:
            if byte == START:
                self.damaged += self._packet is not None
                self._packet, self._escaped = bytearray(), False
            elif self._packet is None:
                continue
            elif byte == ESCAPE:
                self._escaped = True
            else:
                self._packet.append(byte ^ ESCAPE_XOR if self._escaped else byte)
                self._escaped = False
                if self._ended(self._packet):
                    answer = _parse(self._packet)
                    self.damaged += answer is None
                    self._packet = None
                    if answer:
                        answers.append(answer)
        return answers

    @staticmethod
    def _ended(packet: bytearray) -> bool:
        if len(packet) < HEADER_BYTES:
            return False
        return len(packet) == HEADER_BYTES + int.from_bytes(packet[2:4], "big") + CRC_BYTES


def _parse(packet: bytearray) -> Answer | None:
    body, crc = bytes(packet[:-CRC_BYTES]), packet[-CRC_BYTES:]
    if _crc(body) != crc or body[1] not in list(Status):
        return None
    return Answer(body[0], Status(body[1]), body[HEADER_BYTES:])
