"""Events: the exact cycle model, one event for each decision, row and release.

The rules are those of the templates (`gatecast.hdl.sequencer`, `gatecast.hdl.links`), the delays come from
their constants, and the tests compare every frame and every job start with the simulated hardware.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..errors import InputError
from .schedule import Actor, Schedule

__all__ = ["Deadlock", "JobStart", "SteadyState", "Timeline", "run", "steady_state"]


class Deadlock(InputError):
    """The regions are too small: nothing can run and the frame is not done."""


@dataclass(frozen=True, kw_only=True)
class JobStart:
    """A job of ``layer`` on ``actor``: its first beat is at ``cycle``, its last ``cycles - 1`` later."""

    actor: str
    layer: str
    row: int
    """Counted across frames."""
    cycle: int
    cycles: int


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """What happened: the cycle in which each frame's last byte left, and all jobs in order of decision."""

    frame_cycles: tuple[int, ...]
    jobs: tuple[JobStart, ...]


@dataclass(frozen=True, kw_only=True)
class SteadyState:
    """Cycles until the first frame is out, then cycles for so many frames of the steady state.

    They span one period if the state was found to repeat, else the second half of a long run.
    """

    latency: int
    cycles: int
    frames: int
    periodic: bool
    jobs: int
    """Jobs that were run to find out: a measure of the time it took."""


@dataclass
class _Layer:
    """State of one layer: its next job, and the rows of its input that it may count on."""

    next_job: int = 0
    kept: int = 0


@dataclass
class _State:
    """Everything that decides what happens next, with times as they come."""

    layers: list[list[_Layer]]
    free: list[int]
    next_decision: list[int]
    events: list[tuple[int, int, int, int]] = field(default_factory=list)

    def signature(self, now: int, frame: int, schedule: Schedule) -> tuple[object, ...]:
        """The state seen from ``now`` after ``frame`` frames: equal signatures have equal futures."""
        return (
            tuple((layer.next_job - frame * len(part.jobs), layer.kept)
                  for actor, layers in zip(schedule.actors, self.layers, strict=True)
                  for part, layer in zip(actor.layers, layers, strict=True)),
            tuple(self.free),
            tuple(max(cycle - now, 0) for cycle in self.next_decision),
            tuple(sorted((cycle - now, kind, index, rows) for cycle, kind, index, rows in self.events)),
        )


# Kinds of events: a row more for a reader, rows free for a writer, an actor may decide again.
_PRODUCED, _FREED, _WAKE = range(3)


def run(schedule: Schedule, frames: int, *, offered: int | None = None) -> Timeline:
    """Run until ``frames`` frames are out, with ``offered`` frames at the input (default: as many as fit)."""
    if offered is not None and offered < frames:
        raise ValueError(f"{frames} frames cannot come out of {offered} offered")
    jobs: list[JobStart] = []
    cycles: list[int] = []
    for cycle, start, _ in _steps(schedule, offered):
        jobs.append(start)
        if start.actor == schedule.actors[-1].name and (start.row + 1) % _output_rows(schedule) == 0:
            cycles.append(cycle + start.cycles - 1 + schedule.output_delay)
            if len(cycles) == frames:
                break
    if len(cycles) < frames:
        raise Deadlock(f"the plan stops after {len(cycles)} of {frames} frames: "
                       f"its regions have too few rows; give them more")
    return Timeline(frame_cycles=tuple(cycles), jobs=tuple(jobs))


def steady_state(schedule: Schedule, *, limit: int = 200) -> SteadyState:
    """Run under endless input until the state repeats, or for ``limit`` frames."""
    seen: dict[tuple[object, ...], tuple[int, int]] = {}
    cycles: list[int] = []
    rows = _output_rows(schedule)
    for jobs, (cycle, start, state) in enumerate(_steps(schedule, None), start=1):
        if start.actor != schedule.actors[-1].name or (start.row + 1) % rows:
            continue
        cycles.append(cycle + start.cycles - 1 + schedule.output_delay)
        frame = len(cycles)
        signature = state.signature(cycle, frame, schedule)
        if signature in seen:
            earlier_cycle, earlier_frame = seen[signature]
            return SteadyState(latency=cycles[0], cycles=cycle - earlier_cycle, frames=frame - earlier_frame,
                               periodic=True, jobs=jobs)
        seen[signature] = cycle, frame
        if frame == limit:
            return SteadyState(latency=cycles[0], cycles=cycles[-1] - cycles[limit // 2 - 1],
                               frames=limit - limit // 2, periodic=False, jobs=jobs)
    raise Deadlock("the plan stops: its regions have too few rows; give them more")


def _output_rows(schedule: Schedule) -> int:
    return len(schedule.actors[-1].layers[0].jobs)


def _steps(schedule: Schedule, offered: int | None) -> Iterator[tuple[int, JobStart, _State]]:
    """All job starts in the order of their decisions, with the state right after each."""
    actors = schedule.actors
    reader_of = {layer.reads: (a, n) for a, actor in enumerate(actors)
                 for n, layer in enumerate(actor.layers) if layer.reads is not None}
    writer_of = {edge: a for a, actor in enumerate(actors) for layer in actor.layers for edge in layer.writes}
    state = _State(
        layers=[[_Layer() for _ in actor.layers] for actor in actors],
        free=list(schedule.credits),
        next_decision=[actor.first_decision for actor in actors])
    state.events = [(actor.first_decision, _WAKE, index, 0) for index, actor in enumerate(actors)]
    heapq.heapify(state.events)
    source_limit = None if offered is None else offered * len(actors[0].layers[0].jobs)

    while state.events:
        now = state.events[0][0]
        touched: set[int] = set()
        while state.events and state.events[0][0] == now:
            _, kind, index, rows = heapq.heappop(state.events)
            if kind == _PRODUCED:
                reader, number = reader_of[index]
                state.layers[reader][number].kept += rows
                touched.add(reader)
            elif kind == _FREED:
                state.free[index] += rows
                touched.add(writer_of[index])
            else:
                touched.add(index)
        for index in sorted(touched):
            actor = actors[index]
            if state.next_decision[index] > now:
                continue
            if index == 0 and source_limit is not None and state.layers[0][0].next_job >= source_limit:
                continue
            start = _decide(schedule, state, index, actor, now)
            if start is not None:
                yield now, start, state


def _decide(schedule: Schedule, state: _State, index: int, actor: Actor, now: int) -> JobStart | None:
    """Start the ready job of the latest layer, if there is one."""
    for number in reversed(range(len(actor.layers))):
        layer, at = actor.layers[number], state.layers[index][number]
        job = layer.jobs[at.next_job % len(layer.jobs)]
        if layer.reads is not None and at.kept < job.want:
            continue
        if any(state.free[edge] == 0 for edge in layer.writes):
            continue
        row, at.next_job = at.next_job, at.next_job + 1
        last = now + actor.start + layer.job_cycles - 1
        for edge in layer.writes:
            state.free[edge] -= 1
            heapq.heappush(state.events, (last + actor.produced, _PRODUCED, edge, 1))
        if layer.reads is not None:
            at.kept -= job.release
            if job.release:
                heapq.heappush(state.events, (last + actor.released, _FREED, layer.reads, job.release))
        state.next_decision[index] = now + max(layer.job_cycles, actor.start)
        heapq.heappush(state.events, (state.next_decision[index], _WAKE, index, 0))
        return JobStart(actor=actor.name, layer=layer.name, row=row,
                        cycle=now + actor.start, cycles=layer.job_cycles)
    return None
