"""Shaping: an array for each engine of a partition, all of a pace, whose widths suit each other."""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from gatecast.hdl.feature_memory import widths_fit

from ..network import Layer, Network
from .numbers import kind_of
from .plan import EnginePlan, Plan
from .shapes import Prices, Shape, Shapes

__all__ = ["Arrays", "Candidate", "Shaping", "names_of", "pairs_of"]

Floats = npt.NDArray[np.float64]

# Arrays of an engine that are tried beside those of the others, and steps of one such search.
TRIED = 16
STEPS = 4000


@dataclass(frozen=True, eq=False)
class Candidate:
    """Engines without regions: groups of layers, an array for each, and the cycles of the busiest."""

    groups: tuple[tuple[Layer, ...], ...]
    shapes: tuple[Shape, ...]
    cycles: float

    @property
    def key(self) -> Hashable:
        """Equal for equal ones; layers go by name, for their weights are long."""
        return tuple(map(names_of, self.groups)), self.shapes

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


class Shaping:
    """The arrays of all engines of a partition, which must suit each other where rows pass between them."""

    def __init__(self, network: Network, choices: Sequence[Arrays], limit: int, links: float) -> None:
        self.choices, self.limit, self.links = choices, limit, links
        owner = {layer.name: index for index, each in enumerate(choices) for layer in each.layers}
        self.pairs = pairs_of(network, owner)

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


def names_of(layers: tuple[Layer, ...]) -> tuple[str, ...]:
    """The names of ``layers``."""
    return tuple(layer.name for layer in layers)


def pairs_of(network: Network, owner: dict[str, int]) -> set[tuple[int, int]]:
    """Engines between which rows pass, by number; ``owner`` has that of each layer."""
    return {(owner[producer.name], owner[layer.name]) for layer in network.layers for name in layer.inputs
            if (producer := network.producer(name)) is not None}
