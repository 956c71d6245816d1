"""Shaping: an array for each engine of a partition, all of a pace, whose widths suit each other."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from itertools import accumulate, chain, islice

import numpy as np
import numpy.typing as npt

from gatecast.hdl.feature_memory import widths_fit

from ..network import Layer, Network
from .layout import LINK_BYTES
from .shapes import Prices, Shape, Shapes

__all__ = ["Arrays", "Candidate", "Shaping", "pairs_of", "suit"]

Floats = npt.NDArray[np.float64]

# In place of the number of the engine that reads.
TO_LINK = -1

# Arrays of an engine that are tried beside those of the others; steps of one such search, and how many are
# worth it before it is seen which of the arrays can suit at all.
TRIED = 16
STEPS, FEW_STEPS = 4000, 200


@dataclass(frozen=True, eq=False)
class Candidate:
    """Engines without regions: groups of layers, an array for each, and the cycles of the busiest."""

    groups: tuple[tuple[Layer, ...], ...]
    shapes: tuple[Shape, ...]
    cycles: float

    @property
    def key(self) -> Hashable:
        """Equal for equal engines, in any order; layers go by name, for their weights are long."""
        names = (tuple(layer.name for layer in group) for group in self.groups)
        return frozenset(zip(names, self.shapes, strict=True))


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
        self.shapes = [shapes.arrays[index] for index in order]

    @cached_property
    def _places(self) -> dict[Shape, int]:
        return {shape: place for place, shape in enumerate(self.shapes)}

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
        # By the later engine of a pair, which is the one that finds out.
        self._pairs: list[list[tuple[int, int]]] = [[] for _ in choices]
        for pair in pairs_of(network, owner):
            self._pairs[max(pair)].append(pair)

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
        found, finished = self._first(tried, FEW_STEPS)
        return found if finished else self._first(self._suiting(tried), STEPS)[0]

    def _first(self, tried: list[list[int]], most: int) -> tuple[tuple[int, ...] | None, bool]:
        """The first of the arrays ``tried`` for each engine that suit each other, within the limit, if any.

        And whether it is known then, after at most so many steps.
        """
        if not all(tried):
            return None, True
        shapes = [[each.shapes[index] for index in indices]
                  for each, indices in zip(self.choices, tried, strict=True)]
        multipliers = [[int(each.multipliers[index]) for index in indices]
                       for each, indices in zip(self.choices, tried, strict=True)]
        # What the engines from each one on take at least.
        least = [*accumulate(map(min, reversed(multipliers)), initial=0)][::-1]
        chosen: list[Shape] = []
        places: list[int] = []
        steps = 0

        def complete(spent: int) -> bool:
            nonlocal steps
            number = len(chosen)
            if number == len(tried):
                return True
            for place, shape in enumerate(shapes[number]):
                steps += 1
                total = spent + multipliers[number][place]
                if steps > most or total + least[number + 1] > self.limit:
                    continue
                chosen.append(shape)
                places.append(place)
                # Each pair is looked at when the later of its engines gets its array.
                if suit(chosen, self._pairs[number]) and complete(total):
                    return True
                chosen.pop()
                places.pop()
            return False

        if not complete(0):
            return None, steps <= most
        return tuple(indices[place] for indices, place in zip(tried, places, strict=True)), True

    def _suiting(self, tried: list[list[int]]) -> list[list[int]]:
        """Of the arrays ``tried`` for each engine those that suit some that are tried for each other."""
        found = [*tried]
        of = [each.shapes for each in self.choices]
        left, before = sum(map(len, found)), -1
        while left != before:
            for writer, reader in chain.from_iterable(self._pairs):
                if writer == reader:
                    found[writer] = [own for own in found[writer]
                                     if _fit(of[writer][own].group, of[writer][own].lanes)]
                    continue
                lanes = ({LINK_BYTES} if reader == TO_LINK else
                         {of[reader][each].lanes for each in found[reader]})
                found[writer] = [own for own in found[writer]
                                 if any(_fit(of[writer][own].group, each) for each in lanes)]
                if reader != TO_LINK:
                    groups = {of[writer][each].group for each in found[writer]}
                    found[reader] = [own for own in found[reader]
                                     if any(_fit(each, of[reader][own].lanes) for each in groups)]
            left, before = sum(map(len, found)), left
        return found


def pairs_of(network: Network, owner: dict[str, int]) -> set[tuple[int, int]]:
    """Engines between which rows pass, by number, writer first; :data:`TO_LINK` where the output link reads.

    ``owner`` has the engine of each layer.
    """
    readers = [(layer.inputs, owner[layer.name]) for layer in network.layers]
    return {(owner[producer.name], reader) for names, reader in [*readers, ((network.output,), TO_LINK)]
            for name in names if (producer := network.producer(name)) is not None}


def suit(shapes: Sequence[Shape], pairs: Iterable[tuple[int, int]]) -> bool:
    """Whether rows can pass between all ``pairs`` of :func:`pairs_of` with these arrays."""
    # Asked for so often that a loop pays, which is quicker than `all`.
    for writer, reader in pairs:
        if not _fit(shapes[writer].group, LINK_BYTES if reader == TO_LINK else shapes[reader].lanes):
            return False
    return True


# The same few widths are asked for again and again.
_fit = cache(widths_fit)
