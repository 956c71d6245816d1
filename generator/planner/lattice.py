"""Lattice: the cheapest of all partitions of the layers of one kind, by dynamic programming."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import product

import numpy as np
import numpy.typing as npt

from ..network import Layer
from .partitions import Partition
from .shapes import ALIKE, Kind, Prices, Shapes

__all__ = ["Lattice", "finest"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# What may be tabled: costs of groups on arrays, and ways to split a group in two.
MOST_ENTRIES = 20_000_000
MOST_SPLITS = 2_000_000


def finest(kind: Kind, layers: Sequence[Layer], limit: int, *, ideal: bool = False) -> Shapes:
    """The arrays for ``layers`` with the finest types of layers that suit a lattice, else the coarsest."""
    for alike in ALIKE:
        shapes = Shapes(kind, layers, limit, alike, ideal)
        if Lattice.suits(shapes):
            break
    return shapes


class Lattice:
    """All groups of the layers of ``shapes``, as how many of each type there are, and what each costs.

    The cheapest partition of a group is its cheapest split into one engine, which has the first layer, and
    the cheapest partition of the rest. Layers of a type are alike, so a group is a vector of counts.
    """

    def __init__(self, shapes: Shapes) -> None:
        self.shapes = shapes
        self._counts, self._engines = _splits(tuple(map(len, shapes.types)))
        self._fastest = shapes.fastest(self._counts)
        self._cycles = shapes.of_types.cycles(self._fastest)
        self._prices: dict[Prices, Floats] = {}

    @staticmethod
    def suits(shapes: Shapes) -> bool:
        """Whether there are few enough groups and splits."""
        sizes = np.array([len(indices) for indices in shapes.types], np.float64)
        groups = np.prod(sizes + 1)
        return bool(groups * len(shapes.lanes) <= MOST_ENTRIES
                    and np.prod((sizes + 1) * (sizes + 2) / 2) <= MOST_SPLITS)

    def cheapest(self, pace: float, prices: Prices) -> tuple[float, Partition]:
        """Price and partition of all layers at a ``pace`` in cycles; infinite where none is fast enough."""
        if prices not in self._prices:
            self._prices[prices] = self.shapes.of_types.price(self._fastest, prices)
        engine = np.where(self._cycles <= pace, self._prices[prices], np.inf).min(axis=1)
        best, chosen = np.full(len(engine), np.inf), np.zeros(len(engine), np.int64)
        best[0] = 0
        for place in range(1, len(engine)):
            engines = self._engines[place]
            totals = engine[engines] + best[place - engines]
            least = int(totals.argmin())
            best[place], chosen[place] = totals[least], engines[least]
        price = float(best[-1])
        return price, tuple(self._partition(chosen)) if np.isfinite(price) else ()

    def _partition(self, chosen: Ints) -> Iterator[frozenset[int]]:
        """The groups of the best partition; of a type, the first layers go to the first engine found."""
        left = [list(indices) for indices in self.shapes.types]
        place = len(chosen) - 1
        while place:
            engine = int(chosen[place])
            yield frozenset(indices.pop(0) for count, indices in zip(self._counts[engine], left, strict=True)
                            for _ in range(count))
            place -= engine


@lru_cache(maxsize=8)
def _splits(sizes: tuple[int, ...]) -> tuple[Ints, list[Ints]]:
    """All groups of layers of types of these ``sizes``, as counts ``[groups, types]``, and what they contain.

    That is for each the groups within it that have a layer of its first type, by their place among all.
    """
    groups = np.array(list(product(*(range(size + 1) for size in sizes))), np.int64)
    # The place of a group: the last type counts fastest.
    weights = np.cumprod([1, *(size + 1 for size in reversed(sizes[1:]))])[::-1]

    def within(counts: Ints) -> Ints:
        places = np.zeros(1, np.int64)
        used = np.flatnonzero(counts)
        for number in used:
            steps = np.arange(int(number == used[0]), counts[number] + 1) * weights[number]
            places = (places[:, np.newaxis] + steps).ravel()
        return places

    return groups, [within(counts) for counts in groups]
