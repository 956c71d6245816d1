"""The test bench as a machine of one step a cycle: source, sink, reset and the rules of the stream."""

from __future__ import annotations

from .record import Fault, Record
from .stimulus import STALL_PERIOD, TAIL_CYCLES, Schedule

__all__ = ["Bench"]


class Bench:
    """Plays a schedule. In each cycle a simulator drives what the bench says and tells it what it sees.

    Driven in the current cycle: `rst`, `s_valid`, `s_data`, `s_last`, `m_ready`. Then `step` ends the cycle.
    `done` is set when nothing is left to do or a rule was broken; `record` tells which. `frames` counts the
    frames received since the last reset. The C++ harness follows this class line by line: change both.
    """

    def __init__(self, schedule: Schedule) -> None:
        self._data = schedule.data.tolist()
        self._last = schedule.last.tolist()
        self._waits = schedule.waits.tolist()
        self._source_stalls = schedule.source_stalls.tolist()
        self._sink_stalls = schedule.sink_stalls.tolist()
        self._schedule = schedule
        self._prelude = schedule.reset_after_bytes >= 0
        self.done = False
        self._start()

    def _start(self) -> None:
        """Begin with reset; forget all that was sent and received."""
        self.rst, self.s_valid, self.s_data, self.s_last, self.m_ready = 1, 0, 0, 0, 0
        self.frames = 0
        self._fault = Fault.NONE
        self._reset_left = self._schedule.reset_cycles
        self._cycle = 0
        self._sent = 0
        self._outputs = bytearray()
        self._frame_cycles: list[int] = []
        self._wait = self._waits[0]
        self._waiting = False
        self._held = (0, 0)
        self._delay_left = self._schedule.reset_delay
        self._cycles = -1
        self._tail_left = TAIL_CYCLES

    def _drive(self) -> None:
        """Decide what the links show in the cycle that begins."""
        at = self._cycle % STALL_PERIOD
        if not self.s_valid and self._sent < len(self._data):
            if self._wait:
                self._wait -= 1
            elif not self._source_stalls[at]:
                self.s_valid = 1
        if self.s_valid:
            self.s_data = self._data[self._sent]
            self.s_last = self._last[self._sent]
        else:
            # What nobody may look at.
            self.s_data = 0xA5
            self.s_last = 1
        self.m_ready = int(not self._sink_stalls[at]
                           and (self._waiting or not self._schedule.sink_waits_for_valid))

    def step(self, s_ready: int, m_valid: int, m_data: int, m_last: int) -> None:
        """End a cycle in which these were seen, -1 for X and Z; `m_data`, `m_last` matter while `m_valid`."""
        if self.rst:
            self._reset_left -= 1
            if not self._reset_left:
                self.rst = 0
                self._drive()
            return
        self._fault = self._check(s_ready, m_valid, m_data, m_last)
        if self._fault:
            self.done = True
            return
        if self.s_valid and s_ready:
            self._sent += 1
            self.s_valid = 0
            self._wait = self._waits[self._sent]
        self._waiting = bool(m_valid and not self.m_ready)
        self._held = (m_data, m_last)
        if m_valid and self.m_ready:
            self._outputs.append(m_data)
            if m_last:
                self._frame_cycles.append(self._cycle)
                self.frames += 1
        self._finish()

    def _check(self, s_ready: int, m_valid: int, m_data: int, m_last: int) -> Fault:
        """Return the first rule of the stream that this cycle breaks."""
        if s_ready < 0 or m_valid < 0:
            return Fault.READY_UNKNOWN if s_ready < 0 else Fault.VALID_UNKNOWN
        if self._waiting:
            if not m_valid:
                return Fault.VALID_FELL
            if m_data != self._held[0]:
                return Fault.DATA_CHANGED
            if m_last != self._held[1]:
                return Fault.LAST_CHANGED
        if m_valid:
            received = len(self._outputs)
            if received == self._schedule.received:
                return Fault.SURPLUS
            if m_data < 0 or m_last < 0:
                return Fault.DATA_UNKNOWN if m_data < 0 else Fault.LAST_UNKNOWN
            if m_last != (received % self._schedule.output_bytes == self._schedule.output_bytes - 1):
                return Fault.LAST_EARLY if m_last else Fault.LAST_MISSING
        return Fault.NONE

    def _finish(self) -> None:
        """Decide whether to go on, and prepare the next cycle."""
        schedule = self._schedule
        self._cycle += 1
        if self._prelude and self._sent >= schedule.reset_after_bytes:
            if not self._delay_left:
                self._prelude = False
                self._start()
                return
            self._delay_left -= 1
        elif not self._prelude and self._sent == len(self._data) and len(self._outputs) == schedule.received:
            if self._cycles < 0:
                self._cycles = self._cycle
            elif not self._tail_left:
                self.done = True
                return
            self._tail_left -= 1
        if self._cycles < 0 and self._cycle >= schedule.deadline:
            self._fault = Fault.DEADLINE
            self.done = True
            return
        self._drive()

    def record(self, tlast_error: int) -> Record:
        """Return what happened; `tlast_error` as seen in the last cycle."""
        return Record(fault=self._fault, cycle=self._cycle, prelude=self._prelude, sent=self._sent,
                      cycles=self._cycles, tlast_error=bool(tlast_error),
                      frame_cycles=tuple(self._frame_cycles), outputs=bytes(self._outputs))
