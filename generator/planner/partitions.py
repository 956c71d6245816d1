"""Partitions: which systolic layers share an engine."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from itertools import pairwise

from ..network import Layer
from .shapes import Shape, Shapes

__all__ = ["all_splits", "best_cut", "smallest_at"]

Groups = tuple[tuple[Layer, ...], ...]

# Most places at which a long network is cut; beyond, layers stay together in pairs, triples, ...
CUTS = 64


def all_splits(layers: Sequence[Layer], count: int) -> Iterator[Groups]:
    """All ways to put ``layers`` into ``count`` groups, none empty; groups by first layer.

    There are as many as the Stirling number of the second kind says: for few layers only.
    """
    if count == 1:
        yield (tuple(layers),)
        return
    if len(layers) < count:
        return
    *rest, last = layers
    for groups in all_splits(rest, count - 1):
        yield (*groups, (last,))
    if len(rest) >= count:
        for groups in all_splits(rest, count):
            for index in range(count):
                yield (*groups[:index], (*groups[index], last), *groups[index + 1:])


def smallest_at(front: Sequence[Shape], pace: int) -> Shape | None:
    """The smallest shape on ``front`` that needs at most ``pace`` cycles."""
    index = bisect.bisect_left(front, -pace, key=lambda shape: -shape.cycles)
    return front[index] if index < len(front) else None


def best_cut(shapes: Shapes, layers: Sequence[Layer], count: int, limit: int) -> Groups | None:
    """``layers`` cut into ``count`` runs so that the busiest is as fast as ``limit`` multipliers allow.

    For a pace, the least multipliers of the first layers on so many engines follow from those of fewer
    layers on one engine less; the best pace is found by bisection. None where ``limit`` is too small.
    """
    step = -(-len(layers) // CUTS)
    places = [*range(0, len(layers), step), len(layers)]
    if len(places) <= count:
        places, step = list(range(len(layers) + 1)), 1
    fronts = {(first, last): shapes.front(layers[first:last])
              for index, first in enumerate(places) for last in places[index + 1:]}
    paces = sorted({shape.cycles for front in fronts.values() for shape in front})
    index = bisect.bisect_left(
        paces, True, key=lambda pace: _cut(fronts, places, count, limit, pace) is not None)
    if index == len(paces):
        return None
    cut = _cut(fronts, places, count, limit, paces[index])
    assert cut is not None
    return tuple(tuple(layers[first:last]) for first, last in pairwise(cut))


def _cut(fronts: dict[tuple[int, int], tuple[Shape, ...]], places: Sequence[int], count: int, limit: int,
         pace: int) -> tuple[int, ...] | None:
    """Places of the cuts for which ``count`` runs keep ``pace`` with at most ``limit`` multipliers."""
    cost = {run: shape.multipliers for run, front in fronts.items()
            if (shape := smallest_at(front, pace)) is not None}
    # For each place, the least multipliers up to it, and the cuts that need them.
    best: dict[int, tuple[int, tuple[int, ...]]] = {0: (0, (0,))}
    for _ in range(count):
        following: dict[int, tuple[int, tuple[int, ...]]] = {}
        for first, (spent, cuts) in best.items():
            for last in places:
                if last > first and (first, last) in cost:
                    total = spent + cost[first, last]
                    if total <= limit and (last not in following or total < following[last][0]):
                        following[last] = total, (*cuts, last)
        best = following
    found = best.get(places[-1])
    return None if found is None else found[1]
