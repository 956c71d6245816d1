"""Regions: how many rows each one gets, so that nothing deadlocks and nothing waits for lack of rows."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

from . import events
from .numbers import Reader, layer_window, readers
from .plan import Plan, Region
from .rows import jobs
from .schedule import Schedule, schedule

__all__ = ["Rows", "credited", "least_rows", "runs", "shrunk", "size_regions", "with_least_rows",
           "with_rows", "with_running_rows", "with_two_frames"]

# What smaller regions may cost of the throughput.
TOLERANCE = 0.005
# Jobs and frames of one trial, and jobs of all trials: a second or two of the event model.
TRIAL_JOBS = 8_000
TRIAL_FRAMES = 24
MOST_JOBS = 500_000
# Frames that show whether a plan comes to a standstill, nearly always.
FEW_FRAMES = 4

# Rows of each region, by tensor and reading engine.
Rows = dict[tuple[str, str], int]


def least_rows(plan: Plan) -> Rows:
    """The rows without which nothing could ever run, for each region, by tensor and reading engine."""
    least: Rows = {}
    for tensor in plan.network.tensors:
        for reader in readers(plan, tensor):
            key = tensor, reader.engine
            least[key] = max(least.get(key, 1), _wanted(plan, tensor, reader))
    return least


def _wanted(plan: Plan, tensor: str, reader: Reader) -> int:
    """Most rows of ``tensor`` that a job of ``reader`` wants at once."""
    if reader.layer is None:
        return 1
    window = layer_window(plan.network.layer(reader.layer))
    input_rows, _, _ = plan.network.tensors[tensor].shape
    return max(job.want for job in jobs(window.operands[reader.operand], input_rows, window.size[0]))


def with_two_frames(plan: Plan) -> Plan:
    """``plan`` with room for two frames in every region: the busiest engine can work all the time."""
    least = least_rows(plan)
    return with_rows(plan, {key: max(2 * plan.network.tensors[key[0]].shape[0], minimum + 1)
                             for key, minimum in least.items()})


def with_least_rows(plan: Plan) -> Plan:
    """``plan`` with the fewest rows in every region that could ever work."""
    return with_rows(plan, least_rows(plan))


def with_running_rows(plan: Plan) -> Plan:
    """``plan`` with about the fewest rows in every region with which it runs forever.

    Where branches join, rows wait for each other: what every job wants for itself is not enough.
    """
    plan = with_least_rows(plan)
    numbers, rows = schedule(plan), least_rows(plan)
    while not runs(numbers, rows, FEW_FRAMES):
        rows = {key: count + 1 for key, count in rows.items()}
    rows = shrunk(plan, rows, lambda fewer: runs(numbers, fewer, FEW_FRAMES))
    while not runs(numbers, rows):
        rows = {key: count + 1 for key, count in rows.items()}
    return with_rows(plan, rows)


def shrunk(plan: Plan, rows: Rows, enough: Callable[[Rows], bool]) -> Rows:
    """``rows``, each as few as is still ``enough`` with those of the others, the largest region first."""
    rows, least = dict(rows), least_rows(plan)
    tensors = plan.network.tensors
    for key in sorted(rows, key=lambda key: -rows[key] * math.prod(tensors[key[0]].shape[1:])):
        low, high = least[key], rows[key]
        while low < high:
            middle = (low + high) // 2
            if enough({**rows, key: middle}):
                high = middle
            else:
                low = middle + 1
        rows[key] = high
    return rows


def runs(numbers: Schedule, rows: Rows, frames: int = events.FRAMES) -> bool:
    """Whether a schedule with these ``rows`` never comes to a standstill, in so many ``frames``."""
    try:
        events.steady_state(credited(numbers, rows), limit=frames)
    except events.Deadlock:
        return False
    return True


def credited(numbers: Schedule, rows: Rows) -> Schedule:
    """``numbers`` with these ``rows`` in the regions."""
    return replace(numbers, credits=tuple(rows[edge] for edge in numbers.edges))


def size_regions(plan: Plan, *, tolerance: float = TOLERANCE, jobs: int = MOST_JOBS) -> Plan:
    """``plan``, whose regions are ample, with regions as small as ``tolerance`` of the throughput allows.

    They begin with the rows that are in use at once when the input comes no faster than the plan can take
    it. Then each is shrunk as far as it goes, the largest first, or until the event model has run so many
    ``jobs``. Trials are short runs; a long one has the last word: regions grow until it agrees.
    """
    return with_rows(plan, _Sizing(plan, tolerance, jobs).run())


class _Sizing:
    """The trials of one plan."""

    def __init__(self, plan: Plan, tolerance: float, most_jobs: int) -> None:
        self.plan, self.least, self.most_jobs = plan, least_rows(plan), most_jobs
        self.ample = {(region.tensor, region.reader): region.rows for region in plan.regions}
        self.numbers = schedule(plan)
        steady = events.steady_state(self.numbers)
        self.slowest = steady.pace * (1 + tolerance)
        frame_jobs = sum(layer.rows for actor in self.numbers.actors for layer in actor.layers)
        self.frames = min(max(TRIAL_JOBS // frame_jobs, TRIAL_FRAMES), events.FRAMES)
        self.jobs = 0

    def run(self) -> Rows:
        """The rows of all regions."""
        rows = self._grown(self._in_use(), self.frames)
        rows = shrunk(self.plan, rows, lambda fewer: (
            self.jobs < self.most_jobs and self._fast(fewer, self.frames)))
        return self._grown(rows, events.FRAMES)

    def _in_use(self) -> Rows:
        """The most rows that are in use at once when the source keeps the slowest pace that is allowed."""
        source, *others = self.numbers.actors
        layer, = source.layers
        paced = replace(layer, job_cycles=max(layer.job_cycles, math.ceil(self.slowest / layer.rows)))
        numbers = replace(self.numbers, actors=(replace(source, layers=(paced,)), *others))
        rows = dict(self.least)
        for key, most in zip(numbers.edges, events.most_rows(numbers, TRIAL_FRAMES), strict=True):
            rows[key] = min(max(rows[key], most), self.ample[key])
        return rows

    def _grown(self, rows: Rows, frames: int) -> Rows:
        """``rows``, or as many more as it takes to be fast enough over ``frames``."""
        while rows != self.ample and not self._fast(rows, frames):
            rows = {key: min(count + 1 + (count - self.least[key]) // 8, self.ample[key])
                    for key, count in rows.items()}
        return rows

    def _fast(self, rows: Rows, frames: int) -> bool:
        """Whether ``frames`` come at the pace that is allowed."""
        try:
            steady = events.steady_state(credited(self.numbers, rows), limit=frames)
        except events.Deadlock:
            return False
        self.jobs += steady.jobs
        return steady.pace <= self.slowest


def with_rows(plan: Plan, rows: Rows) -> Plan:
    """``plan`` with so many rows; regions that are there stay in the kind of memory that they are in."""
    kinds = {(region.tensor, region.reader): region.memory_in for region in plan.regions}
    return replace(plan, regions=tuple(
        Region(tensor=tensor, writer=plan.writer_of(tensor), reader=reader, rows=count,
               memory_in=kinds.get((tensor, reader), "block"))
        for (tensor, reader), count in rows.items()))
