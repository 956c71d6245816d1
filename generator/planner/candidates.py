"""Candidates: groups of layers with an array for each, as fast as a number of multipliers allows."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from gatecast.hdl.feature_memory import widths_fit

from ..network import Layer, Network
from .lattice import Lattice
from .numbers import kind_of
from .partitions import Fronts, Partition, cuts, improved
from .shapes import ALIKE, Kind, Prices, Shape, Shapes
from .shaping import Arrays, Candidate, Shaping, names_of, pairs_of

__all__ = ["Engines", "Kinds"]

Engines = int | Literal["folded", "per-layer", "auto"]

# More engines of a kind than these, but fewer than layers, have not been seen to pay.
MOST_ENGINES = 8
# How closely a pace is found: to one part in so many.
PRECISION = 1000
# Ways to share out the layers that are looked at closely, at each pace.
WAYS = 6


class Kinds:
    """The layers of a lowered ``network`` by kind of engine, and all ways to run them.

    ``limit`` is the most multipliers of one array.
    """

    def __init__(self, network: Network, engines: Engines, limit: int) -> None:
        self.network, self.engines, self.limit = network, engines, limit
        self.parts: list[_Kind] = []
        kinds: tuple[Kind, ...] = ("systolic", "channel")
        for kind in kinds:
            layers = [layer for layer in network.layers if kind_of(layer) == kind]
            if layers:
                shapes = (Shapes(kind, layers, limit, alike) for alike in ALIKE)
                suiting = next((each for each in shapes if Lattice.suits(each)), None)
                self.parts.append(_Kind(suiting or Shapes(kind, layers, limit), engines))
        self._arrays: dict[tuple[str, ...], Arrays] = {}
        self.links = max(network.tensors[network.input].size, network.tensors[network.output].size)

    def multipliers(self, pace: float) -> float:
        """The fewest multipliers that keep ``pace``; infinite if none do.

        Those of the best partition found.
        """
        prices = Prices()
        total = sum(part.cheapest(pace, prices) for part in self.parts)
        return total // prices.multiplier if np.isfinite(total) else total

    def pace(self, multipliers: int) -> float:
        """The fastest pace found that so many multipliers keep, to one part in :data:`PRECISION`."""
        slow = float(sum(part.slowest for part in self.parts))
        if self.multipliers(slow) > multipliers:
            return float("inf")
        # No engine needs to be faster than the links.
        fast = self.links - 1.0
        while slow - fast > max(slow / PRECISION, 1):
            middle = (fast + slow) // 2
            fast, slow = (fast, middle) if self.multipliers(middle) <= multipliers else (middle, slow)
        return slow

    def candidates(self, pace: float, prices: Prices, multipliers: int, *,
                   fast: bool = True) -> Iterator[Candidate]:
        """The cheapest partitions at ``pace``; if ``fast``, each as fast as ``multipliers`` make it."""
        ways = [(sum(price for price, _ in parts), [partition for _, partition in parts])
                for parts in product(*(part.ways(pace, prices) for part in self.parts))]
        ways.sort(key=lambda way: way[0])
        # The most spread one has the least waiting for others on the same engine.
        spread = max(ways, key=lambda way: sum(map(len, way[1])), default=None)
        for _, partitions in [*ways[:WAYS], *([] if spread is None or spread in ways[:WAYS] else [spread])]:
            choices = [Arrays(part.shapes, group, prices)
                       for part, partition in zip(self.parts, partitions, strict=True) for group in partition]
            shaping = Shaping(self.network, choices, multipliers, self.links)
            candidate = shaping.fastest(pace) if fast else shaping.cheapest(pace)
            if candidate is not None:
                yield candidate

    def arrays(self, layers: tuple[Layer, ...]) -> Arrays:
        """The arrays for ``layers``, those with the fewest multipliers first."""
        names = names_of(layers)
        if names not in self._arrays:
            part = next(part for part in self.parts if part.shapes.kind == kind_of(layers[0]))
            group = frozenset(index for index, layer in enumerate(part.shapes.layers) if layer.name in names)
            self._arrays[names] = Arrays(part.shapes, group, Prices())
        return self._arrays[names]

    def shaped(self, groups: tuple[tuple[Layer, ...], ...], shapes: tuple[Shape, ...],
               multipliers: int) -> Iterator[Candidate]:
        """The candidate of ``groups`` on ``shapes``, if they suit each other and ``multipliers`` suffice."""
        arrays = [self.arrays(layers) for layers in groups]
        if sum(each.multipliers_of(shape) for each, shape in zip(arrays, shapes, strict=True)) > multipliers:
            return
        owner = {layer.name: index for index, layers in enumerate(groups) for layer in layers}
        if all(widths_fit(shapes[writer].group, shapes[reader].lanes)
               for writer, reader in pairs_of(self.network, owner)):
            cycles = max(each.cycles_of(shape) for each, shape in zip(arrays, shapes, strict=True))
            yield Candidate(groups=groups, shapes=shapes, cycles=max(cycles, self.links))


class _Kind:
    """The layers of one kind."""

    def __init__(self, shapes: Shapes, engines: Engines) -> None:
        self.shapes, self.engines = shapes, engines
        self.exact = Lattice.suits(shapes)
        self._fronts: dict[Prices, Fronts] = {}
        self._lattices: dict[Prices, Lattice] = {}
        self._found: dict[tuple[float, Prices], list[tuple[float, Partition]]] = {}

    @cached_property
    def slowest(self) -> int:
        """Cycles of all layers on the slowest array."""
        everything = self.shapes.members(frozenset(range(len(self.shapes.layers))))
        return int(self.shapes.of_layers.cycles(everything).max())

    def cheapest(self, pace: float, prices: Prices) -> float:
        """Price of the cheapest engines that keep ``pace``; infinite if none do."""
        return min((price for price, _ in self.ways(pace, prices)), default=float("inf"))

    def _lattice(self, prices: Prices) -> Lattice:
        if prices not in self._lattices:
            self._lattices[prices] = Lattice(self.shapes, prices)
        return self._lattices[prices]

    def ways(self, pace: float, prices: Prices) -> list[tuple[float, Partition]]:
        """Partitions that keep ``pace`` and their prices, for all numbers of engines that are allowed."""
        key = pace, prices
        if key not in self._found:
            fronts = self._fronts.setdefault(prices, Fronts(self.shapes, prices))
            made = dict.fromkeys(self._partitions(pace, fronts))
            priced = [(fronts.total(partition, pace), partition) for partition in made]
            self._found[key] = [way for way in priced if np.isfinite(way[0])]
        return self._found[key]

    def _partitions(self, pace: float, fronts: Fronts) -> Iterator[Partition]:
        count = len(self.shapes.layers)
        everything: Partition = (frozenset(range(count)),)
        each: Partition = tuple(frozenset((index,)) for index in range(count))
        match self.engines:
            case "folded":
                yield everything
            case "per-layer":
                yield each
            case "auto":
                if self.exact:
                    price, partition = self._lattice(fronts.prices).cheapest(pace)
                    if np.isfinite(price):
                        yield partition
                yield each
                for partition in cuts(fronts, min(count, MOST_ENGINES), pace).values():
                    yield partition if self.exact else improved(fronts, partition, pace)
            case int(number):
                # That is the number of systolic engines; the others are as many as it takes.
                found = cuts(fronts, min(count, max(number, MOST_ENGINES)), pace)
                systolic = self.shapes.kind == "systolic"
                allowed = [number] if systolic else [*found]
                for cut in (found[each] for each in allowed if each in found):
                    yield improved(fronts, cut, pace)
