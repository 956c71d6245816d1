"""Events: the exact cycle model, one step for each job.

The rules are those of the templates (`gatecast.hdl.sequencer`, `gatecast.hdl.links`), the delays come from
their constants, and the tests compare every frame and every job start with the simulated hardware.

A row counts from a cycle that is known as soon as the job that makes it is decided for, and so do the rows
that a job releases. So each layer knows when its next job is ready, or that a row or a release is still
missing; the actors decide in the order of time, and nothing happens in between.
"""

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import accumulate

from ..errors import InputError
from .schedule import Actor, ActorLayer, Schedule

__all__ = ["FRAMES", "Deadlock", "JobStart", "SteadyState", "Timeline", "most_rows", "run", "steady_state"]

# Frames after which a state that has not repeated is not expected to.
FRAMES = 200

# Later than anything that happens.
_NEVER = sys.maxsize


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

    @property
    def pace(self) -> float:
        """Cycles of a frame."""
        return self.cycles / self.frames


def run(schedule: Schedule, frames: int, *, offered: int | None = None) -> Timeline:
    """Run until ``frames`` frames are out, with ``offered`` frames at the input (default: as many as fit)."""
    if offered is not None and offered < frames:
        raise ValueError(f"{frames} frames cannot come out of {offered} offered")
    jobs: list[JobStart] = []
    cycles: list[int] = []
    machine = _Machine(schedule, offered)
    for now in machine.frames(jobs):
        cycles.append(now + machine.behind)
        if len(cycles) == frames:
            return Timeline(frame_cycles=tuple(cycles), jobs=tuple(jobs))
    raise Deadlock(f"the plan stops after {len(cycles)} of {frames} frames: "
                   f"its regions have too few rows; give them more")


def steady_state(schedule: Schedule, *, limit: int = FRAMES) -> SteadyState:
    """Run under endless input until the state repeats, or for ``limit`` frames."""
    machine = _Machine(schedule)
    seen: dict[tuple[object, ...], int] = {}
    cycles: list[int] = []
    for frame, now in enumerate(machine.frames(), start=1):
        cycles.append(now)
        first = seen.setdefault(machine.signature(now, frame), frame)
        if first < frame or frame == limit:
            since = first if first < frame else limit // 2
            return SteadyState(latency=cycles[0] + machine.behind, cycles=now - cycles[since - 1],
                               frames=frame - since, periodic=first < frame, jobs=machine.decided)
    raise Deadlock("the plan stops: its regions have too few rows; give them more")


def most_rows(schedule: Schedule, frames: int) -> tuple[int, ...]:
    """The most rows that each edge holds, those reserved counted, until ``frames`` frames are out."""
    machine = _Machine(schedule)
    for frame, _ in enumerate(machine.frames(), start=1):
        if frame == frames:
            return tuple(edge.most_rows() for edge in machine.edges)
    raise Deadlock("the plan stops: its regions have too few rows; give them more")


class _Edge:
    """The way of a tensor into one operand of one layer.

    ``produced[n]`` is the first cycle in which decisions see n rows, ``freed[n]`` that in which they see n
    rows released; both lists go as far as has been decided.
    """

    __slots__ = ("credits", "freed", "produced", "reader", "reserved_before", "writer")

    def __init__(self, credits: int) -> None:
        self.credits = credits
        self.produced, self.freed = [0], [0]
        self.writer: _Layer | None = None
        self.reader: _Layer | None = None
        # From the decision that reserves a row to the cycle in which it counts as produced.
        self.reserved_before = 0

    def most_rows(self) -> int:
        """The most rows that were reserved or kept at once."""
        return max(row - bisect_right(self.freed, cycle - self.reserved_before) + 1
                   for row, cycle in enumerate(self.produced))

    def pending(self, now: int) -> tuple[tuple[int, ...], ...]:
        """When decisions will see what they do not see yet, counted from ``now``."""
        return tuple(tuple(cycle - now for cycle in cycles[bisect_right(cycles, now):])
                     for cycles in (self.produced, self.freed))


class _Actor:
    """One actor: when it is free to decide, and when each of its layers is ready as far as is known."""

    __slots__ = ("free", "index", "layers", "name", "ready", "released", "start")

    def __init__(self, part: Actor, index: int, edges: list[_Edge]) -> None:
        self.name, self.index, self.start, self.released = part.name, index, part.start, part.released
        self.free = part.first_decision
        self.ready = [0] * len(part.layers)
        self.layers = [_Layer(layer, number, part, self, edges) for number, layer in enumerate(part.layers)]


