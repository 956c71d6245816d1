"""Candidates: groups of layers with an array for each, as fast as a number of multipliers allows."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice, product
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatecast.hdl.feature_memory import widths_fit

from ..network import Layer, Network
from .lattice import Lattice
from .numbers import kind_of
from .partitions import Fronts, Partition, cuts, improved
from .plan import EnginePlan, Plan
from .shapes import ALIKE, Kind, Prices, Shape, Shapes

__all__ = ["Arrays", "Candidate", "Engines", "Kinds"]

Engines = int | Literal["folded", "per-layer", "auto"]
Floats = npt.NDArray[np.float64]

# More engines of a kind than these, but fewer than layers, have not been seen to pay.
MOST_ENGINES = 8
# How closely a pace is found: to one part in so many.
CLOSE = 1000
# Arrays of an engine that are tried beside those of the others, and steps of one such search.
TRIED = 16
STEPS = 4000
# Ways to share out the layers that are looked at closely, at each pace.
WAYS = 6


@dataclass(frozen=True, eq=False)
class Candidate:
    """Engines without regions: groups of layers, an array for each, and the cycles of the busiest."""

    groups: tuple[tuple[Layer, ...], ...]
    shapes: tuple[Shape, ...]
    cycles: float

    @property
    def key(self) -> Hashable:
        """Equal for equal ones; layers go by name, for their weights are long."""
        return tuple(map(_names, self.groups)), self.shapes

    def plan(self, network: Network) -> Plan:
        """The engines in the order of their first layers."""
        order = {layer.name: index for index, layer in enumerate(network.layers)}
        pairs = sorted(zip(self.groups, self.shapes, strict=True), key=lambda pair: order[pair[0][0].name])
        engines: list[EnginePlan] = []
        for layers, shape in pairs:
            kind = kind_of(layers[0])
            number = sum(engine.kind == kind for engine in engines)
            engines.append(EnginePlan(
                name=f"{kind}_{number}", kind=kind, lanes=shape.lanes, columns=shape.columns,
                group=shape.group, layers=tuple(layer.name for layer in layers)))
        return Plan(network=network, engines=tuple(engines), regions=())


@dataclass(frozen=True, kw_only=True)
class Pace:
    """The fastest pace found by work alone, and what no plan within the same multipliers can beat.

    The bound is the sum over all layers of multipliers times cycles, each on the array that wastes the least
    for it, over the multipliers; or, if that is more and it is ``exact``, what all partitions and arrays
    need where of each type of layers an engine has the fastest.
    """

    cycles: float
    bound: float
    exact: bool


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

        Exact where all partitions can be looked at (see :attr:`exact`), else those of the best one found.
        """
        prices = Prices()
        total = sum(part.cheapest(pace, prices) for part in self.parts)
        return total // prices.multiplier if np.isfinite(total) else total

    @property
    def exact(self) -> bool:
        """Whether :meth:`multipliers` is the least of all partitions."""
        return all(part.exact for part in self.parts)

    def pace(self, multipliers: int) -> Pace:
        """The fastest pace that so many multipliers keep, to one part in :data:`CLOSE`."""
        slow = float(sum(part.slowest for part in self.parts))
        if self.multipliers(slow) > multipliers:
            return Pace(cycles=float("inf"), bound=float("inf"), exact=self.exact)
        fast, kept = self._fastest(self.multipliers, slow, multipliers)
        bound = max(sum(part.work for part in self.parts) / multipliers, self.links)
        if self.exact:
            # Types are as fast as the fastest of their layers, so less than what they need is too little.
            bound = max(bound, min(self._fastest(self._least_multipliers, slow, multipliers)[0], fast) + 1)
        return Pace(cycles=kept, bound=bound, exact=self.exact)

    def _fastest(self, need: Callable[[float], float], slow: float, multipliers: int) -> tuple[float, float]:
        """The slowest pace that needs more than ``multipliers`` and, close by, the fastest that does not."""
        # No engine needs to be faster than the links.
        fast = self.links - 1.0
        while slow - fast > max(slow / CLOSE, 1):
            middle = (fast + slow) // 2
            fast, slow = (fast, middle) if need(middle) <= multipliers else (middle, slow)
        return fast, slow

    def _least_multipliers(self, pace: float) -> float:
        """What no partition can do with less than, where all can be looked at."""
        total = sum(part.least(pace) for part in self.parts)
        return total // Prices().multiplier if np.isfinite(total) else total

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
            shaping = _Shaping(self.network, choices, multipliers, self.links)
            candidate = shaping.fastest(pace) if fast else shaping.cheapest(pace)
            if candidate is not None:
                yield candidate


    def arrays(self, layers: tuple[Layer, ...]) -> Arrays:
        """The arrays for ``layers``, those with the fewest multipliers first."""
        names = _names(layers)
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
               for writer, reader in _pairs(self.network, owner)):
            cycles = max(each.cycles_of(shape) for each, shape in zip(arrays, shapes, strict=True))
            yield Candidate(groups=groups, shapes=shapes, cycles=max(cycles, self.links))


