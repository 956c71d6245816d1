"""Lone: a single frame through an accelerator that was idle, and the fewest rows that do not hold it up."""

from __future__ import annotations

from dataclasses import replace

from . import events
from .plan import Plan
from .regions import Rows, credited, least_rows, runs, shrunk
from .schedule import Schedule, schedule

__all__ = ["lone_latency", "sized_for_lone"]


def lone_latency(plan: Plan) -> int:
    """Cycles from reset until the last byte of the only frame that comes has left."""
    return _latency(schedule(plan))


def _latency(numbers: Schedule) -> int:
    latency, = events.run(numbers, 1, offered=1).frame_cycles
    return latency


def sized_for_lone(ample: Plan, latency: float) -> Plan:
    """``ample`` with regions as small as it takes to get a lone frame out within ``latency``.

    They begin with a frame each, then each is shrunk as far as it goes, the largest first. In the end as many
    rows come back as it takes to run forever too. ``ample`` itself where all that does not help.
    """
    numbers = schedule(ample)
    most = {key: max(rows, ample.network.tensors[key[0]].shape[0])
            for key, rows in least_rows(ample).items()}
    if not _within(numbers, most, latency):
        return ample
    rows = shrunk(ample, most, lambda fewer: _within(numbers, fewer, latency))
    # More rows may change the order of jobs, and so make a frame later.
    while not (runs(numbers, rows) and _within(numbers, rows, latency)):
        if rows == most:
            return ample
        rows = {key: min(count + 1, most[key]) for key, count in rows.items()}
    return replace(ample, regions=tuple(replace(region, rows=rows[region.tensor, region.reader])
                                        for region in ample.regions))


def _within(numbers: Schedule, rows: Rows, latency: float) -> bool:
    try:
        return _latency(credited(numbers, rows)) <= latency
    except events.Deadlock:
        return False
