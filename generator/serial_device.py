"""A board on a serial port: frames to it, results back, whatever gets lost on the way."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from gatecast.hdl.packets import Status

from . import toolbox
from .errors import CheckError, InputError
from .packets import ANSWER_BYTES, BITS_A_BYTE, REQUEST_BYTES, Answer, AnswerReader, Identity, encode

__all__ = ["Device", "Statistics"]

ATTEMPTS = 10
# What USB, an operating system and the board's patience with half a packet add to the time on the wire.
DELAY_SECONDS = 0.3
# Results of a host before us end with this long a silence, and within this time.
SILENCE_SECONDS, NOISE_SECONDS = 0.1, 10
POLL_SECONDS = 0.01
WRITE_SECONDS = 10
TROUBLE = "is it the right port, is the bitstream loaded, is the cable sound"


@dataclass
class Statistics:
    """What happened on the line: packets sent, and the frames among them that had to be sent again.

    A frame is `refused` where the board said so, `lost` where it or its answer never came; `damaged` are
    packets from the board that were not whole.
    """

    sent: int = 0
    refused: int = 0
    lost: int = 0
    damaged: int = 0


@dataclass
class _UnderWay:
    """A frame that was sent and not answered."""

    index: int
    attempts: int
    deadline: float


class Device:
    """A board on a serial port. Use as a context manager, or `close` it.

    Opening asks the board who it is and waits until the line is silent. Raises CheckError where no board
    answers, and InputError where there is no such port.

    Parameters
    ----------
    port : str
        As pyserial knows it: ``/dev/ttyUSB0``, ``COM3``.
    baud : int
        Speed of the line; must be the board's.
    delay : float
        Seconds to wait for an answer beyond the time its bytes take.
    """

    def __init__(self, port: str, baud: int, *, delay: float = DELAY_SECONDS) -> None:
        toolbox.require("pyserial", "talking to a board")
        import serial

        self.port, self.baud, self.delay = port, baud, delay
        self.statistics = Statistics()
        self._reader = AnswerReader()
        self._sequence = 0
        self._failures: tuple[type[Exception], ...] = (serial.SerialException, OSError)
        with suppress(ImportError):
            import termios  # there is none on Windows

            self._failures += (termios.error,)
        try:
            self._line: Any = serial.Serial(port, baud, timeout=POLL_SECONDS, exclusive=True,
                                            write_timeout=WRITE_SECONDS)
        except (*self._failures, ValueError) as error:
            raise InputError(f"the serial port {port} cannot be opened: {error}") from None
        try:
            # USB adapters hold bytes back for 16 ms otherwise; not all ports can tell them not to.
            with suppress(AttributeError, NotImplementedError, OSError, ValueError):
                self._line.set_low_latency_mode(True)
            self.identity = self._identify()
        except BaseException:
            self._line.close()
            raise

    def __enter__(self) -> Device:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Give the port back."""
        self._line.close()

    def infer(self, frame: bytes) -> bytes:
        """Return the result of one frame."""
        return self.infer_all([frame])[0]

    def infer_all(self, frames: Sequence[bytes], *,
                  progress: Callable[[int], None] = lambda _done: None) -> list[bytes]:
        """Return the results of `frames`, in their order; as many are under way as the board has room for.

        `progress` is told the number of results so far. Raises InputError where a frame has not the board's
        size, CheckError where one was not answered in `ATTEMPTS` attempts.
        """
        for index, frame in enumerate(frames):
            if len(frame) != self.identity.input_bytes:
                raise InputError(f"frame {index} has {len(frame)} bytes; the board on {self.port} takes "
                                 f"{self.identity.input_bytes}")
        results: dict[int, bytes] = {}
        # In the order of sending, which is the order in which the board answers.
        under_way: dict[int, _UnderWay] = {}
        following = 0

        def send(sequence: int, index: int, attempts: int) -> None:
            if attempts > ATTEMPTS:
                raise CheckError(f"frame {index} was sent {ATTEMPTS} times to the board on {self.port} and "
                                 f"never answered; {TROUBLE}")
            under_way.pop(sequence, None)
            under_way[sequence] = _UnderWay(index, attempts, time.monotonic() + self._patience())
            self.statistics.sent += 1
            self._write(encode(sequence, frames[index]))

        def again(sequence: int) -> None:
            send(sequence, under_way[sequence].index, under_way[sequence].attempts + 1)

        while len(results) < len(frames):
            while following < len(frames) and len(under_way) < self.identity.slots:
                send(self._next_sequence(under_way), following, 1)
                following += 1
            for answer in self._read():
                if answer.sequence not in under_way:
                    continue
                if answer.status == Status.RESULT and len(answer.payload) == self.identity.output_bytes:
                    # The board keeps the order, so what was sent before this one did not arrive.
                    overtaken = list(under_way)[:list(under_way).index(answer.sequence)]
                    results[under_way.pop(answer.sequence).index] = answer.payload
                    progress(len(results))
                    for sequence in overtaken:
                        self.statistics.lost += 1
                        again(sequence)
                elif answer.status not in (Status.RESULT, Status.IDENTITY):
                    self.statistics.refused += 1
                    again(answer.sequence)
            now = time.monotonic()
            for sequence in [s for s, waiting in under_way.items() if waiting.deadline < now]:
                self.statistics.lost += 1
                again(sequence)
        return [results[index] for index in range(len(frames))]

    def _next_sequence(self, taken: dict[int, _UnderWay]) -> int:
        while True:
            self._sequence = (self._sequence + 1) % 256
            if self._sequence not in taken:
                return self._sequence

    def _patience(self) -> float:
        """Seconds until a frame sent now must have been answered: behind all others, every byte escaped."""
        bytes_a_frame = 2 * (self.identity.input_bytes + REQUEST_BYTES
                             + self.identity.output_bytes + ANSWER_BYTES)
        return self.delay + self.identity.slots * bytes_a_frame * BITS_A_BYTE / self.baud

    def _identify(self) -> Identity:
        for sequence in range(ATTEMPTS):
            self._write(encode(sequence))
            deadline = time.monotonic() + self.delay
            while time.monotonic() < deadline:
                for answer in self._read():
                    if answer.status == Status.IDENTITY and answer.sequence == sequence:
                        identity = Identity.parse(answer.payload)
                        if identity is None:
                            raise CheckError(f"the board on {self.port} speaks another version of the "
                                             f"protocol; build and program it with this Gatecast")
                        self._wait_for_silence()
                        return identity
        raise CheckError(f"no board answers on {self.port} at {self.baud} baud; {TROUBLE}")

    def _wait_for_silence(self) -> None:
        heard = started = time.monotonic()
        while (now := time.monotonic()) < heard + SILENCE_SECONDS:
            if now > started + NOISE_SECONDS:
                raise CheckError(f"the board on {self.port} did not fall silent within {NOISE_SECONDS} s; "
                                 f"does another program use the port, {TROUBLE}")
            if self._receive():
                heard = time.monotonic()
        # What was heard in between is not ours, and the rest of it will not come.
        self._reader = AnswerReader()

    def _read(self) -> list[Answer]:
        answers = self._reader.feed(self._receive())
        self.statistics.damaged = self._reader.damaged
        return answers

    def _receive(self) -> bytes:
        try:
            return bytes(self._line.read(max(1, self._line.in_waiting)))
        except self._failures as error:
            raise CheckError(f"the serial port {self.port} failed: {error}") from None

    def _write(self, data: bytes) -> None:
        try:
            self._line.write(data)
        except self._failures as error:
            raise CheckError(f"the serial port {self.port} failed: {error}") from None
