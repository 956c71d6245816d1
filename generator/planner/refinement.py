"""Refinement: small changes of a plan that are kept where they wait less."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count, islice

from ..network import Layer
from .candidates import Kinds
from .events import FRAMES as MOST_FRAMES
from .events import steady_state
from .numbers import kind_of
from .plan import Plan
from .regions import with_two_frames
from .schedule import schedule
from .shapes import Shape
from .shaping import Arrays, Candidate

__all__ = ["Trial", "refined", "tried"]

# Jobs and frames of the event model to compare plans.
JOBS, FRAMES = 8_000, 40
# What a trial takes besides is worth so many jobs.
LEAST_JOBS = 500
# Other arrays that are tried for an engine.
ARRAYS = 16


@dataclass(frozen=True)
class Trial:
    """A candidate with room for two frames in each region, and the cycles that it takes."""

    candidate: Candidate
    ample: Plan
    cycles: float
    jobs: int
    """That the event model ran for it."""


def tried(kinds: Kinds, candidate: Candidate) -> Trial:
    """``candidate`` run through the event model."""
    ample = with_two_frames(kinds.plan(candidate))
    numbers = schedule(ample)
    frame_jobs = sum(layer.rows for actor in numbers.actors for layer in actor.layers)
    steady = steady_state(numbers, limit=min(max(JOBS // frame_jobs, FRAMES), MOST_FRAMES))
    return Trial(candidate, ample, steady.pace, steady.jobs)


def refined(kinds: Kinds, trial: Trial, *, least: float, jobs: int) -> tuple[Trial, int]:
    """The best trial near ``trial``, and the jobs of the event model that it took to find it.

    A best-first search: another array for an engine, another engine for a layer, and so on, until ``least``
    cycles are reached, or the event model has run so many ``jobs``.
    """
    seen, spent = {trial.candidate.key}, 0
    number = count()
    queue = [(trial.cycles, next(number), trial)]
    best = trial
    while queue and spent < jobs and best.cycles > least:
        _, _, current = heappop(queue)
        for candidate in _neighbours(kinds, current):
            # Waiting only adds to the work of the busiest engine.
            if candidate.key in seen or candidate.cycles >= best.cycles:
                continue
            seen.add(candidate.key)
            other = tried(kinds, candidate)
            spent += max(other.jobs, LEAST_JOBS)
            heappush(queue, (other.cycles, next(number), other))
            if other.cycles < best.cycles:
                best = other
                # What is left of the neighbourhood comes after that of the better one.
                heappush(queue, (current.cycles, next(number), current))
                break
            if spent >= jobs:
                break
    return best, spent


def _neighbours(kinds: Kinds, trial: Trial) -> Iterator[Candidate]:
    """All that differ in an array, in the engine of a layer, or in two arrays that trade multipliers."""
    groups, shapes = trial.candidate.groups, trial.candidate.shapes
    arrays = [kinds.arrays(layers) for layers in groups]
    taken = [each.multipliers_of(shape) for each, shape in zip(arrays, shapes, strict=True)]
    for number, each in enumerate(arrays):
        room = kinds.limit - sum(taken) + taken[number]
        for shape in islice(each.fastest(room), ARRAYS):
            yield from kinds.shaped(groups, (*shapes[:number], shape, *shapes[number + 1:]))
    if kinds.engines == "auto":
        for source, layers in enumerate(groups):
            for layer in layers:
                for target in [*range(len(groups)), None]:
                    if target != source and (target is None or kind_of(groups[target][0]) == kind_of(layer)):
                        yield from _moved(kinds, trial, layer, source, target)
    yield from _traded(kinds, trial, arrays, taken)


def _traded(kinds: Kinds, trial: Trial, arrays: Sequence[Arrays], taken: Sequence[int]
            ) -> Iterator[Candidate]:
    """A faster array for one engine, which another pays for with the cheapest that is still fast enough."""
    groups, shapes = trial.candidate.groups, trial.candidate.shapes
    cheapest = [each.cheapest(trial.cycles) for each in arrays]
    for payer, less in enumerate(cheapest):
        if less is None or (left := arrays[payer].multipliers_of(less)) >= taken[payer]:
            continue
        for number, each in enumerate(arrays):
            if number != payer:
                room = kinds.limit - sum(taken) + taken[number] + taken[payer] - left
                for shape in islice(each.fastest(room), ARRAYS):
                    made = [*shapes]
                    made[payer], made[number] = less, shape
                    yield from kinds.shaped(groups, tuple(made))


def _moved(kinds: Kinds, trial: Trial, layer: Layer, source: int, target: int | None
           ) -> Iterator[Candidate]:
    """``layer`` on another engine, or on one of its own; both with the cheapest array for their layers."""
    order = {each.name: index for index, each in enumerate(kinds.network.layers)}
    made: list[tuple[tuple[Layer, ...], Shape | None]] = []
    for number, (group, shape) in enumerate(zip(trial.candidate.groups, trial.candidate.shapes, strict=True)):
        if number == source:
            group = tuple(each for each in group if each.name != layer.name)
        elif number == target:
            group = tuple(sorted((*group, layer), key=lambda each: order[each.name]))
        made.append((group, None if number in (source, target) else shape))
    if target is None:
        made.append(((layer,), None))
    made = [(group, shape) for group, shape in made if group]
    groups = tuple(group for group, _ in made)
    chosen = [kinds.arrays(group).cheapest(trial.cycles) if shape is None else shape for group, shape in made]
    shapes = tuple(shape for shape in chosen if shape is not None)
    if len(shapes) == len(groups):
        yield from kinds.shaped(groups, shapes)