class _Kind:
    """The layers of one kind."""

    def __init__(self, shapes: Shapes, engines: Engines) -> None:
        self.shapes, self.engines = shapes, engines
        self.exact = engines == "folded" or (engines == "auto" and Lattice.suits(shapes))
        self._fronts: dict[Prices, Fronts] = {}
        self._lattices: dict[Prices, Lattice] = {}
        self._found: dict[tuple[float, Prices], list[tuple[float, Partition]]] = {}

    @cached_property
    def slowest(self) -> int:
        """Cycles of all layers on the slowest array."""
        everything = self.shapes.members(frozenset(range(len(self.shapes.layers))))
        return int(self.shapes.of_layers.cycles(everything).max())

    @cached_property
    def work(self) -> float:
        """Least sum over layers of multipliers times cycles, each layer on the array that suits it best."""
        each, costs = np.eye(len(self.shapes.layers), dtype=np.int64), self.shapes.of_layers
        return float((costs.multipliers(each) * costs.cycles(each)).min(axis=1).sum())

    def cheapest(self, pace: float, prices: Prices) -> float:
        """Price of the cheapest engines that keep ``pace``; infinite if none do."""
        return min((price for price, _ in self.ways(pace, prices)), default=float("inf"))

    def least(self, pace: float) -> float:
        """Price that no partition is below at ``pace``, multipliers alone, where all can be looked at."""
        if self.engines == "folded":
            return self.cheapest(pace, Prices())
        return self._lattice(Prices()).cheapest(pace)[0]

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


class Arrays:
    """The arrays for one group of layers, the cheapest first."""

    def __init__(self, shapes: Shapes, group: frozenset[int], prices: Prices) -> None:
        self.layers = tuple(shapes.layers[index] for index in sorted(group))
        members, costs = shapes.members(group), shapes.of_layers
        cycles, = costs.cycles(members)
        price, = costs.price(members, prices)
        order = np.lexsort((cycles, price))
        self.cycles: Floats = cycles[order]
        self.multipliers = costs.multipliers(members)[0][order]
        self.shapes = [shapes.shape(int(index)) for index in order]
        self._places = {shape: place for place, shape in enumerate(self.shapes)}

    def multipliers_of(self, shape: Shape) -> int:
        """Multipliers of one of them."""
        return int(self.multipliers[self._places[shape]])

    def cycles_of(self, shape: Shape) -> float:
        """Cycles of a frame on one of them."""
        return float(self.cycles[self._places[shape]])

    def cheapest(self, pace: float) -> Shape | None:
        """The cheapest that keeps ``pace``."""
        index = next(self.within(pace), None)
        return None if index is None else self.shapes[index]

    def fastest(self, multipliers: int) -> Iterator[Shape]:
        """Those with no more ``multipliers``, the fastest first, the cheapest of each cycles and group."""
        seen = set()
        for index in np.argsort(self.cycles, kind="stable"):
            shape, cycles = self.shapes[index], float(self.cycles[index])
            if self.multipliers[index] <= multipliers and (cycles, shape.group) not in seen:
                seen.add((cycles, shape.group))
                yield shape

    def within(self, pace: float) -> Iterator[int]:
        """Those that keep ``pace``, the cheapest first, and of each pair of lanes and group only that."""
        seen = set()
        for index in np.flatnonzero(self.cycles <= pace):
            shape = self.shapes[index]
            if (shape.lanes, shape.group) not in seen:
                seen.add((shape.lanes, shape.group))
                yield int(index)


