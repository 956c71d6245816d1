"""Candidates: groups of layers with an array for each, as fast as a number of multipliers allows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from itertools import product
from typing import Literal

import numpy as np

from ..network import Layer, Network
from .lattice import Lattice, finest
from .numbers import kind_of
from .pace import between
from .partitions import Fronts, Partition, cuts, improved
from .plan import EnginePlan, Plan
from .shapes import Kind, Prices, Shape, Shapes
from .shaping import Arrays, Candidate, Shaping, pairs_of, suit

__all__ = ["Engines", "Kinds"]

Engines = int | Literal["folded", "per-layer", "auto"]

# More engines of a kind than these, but fewer than layers, have not been seen to pay.
MOST_ENGINES = 8
# Ways to share out the layers that are looked at closely, at each pace.
WAYS = 6


class Kinds:
    """The layers of a lowered ``network`` by kind of engine, and all ways to run them.

    ``limit`` is the most multipliers that arrays may have, together.
    """

    def __init__(self, network: Network, engines: Engines, limit: int,
                 external_weights: bool = False) -> None:
        self.network, self.engines, self.limit = network, engines, limit
        self.external_weights = external_weights
        self.parts: list[_Kind] = []
        kinds: tuple[Kind, ...] = ("systolic", "channel")
        for kind in kinds:
            layers = [layer for layer in network.layers if kind_of(layer) == kind]
            if layers:
                self.parts.append(_Kind(finest(kind, layers, limit), engines))
        self.links = max(network.tensors[network.input].size, network.tensors[network.output].size)

    def multipliers(self, pace: float) -> float:
        """The fewest multipliers that keep ``pace``; infinite if none do.

        Those of the best partition found.
        """
        prices = self._prices(Prices())
        total = sum(part.cheapest(pace, prices) for part in self.parts)
        return total // prices.multiplier if np.isfinite(total) else total

    def pace(self) -> float:
        """The fastest pace found that multipliers suffice for."""
        slow = max(sum(part.slowest for part in self.parts), self.links)
        if self.multipliers(slow) > self.limit:
            return float("inf")
        # No engine needs to be faster than the links, and none wastes less than the best array for a layer.
        work = sum(part.least_work for part in self.parts)
        fast = max(self.links, int(work // self.limit)) - 1
        return between(lambda pace: self.multipliers(pace) <= self.limit, fast, slow)[1]

    def candidates(self, pace: float, prices: Prices, *, fast: bool = True) -> Iterator[Candidate]:
        """The cheapest partitions at ``pace``; if ``fast``, each as fast as the multipliers make it."""
        prices = self._prices(prices)
        ways = [(sum(price for price, _ in parts), [partition for _, partition in parts])
                for parts in product(*(part.ways(pace, prices) for part in self.parts))]
        ways.sort(key=lambda way: way[0])
        # The most spread one has the least waiting for others on the same engine.
        spread = max(ways, key=lambda way: sum(map(len, way[1])), default=None)
        for _, partitions in [*ways[:WAYS], *([] if spread is None or spread in ways[:WAYS] else [spread])]:
            choices = [part.arrays(group, prices)
                       for part, partition in zip(self.parts, partitions, strict=True) for group in partition]
            shaping = Shaping(self.network, choices, self.limit, self.links)
            candidate = shaping.fastest(pace) if fast else shaping.cheapest(pace)
            if candidate is not None:
                yield candidate

    def arrays(self, layers: tuple[Layer, ...]) -> Arrays:
        """The arrays for ``layers``, those with the fewest multipliers first."""
        part = next(part for part in self.parts if part.shapes.kind == kind_of(layers[0]))
        return part.arrays(frozenset(part.places[layer.name] for layer in layers), self._prices(Prices()))

    def _prices(self, prices: Prices) -> Prices:
        """Those of plans that are asked for."""
        return replace(prices, stored_weights=not self.external_weights)

    def shaped(self, groups: tuple[tuple[Layer, ...], ...],
               shapes: tuple[Shape, ...]) -> Iterator[Candidate]:
        """The candidate of ``groups`` on ``shapes``, if they suit each other and the multipliers suffice."""
        arrays = [self.arrays(layers) for layers in groups]
        if sum(each.multipliers_of(shape) for each, shape in zip(arrays, shapes, strict=True)) > self.limit:
            return
        owner = {layer.name: index for index, layers in enumerate(groups) for layer in layers}
        if suit(shapes, pairs_of(self.network, owner)):
            cycles = max(each.cycles_of(shape) for each, shape in zip(arrays, shapes, strict=True))
            yield Candidate(groups=groups, shapes=shapes, cycles=max(cycles, self.links))

    def plan(self, candidate: Candidate) -> Plan:
        """The engines in the order of their first layers, without regions."""
        order = {layer.name: index for index, layer in enumerate(self.network.layers)}
        pairs = sorted(zip(candidate.groups, candidate.shapes, strict=True),
                       key=lambda pair: order[pair[0][0].name])
        engines: list[EnginePlan] = []
        for layers, shape in pairs:
            kind = kind_of(layers[0])
            number = sum(engine.kind == kind for engine in engines)
            engines.append(EnginePlan(
                name=f"{kind}_{number}", kind=kind, lanes=shape.lanes, columns=shape.columns,
                group=shape.group, layers=tuple(layer.name for layer in layers)))
        return Plan(network=self.network, engines=tuple(engines), regions=(),
                    external_weights=self.external_weights)


class _Kind:
    """The layers of one kind."""

    def __init__(self, shapes: Shapes, engines: Engines) -> None:
        self.shapes, self.engines = shapes, engines
        self.exact = Lattice.suits(shapes)
        self._fronts: dict[Prices, Fronts] = {}
        self._found: dict[tuple[float, Prices], list[tuple[float, Partition]]] = {}
        self._arrays: dict[tuple[frozenset[int], Prices], Arrays] = {}
        self.places = {layer.name: place for place, layer in enumerate(shapes.layers)}

    @cached_property
    def slowest(self) -> int:
        """Cycles of all layers on the slowest array."""
        everything = self.shapes.members(frozenset(range(len(self.shapes.layers))))
        return int(self.shapes.of_layers.cycles(everything).max())

    @cached_property
    def least_work(self) -> float:
        """Sum over all layers of multipliers times cycles, each on the array that takes the least."""
        each, costs = np.eye(len(self.shapes.layers), dtype=np.int64), self.shapes.of_layers
        return float((costs.multipliers(each) * costs.cycles(each)).min(axis=1).sum())

    def arrays(self, group: frozenset[int], prices: Prices) -> Arrays:
        """The arrays for the layers ``group``, by place, the cheapest first."""
        key = group, prices
        if key not in self._arrays:
            self._arrays[key] = Arrays(self.shapes, group, prices)
        return self._arrays[key]

    def cheapest(self, pace: float, prices: Prices) -> float:
        """Price of the cheapest engines that keep ``pace``; infinite if none do."""
        return min((price for price, _ in self.ways(pace, prices)), default=float("inf"))

    @cached_property
    def _lattice(self) -> Lattice:
        return Lattice(self.shapes)

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
                    price, partition = self._lattice.cheapest(pace, fronts.prices)
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
