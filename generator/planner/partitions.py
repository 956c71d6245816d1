"""Partitions: which layers of one kind share an engine, as cheaply as a pace allows."""

from __future__ import annotations

import random
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from .shapes import Prices, Shapes

__all__ = ["Fronts", "Partition", "cuts", "improved"]

Floats = npt.NDArray[np.float64]

# The layers of each engine, by their index among those of the kind.
Partition = tuple[frozenset[int], ...]

# Most places at which a long network is cut; beyond, layers stay together in pairs, triples, ...
CUTS = 64
# Random changes that are tried to better a partition.
CHANGES = 400


class Fronts:
    """The least price of an engine that runs some of the layers of ``shapes`` in so many cycles a frame."""

    def __init__(self, shapes: Shapes, prices: Prices) -> None:
        self.shapes, self.prices = shapes, prices
        # Of each group: the cycles of its arrays in ascending order, and the least price so far.
        self._fronts: dict[frozenset[int], tuple[Floats, Floats]] = {}

    def of(self, group: frozenset[int], pace: float) -> float:
        """Of the engine with the layers ``group``; infinite if no array is fast enough."""
        if group not in self._fronts:
            members = self.shapes.members(group)
            cycles, = self.shapes.of_layers.cycles(members)
            order = np.argsort(cycles, kind="stable")
            price, = self.shapes.of_layers.price(members, self.prices)
            self._fronts[group] = cycles[order], np.minimum.accumulate(price[order])
        cycles, price = self._fronts[group]
        within = int(np.searchsorted(cycles, pace, side="right"))
        return float(price[within - 1]) if within else float("inf")

    def total(self, partition: Partition, pace: float) -> float:
        """Of all engines of ``partition``."""
        return sum(self.of(group, pace) for group in partition)


def cuts(fronts: Fronts, most: int, pace: float) -> dict[int, Partition]:
    """For each number of engines up to ``most``, the cheapest way to cut the layers into so many runs.

    The least price of the first layers on so many engines follows from those of fewer layers on one engine
    less. Numbers of engines that are too slow however they are cut are missing.
    """
    count = len(fronts.shapes.layers)
    # Coarser in long networks, but with as many places as there are engines at least.
    step = max(min(-(-count // CUTS), count // most), 1)
    places = [*range(0, count, step), count]
    # For each place, the least price up to it, and the cuts that need it.
    best: dict[int, tuple[float, tuple[int, ...]]] = {0: (0, (0,))}
    found = {}
    for number in range(1, most + 1):
        following: dict[int, tuple[float, tuple[int, ...]]] = {}
        for last in places:
            ways = [(spent + fronts.of(frozenset(range(first, last)), pace), (*made, last))
                    for first, (spent, made) in best.items() if first < last]
            if ways:
                following[last] = min(ways)
        best = following
        if count in best and np.isfinite(best[count][0]):
            found[number] = tuple(frozenset(range(first, last)) for first, last in pairwise(best[count][1]))
    return found


def improved(fronts: Fronts, partition: Partition, pace: float) -> Partition:
    """``partition`` after many small random changes, each kept unless it costs more; no engine gets empty.

    The same input gives the same partition.
    """
    if len(partition) == 1:
        return partition
    rng = random.Random(0)
    groups, total = list(partition), fronts.total(partition, pace)
    owner = {index: number for number, group in enumerate(partition) for index in group}
    for _ in range(CHANGES):
        moved = dict(owner)
        for _ in range(rng.choice((1, 1, 2))):
            moved[rng.randrange(len(owner))] = rng.randrange(len(groups))
        made = [frozenset(index for index in moved if moved[index] == number)
                for number in range(len(groups))]
        if not all(made):
            continue
        cost = fronts.total(tuple(made), pace)
        if cost <= total:
            owner, groups, total = moved, made, cost
    return tuple(groups)