class _Shaping:
    """The arrays of all engines of a partition, which must suit each other where rows pass between them."""

    def __init__(self, network: Network, choices: Sequence[Arrays], limit: int, links: float) -> None:
        self.choices, self.limit, self.links = choices, limit, links
        owner = {layer.name: index for index, each in enumerate(choices) for layer in each.layers}
        self.pairs = _pairs(network, owner)

    def cheapest(self, pace: float) -> Candidate | None:
        """The cheapest arrays that keep ``pace``."""
        chosen = self._at(pace)
        return None if chosen is None else self._candidate(chosen)

    def fastest(self, pace: float) -> Candidate | None:
        """The arrays with the fewest cycles of the busiest, of ``pace`` or faster if any are."""
        chosen = self._at(pace)
        slack = pace
        while chosen is None and slack < 4 * pace:
            slack *= 1.01
            chosen = self._at(slack)
        if chosen is None:
            return None
        slow, fast = self._cycles(chosen), self.links
        while fast < slow:
            middle = (fast + slow) // 2
            better = self._at(middle)
            if better is None:
                fast = middle + 1
            else:
                chosen, slow = better, min(self._cycles(better), middle)
        return self._candidate(chosen)

    def _candidate(self, chosen: Sequence[int]) -> Candidate:
        return Candidate(groups=tuple(each.layers for each in self.choices), cycles=self._cycles(chosen),
                         shapes=tuple(each.shapes[index]
                                      for each, index in zip(self.choices, chosen, strict=True)))

    def _cycles(self, chosen: Sequence[int]) -> float:
        return max(self.links, *(float(each.cycles[index])
                                 for each, index in zip(self.choices, chosen, strict=True)))

    def _at(self, pace: float) -> tuple[int, ...] | None:
        """An array for each engine that keeps ``pace``, cheap, within the limit; none if none was found."""
        tried = [[*islice(each.within(pace), TRIED)] for each in self.choices]
        if not all(tried):
            return None
        least = [min(int(each.multipliers[index]) for index in indices)
                 for each, indices in zip(self.choices, tried, strict=True)]
        steps = 0

        def complete(chosen: tuple[int, ...], spent: int) -> tuple[int, ...] | None:
            nonlocal steps
            number = len(chosen)
            if number == len(tried):
                return chosen
            for index in tried[number]:
                steps += 1
                total = spent + int(self.choices[number].multipliers[index])
                if steps > STEPS or total + sum(least[number + 1:]) > self.limit:
                    continue
                following = (*chosen, index)
                if self._suits(following) and (found := complete(following, total)) is not None:
                    return found
            return None

        return complete((), 0)

    def _suits(self, chosen: tuple[int, ...]) -> bool:
        """Whether the last engine's array suits those chosen before."""
        last = len(chosen) - 1
        return all(widths_fit(self.choices[writer].shapes[chosen[writer]].group,
                              self.choices[reader].shapes[chosen[reader]].lanes)
                   for writer, reader in self.pairs if max(writer, reader) == last)


def _names(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers)


def _pairs(network: Network, owner: dict[str, int]) -> set[tuple[int, int]]:
    """Engines between which rows pass, by number; ``owner`` has that of each layer."""
    return {(owner[producer.name], owner[layer.name]) for layer in network.layers for name in layer.inputs
            if (producer := network.producer(name)) is not None}
