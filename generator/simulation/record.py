"""What a bench noted: bytes, cycles, and the rule of the stream that was broken."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np

from ..errors import CheckError
from .stimulus import Stimulus

__all__ = ["Fault", "Record"]


class Fault(IntEnum):
    """Why a bench stopped early. The C++ harness uses the same numbers."""

    NONE = 0
    DEADLINE = 1
    READY_UNKNOWN = 2
    VALID_UNKNOWN = 3
    VALID_FELL = 4
    DATA_CHANGED = 5
    LAST_CHANGED = 6
    SURPLUS = 7
    DATA_UNKNOWN = 8
    LAST_UNKNOWN = 9
    LAST_EARLY = 10
    LAST_MISSING = 11


SENTENCES = {
    Fault.READY_UNKNOWN: "s_axis_tready is X or Z",
    Fault.VALID_UNKNOWN: "m_axis_tvalid is X or Z",
    Fault.VALID_FELL: "m_axis_tvalid fell before {byte} was taken",
    Fault.DATA_CHANGED: "m_axis_tdata changed while {byte} waited for m_axis_tready",
    Fault.LAST_CHANGED: "m_axis_tlast changed while {byte} waited for m_axis_tready",
    Fault.SURPLUS: "m_axis offers a byte after the last byte of the last frame",
    Fault.DATA_UNKNOWN: "m_axis_tdata is X or Z at {byte}",
    Fault.LAST_UNKNOWN: "m_axis_tlast is X or Z at {byte}",
    Fault.LAST_EARLY: "m_axis_tlast is high at {byte}, which is not the last of {output_bytes}",
    Fault.LAST_MISSING: "m_axis_tlast is low at {byte}, which is the last of {output_bytes}",
}


@dataclass(frozen=True, kw_only=True)
class Record:
    """The notes of a bench, the same from every simulator.

    `cycle` is the last one that was played, `cycles` how many it took until the last byte went over either
    link, -1 if that never happened; `sent` and `outputs` count from the last reset, `prelude` tells that
    the fault came before the reset that a stimulus asked for.
    """

    fault: Fault
    cycle: int
    prelude: bool
    sent: int
    cycles: int
    tlast_error: bool
    frame_cycles: tuple[int, ...]
    outputs: bytes

    def pack(self) -> bytes:
        """Return the record as little-endian int64 in the order of the fields, counts before the last two."""
        head = [self.fault, self.cycle, self.prelude, self.sent, self.cycles, self.tlast_error,
                len(self.frame_cycles), len(self.outputs)]
        return np.array([*head, *self.frame_cycles], "<i8").tobytes() + self.outputs

    @classmethod
    def unpack(cls, packed: bytes) -> Record:
        """Return the record that `pack` turned into `packed`."""
        head = np.frombuffer(packed, "<i8", 8).tolist()
        fault, cycle, prelude, sent, cycles, tlast_error, frames, received = head
        return cls(fault=Fault(fault), cycle=cycle, prelude=bool(prelude), sent=sent, cycles=cycles,
                   tlast_error=bool(tlast_error),
                   frame_cycles=tuple(np.frombuffer(packed, "<i8", frames, offset=64).tolist()),
                   outputs=packed[64 + 8 * frames:64 + 8 * frames + received])

    def check(self, stimulus: Stimulus, simulator: str) -> None:
        """Raise CheckError with one sentence if a rule was broken or the deadline passed."""
        if self.fault is Fault.NONE:
            return
        received = len(self.outputs)
        frame, byte = divmod(received, stimulus.output_bytes)
        prelude = ", before the reset" if self.prelude else ""
        if self.fault is Fault.DEADLINE:
            frames = len(stimulus.frames)
            raise CheckError(
                f"{simulator}: the accelerator was not done after {self.cycle} cycles{prelude}: "
                f"it took {self.sent} of {stimulus.frames.size} bytes and gave {received} of "
                f"{frames * stimulus.output_bytes} bytes, {frame} of {frames} frames")
        sentence = SENTENCES[self.fault].format(byte=f"byte {byte} of frame {frame}",
                                                output_bytes=stimulus.output_bytes)
        raise CheckError(f"{simulator}: stream rule broken in cycle {self.cycle}{prelude}: {sentence}")