class _Layer:
    """One layer and its next job."""

    __slots__ = ("actor", "busy", "frame", "job_cycles", "last", "limit", "missing", "name", "number",
                 "produced", "reads", "row", "rows", "total", "until", "writes")

    def __init__(self, part: ActorLayer, number: int, owner: Actor, actor: _Actor,
                 edges: list[_Edge]) -> None:
        self.name, self.number, self.actor = part.name, number, actor
        self.rows, self.job_cycles = part.rows, part.job_cycles
        # From a decision to the next one, to the last beat, and to the cycle in which the row counts.
        self.busy = max(part.job_cycles, owner.start)
        self.last = owner.start + part.job_cycles - 1
        self.produced = self.last + owner.produced
        self.frame = self.row = self.total = 0
        # Frames after which it stops.
        self.limit: int | None = None
        # What the next job waits for, if that is not known yet: it is once this is longer than `until`.
        self.missing: list[int] | None = None
        self.until = 0
        self.writes = [edges[edge] for edge in part.writes]
        for edge in self.writes:
            edge.writer, edge.reserved_before = self, self.produced
        # Of each input, its rows in a frame, and for each job how many of them it wants and releases.
        self.reads: list[tuple[_Edge, int, list[int], list[int]]] = []
        for operand in part.operands:
            edges[operand.edge].reader = self
            releases = [job.release for job in operand.jobs]
            before = [0, *accumulate(releases)]
            wants = [rows + job.want for rows, job in zip(before, operand.jobs, strict=False)]
            self.reads.append((edges[operand.edge], before[-1], wants, releases))

    def ready(self) -> int:
        """When all rows that the next job wants are there and its outputs have room, if that is known."""
        # Here the model spends much of its time: comparisons are quicker than calls of `max`.
        frame, row, ready = self.frame, self.row, 0
        self.missing = None
        if frame == self.limit:
            return _NEVER
        for edge, frame_rows, wants, _ in self.reads:
            cycles, wanted = edge.produced, frame * frame_rows + wants[row]
            if wanted >= len(cycles):
                self.missing, self.until = cycles, wanted
                return _NEVER
            if cycles[wanted] > ready:
                ready = cycles[wanted]
        for edge in self.writes:
            wanted = self.total + 1 - edge.credits
            if wanted > 0:
                cycles = edge.freed
                if wanted >= len(cycles):
                    self.missing, self.until = cycles, wanted
                    return _NEVER
                if cycles[wanted] > ready:
                    ready = cycles[wanted]
        return ready


class _Machine:
    """All actors and edges of a schedule, from reset on."""

    def __init__(self, schedule: Schedule, offered: int | None = None) -> None:
        self.edges = [_Edge(credits) for credits in schedule.credits]
        self.actors = [_Actor(part, index, self.edges) for index, part in enumerate(schedule.actors)]
        self.layers = [layer for actor in self.actors for layer in actor.layers]
        self.layers[0].limit = offered
        self.decided = 0
        # From that decision to the last byte of the frame.
        self.behind = self.layers[-1].last + schedule.output_delay
        # When each actor decides next.
        self.decisions = [0] * len(self.actors)

    def frames(self, jobs: list[JobStart] | None = None) -> Iterator[int]:
        """Run on and give the cycle of the decision for the last row of each frame that leaves.

        ``jobs`` grows in order of decision.
        """
        decisions, sink = self.decisions, self.layers[-1]
        for layer in self.layers:
            self._update(layer)
        while (now := min(decisions)) != _NEVER:
            actor = self.actors[decisions.index(now)]
            ready = actor.ready
            number = len(ready) - 1
            while ready[number] > now:
                number -= 1
            layer = actor.layers[number]
            if jobs is not None:
                jobs.append(JobStart(actor=actor.name, layer=layer.name, row=layer.total,
                                     cycle=now + actor.start, cycles=layer.job_cycles))
            self.decided += 1
            waiting = self._start(layer, now)
            self._update(layer)
            for other in waiting:
                self._update(other)
            if layer is sink and not layer.row:
                yield now

    def _start(self, layer: _Layer, now: int) -> list[_Layer]:
        """Start the next job of ``layer``; give those that waited for what it makes and releases."""
        row, layer.total = layer.row, layer.total + 1
        layer.row = row + 1
        if layer.row == layer.rows:
            layer.row, layer.frame = 0, layer.frame + 1
        actor = layer.actor
        actor.free = now + layer.busy
        waiting = []
        seen = now + layer.produced
        for edge in layer.writes:
            cycles, reader = edge.produced, edge.reader
            cycles.append(seen)
            if reader is not None and reader.missing is cycles and len(cycles) > reader.until:
                waiting.append(reader)
        seen = now + layer.last + actor.released
        for edge, _, _, releases in layer.reads:
            if count := releases[row]:
                cycles, writer = edge.freed, edge.writer
                cycles += [seen] * count
                if writer is not None and writer.missing is cycles and len(cycles) > writer.until:
                    waiting.append(writer)
        return waiting

    def _update(self, layer: _Layer) -> None:
        """Find out when ``layer`` is ready, and so when its actor decides."""
        actor = layer.actor
        actor.ready[layer.number] = layer.ready()
        ready, free = min(actor.ready), actor.free
        self.decisions[actor.index] = ready if ready > free else free

    def signature(self, now: int, frame: int) -> tuple[object, ...]:
        """The state seen from ``now`` after ``frame`` frames: equal signatures have equal futures."""
        return (tuple(layer.total - frame * layer.rows for layer in self.layers),
                tuple(max(actor.free - now, 0) for actor in self.actors),
                tuple(edge.pending(now) for edge in self.edges))
