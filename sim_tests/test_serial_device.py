"""A serial port that babbles or goes away: one sentence, in time."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import serial

from gatecast import serial_device
from gatecast.errors import CheckError, InputError
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.hdl.packets import START, Status
from gatecast.packets import _crc, _escape
from gatecast.serial_device import Device

PARAMS = FrameLinkParams(input_bytes=4, output_bytes=2, timeout=1000, slots=2)


def answer(status: Status, payload: bytes) -> bytes:
    """Answer 0 on the wire."""
    body = bytes([0, status]) + len(payload).to_bytes(2, "big") + payload
    return bytes([START]) + _escape(body + _crc(body))


class Line:
    """A port that answers the first question, and then gives what ``after`` gives, whenever it is asked."""

    def __init__(self, after: Callable[[], bytes], refuse: Callable[[str], None] = lambda _call: None,
                 identity: bytes = PARAMS.identity) -> None:
        self._after, self._refuse, self._identity = after, refuse, identity
        self._answers: list[bytes] = []
        self.closed = False

    @property
    def in_waiting(self) -> int:
        self._refuse("in_waiting")
        return 1

    def read(self, _size: int) -> bytes:
        self._refuse("read")
        time.sleep(0.001)
        return self._answers.pop() if self._answers else self._after()

    def write(self, _data: bytes) -> None:
        self._refuse("write")
        self._answers = [answer(Status.IDENTITY, self._identity)]

    def close(self) -> None:
        self.closed = True


def opened(line: Line, monkeypatch: pytest.MonkeyPatch) -> Device:
    monkeypatch.setattr(serial, "Serial", lambda *_arguments, **_options: line)
    return Device("/dev/ttyUSB9", 1_000_000, delay=0.2)


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    line = Line(lambda: b"")
    with opened(line, monkeypatch) as device:
        assert (device.identity.slots, device.identity.input_bytes) == (2, 4)
    assert line.closed


@pytest.mark.parametrize("noise", [b"x", b"\x7e", answer(Status.RESULT, bytes(2))], ids=repr)
def test_babble(noise: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(serial_device, "NOISE_SECONDS", 0.3)
    line, started = Line(lambda: noise), time.monotonic()
    with pytest.raises(CheckError) as refused:
        opened(line, monkeypatch)
    assert str(refused.value) == (
        "the board on /dev/ttyUSB9 did not fall silent within 0.3 s; does another program use the port, "
        "is it the right port, is the bitstream loaded, is the cable sound")
    assert time.monotonic() - started < 5
    assert line.closed


@pytest.mark.parametrize("call", ["in_waiting", "read", "write"])
@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_cable_that_is_pulled(call: str, times: int, monkeypatch: pytest.MonkeyPatch) -> None:
    left = times

    def refuse(found: str) -> None:
        nonlocal left
        left -= found == call
        if not left:
            raise OSError(5, "Input/output error")

    line = Line(lambda: b"", refuse)
    with pytest.raises(CheckError) as refused, opened(line, monkeypatch) as device:
        device.infer(bytes(4))
    assert str(refused.value) == "the serial port /dev/ttyUSB9 failed: [Errno 5] Input/output error"
    assert line.closed


def test_another_protocol(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(CheckError) as refused:
        opened(Line(lambda: b"", identity=b"\2" + PARAMS.identity[1:]), monkeypatch)
    assert str(refused.value) == ("the board on /dev/ttyUSB9 speaks another version of the protocol; "
                                  "build and program it with this Gatecast")


def test_a_frame_of_another_size(monkeypatch: pytest.MonkeyPatch) -> None:
    with opened(Line(lambda: b""), monkeypatch) as device, pytest.raises(InputError) as refused:
        device.infer_all([bytes(4), bytes(5)])
    assert str(refused.value) == "frame 1 has 5 bytes; the board on /dev/ttyUSB9 takes 4"
