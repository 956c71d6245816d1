"""What a simulation is fed with: frames, stalls, pauses, wrong marks and a reset in mid-frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

__all__ = ["Schedule", "Stimulus"]

Bytes = npt.NDArray[np.uint8]
Counts = npt.NDArray[np.int64]

# Cycles after the end in which not one byte more may be offered.
TAIL_CYCLES = 16
# Stalls repeat after this many cycles: a prime, so that they drift against every period of a design.
STALL_PERIOD = 65_521


@dataclass(frozen=True, kw_only=True, eq=False)
class Stimulus:
    """Frames to send and how the two links behave while they are sent. All simulators see the same cycles.

    A cycle ends at a rising clock edge. Cycle 0 is the first cycle in which rst is low; without stalls and
    pauses the source offers the first byte in it and then one byte a cycle.

    Parameters
    ----------
    frames : int8 array [n, input_bytes], n >= 1
        What is sent, frames back to back.
    output_bytes : int
        Bytes of a frame that comes back, at least 1; n frames are waited for.
    source_stall, sink_stall : float in [0, 1)
        Share of cycles in which the source offers no new byte, in which m_axis_tready is low. Drawn from
        ``numpy.random.default_rng([seed, 0])`` and ``[seed, 1]``, for a period of 65521 cycles. A byte once
        offered stays until it is taken.
    seed : int
        Of the stalls.
    sink_waits_for_valid : bool
        m_axis_tready rises only in the cycle after m_axis_tvalid was seen, and anew for each byte.
    gaps : mapping of frame to cycles
        Idle cycles before the first byte of a frame, after the last byte before it was taken.
    pauses : mapping of byte to cycles
        The same before any byte, counted over all frames from 0; added to `gaps`.
    reset_after_bytes : int or None
        First send that many bytes, wait `reset_delay` cycles more, then reset and start all over. What comes
        out before the reset is checked against the stream rules and thrown away; all cycles of the result
        count from the reset.
    reset_delay : int
        Cycles from the last byte before the reset to the reset.
    reset_cycles : int
        Cycles that every reset lasts, the one at the start included; at least 1.
    tlast_errors : set of int
        Bytes, counted over all frames from 0, at which s_axis_tlast is the opposite of right.
    deadline : int or None
        Cycles in which all must be done; give what the plan predicts with a margin. None: a guess from the
        number of bytes, stalls and pauses (2000 cycles a byte), far too long to wait for a deadlock in.
    """

    frames: npt.NDArray[np.int8]
    output_bytes: int
    source_stall: float = 0.0
    sink_stall: float = 0.0
    seed: int = 0
    sink_waits_for_valid: bool = False
    gaps: Mapping[int, int] = field(default_factory=dict)
    pauses: Mapping[int, int] = field(default_factory=dict)
    reset_after_bytes: int | None = None
    reset_delay: int = 0
    reset_cycles: int = 4
    tlast_errors: frozenset[int] = frozenset()
    deadline: int | None = None

    def __post_init__(self) -> None:
        frames = self.frames
        if frames.dtype != np.int8 or frames.ndim != 2 or not frames.size:
            raise ValueError("frames must be an int8 array [n, input_bytes] with at least one value")
        if self.output_bytes < 1:
            raise ValueError(f"output_bytes must be at least 1, not {self.output_bytes}")
        for name in ("source_stall", "sink_stall"):
            if not 0 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must be in [0, 1), not {getattr(self, name)}")
        for name, limit in (("gaps", len(frames)), ("pauses", frames.size)):
            for where, cycles in getattr(self, name).items():
                if where not in range(limit) or cycles < 0:
                    raise ValueError(f"{name} must map 0..{limit - 1} to cycles >= 0, "
                                     f"not {where} to {cycles}")
        if self.reset_after_bytes is not None and self.reset_after_bytes not in range(frames.size + 1):
            raise ValueError(f"reset_after_bytes must be in 0..{frames.size}, not {self.reset_after_bytes}")
        if self.reset_delay < 0:
            raise ValueError(f"reset_delay must not be negative, not {self.reset_delay}")
        if self.reset_cycles < 1:
            raise ValueError(f"reset_cycles must be at least 1, not {self.reset_cycles}")
        if not self.tlast_errors <= set(range(frames.size)):
            raise ValueError(f"tlast_errors must be in 0..{frames.size - 1}, not {sorted(self.tlast_errors)}")
        if self.deadline is not None and self.deadline < 1:
            raise ValueError(f"deadline must be at least 1, not {self.deadline}")

    @property
    def input_bytes(self) -> int:
        """Bytes of a frame that is sent."""
        return int(self.frames.shape[1])

    def schedule(self) -> Schedule:
        """Return what the links do, byte by byte and cycle by cycle."""
        sent = self.frames.size
        received = len(self.frames) * self.output_bytes
        waits = np.zeros(sent + 1, np.int64)
        for frame, cycles in self.gaps.items():
            waits[frame * self.input_bytes] += cycles
        for byte, cycles in self.pauses.items():
            waits[byte] += cycles
        last = np.zeros(sent, np.uint8)
        last[self.input_bytes - 1::self.input_bytes] = 1
        last[sorted(self.tlast_errors)] ^= 1
        deadline = self.deadline
        if deadline is None:
            share = (1 - self.source_stall) * (1 - self.sink_stall)
            deadline = int((20_000 + 2_000 * (sent + received)) / share) + int(waits.sum())
        return Schedule(
            data=self.frames.reshape(-1).view(np.uint8).copy(), last=last, waits=waits,
            source_stalls=self._stalls(0, self.source_stall), sink_stalls=self._stalls(1, self.sink_stall),
            output_bytes=self.output_bytes, received=received,
            sink_waits_for_valid=int(self.sink_waits_for_valid),
            reset_after_bytes=-1 if self.reset_after_bytes is None else self.reset_after_bytes,
            reset_delay=self.reset_delay, reset_cycles=self.reset_cycles, deadline=deadline)

    def _stalls(self, link: int, share: float) -> Bytes:
        draws = np.random.default_rng([self.seed, link]).random(STALL_PERIOD)
        return (draws < share).astype(np.uint8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Schedule:
    """A stimulus spelled out, as every simulator plays it, and as a file for those in other processes.

    `waits` holds the idle cycles before each byte, and a 0 at the end.
    """

    data: Bytes
    last: Bytes
    waits: Counts
    source_stalls: Bytes
    sink_stalls: Bytes
    output_bytes: int
    received: int
    sink_waits_for_valid: int
    reset_after_bytes: int
    reset_delay: int
    reset_cycles: int
    deadline: int

    SETTINGS: ClassVar = ("output_bytes", "received", "sink_waits_for_valid", "reset_after_bytes",
                          "reset_delay", "reset_cycles", "deadline")
    CONSTANTS: ClassVar = (TAIL_CYCLES, STALL_PERIOD)

    def pack(self) -> bytes:
        """Return the schedule as bytes.

        Little-endian int64: number of bytes to send, the fields of `SETTINGS`, `CONSTANTS`, then `waits`.
        Then one byte each: `data`, `last`, `source_stalls`, `sink_stalls`.
        """
        head = [len(self.data), *(getattr(self, name) for name in self.SETTINGS), *self.CONSTANTS]
        return b"".join([np.array(head, "<i8").tobytes(), self.waits.astype("<i8").tobytes(),
                         self.data.tobytes(), self.last.tobytes(),
                         self.source_stalls.tobytes(), self.sink_stalls.tobytes()])

    @classmethod
    def unpack(cls, packed: bytes) -> Schedule:
        """Return the schedule that `pack` turned into `packed`."""
        sent = int(np.frombuffer(packed, "<i8", 1)[0])
        heads = 1 + len(cls.SETTINGS) + len(cls.CONSTANTS)
        numbers = np.frombuffer(packed, "<i8", heads + sent + 1)
        parts = np.split(np.frombuffer(packed, np.uint8, offset=numbers.nbytes),
                         np.cumsum([sent, sent, STALL_PERIOD]))
        settings = dict(zip(cls.SETTINGS, map(int, numbers[1:]), strict=False))
        return cls(data=parts[0], last=parts[1], source_stalls=parts[2], sink_stalls=parts[3],
                   waits=numbers[heads:].astype(np.int64), **settings)
