"""Lower bound: the cycles of an inference that no plan within so many array multipliers can beat."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..network import Layer, Network
from .lattice import Lattice, finest
from .numbers import kind_of
from .pace import between
from .shapes import Prices

__all__ = ["LowerBound", "least_multipliers", "lower_bound"]

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class LowerBound:
    """Of all partitions of a network, arrays and numbers of rows; waiting comes on top of it."""

    cycles: float
    exact: bool
    """Whether all partitions were looked at.

    If not, it is a bound by work: every layer on the array that wastes the least multipliers for it, of those
    that are fast enough, as if they had no other layer to run.
    """


def lower_bound(network: Network, multipliers: int, reached: float) -> LowerBound:
    """The bound of a lowered ``network``, of which a plan that takes ``reached`` cycles is known.

    Arrays are ideal: of any lanes and columns, and never held up by the requantizer. Engines that multiply
    nothing are free. No layer takes more cycles than the busiest engine, which takes no fewer than the input
    and the output have bytes. Layers that are nearly alike count as the fastest of them.
    """
    kinds = _kinds(network, multipliers)
    links = max(network.tensors[network.input].size, network.tensors[network.output].size)
    by_work = _least(lambda pace: sum(kind.work(pace) for kind in kinds) <= multipliers * pace,
                     links, reached)
    if not all(kind.exact for kind in kinds):
        return LowerBound(cycles=by_work, exact=False)
    cycles = _least(lambda pace: sum(kind.multipliers(pace) for kind in kinds) <= multipliers,
                    by_work, reached)
    return LowerBound(cycles=cycles, exact=True)


def least_multipliers(network: Network, pace: float, enough: int) -> int:
    """The fewest array multipliers with which an inference in ``pace`` cycles is not ruled out.

    A plan with ``enough`` multipliers is known.
    """
    kinds = _kinds(network, enough)
    by_work = math.ceil(sum(kind.work(pace) for kind in kinds) / pace)
    if not all(kind.exact for kind in kinds):
        return by_work
    return max(by_work, int(sum(kind.multipliers(pace) for kind in kinds)))


def _kinds(network: Network, limit: int) -> list[_Kind]:
    return [_Kind(layers, limit) for kind in ("systolic", "channel")
            if (layers := [layer for layer in network.layers if kind_of(layer) == kind])]


def _least(enough: Callable[[float], bool], fast: float, slow: float) -> float:
    """A pace just above one at which it is not ``enough``; ``fast`` if it is there already."""
    if enough(fast):
        return fast
    return between(enough, fast, math.ceil(slow))[0] + 1


class _Kind:
    """The layers of one kind on ideal arrays."""

    def __init__(self, layers: Sequence[Layer], limit: int) -> None:
        shapes = finest(kind_of(layers[0]), layers, limit, ideal=True)
        self.exact = Lattice.suits(shapes)
        self._lattice = Lattice(shapes) if self.exact else None
        each, costs = np.eye(len(layers), dtype=np.int64), shapes.of_layers
        cycles = costs.cycles(each)
        work = costs.multipliers(each) * cycles
        self._fronts = [_front(*of_layer) for of_layer in zip(cycles, work, strict=True)]

    def work(self, pace: float) -> float:
        """Least sum over layers of multipliers times cycles, where none takes more cycles than ``pace``."""
        total = 0.0
        for cycles, work in self._fronts:
            within = int(np.searchsorted(cycles, pace, side="right"))
            total += float(work[within - 1]) if within else float("inf")
        return total

    def multipliers(self, pace: float) -> float:
        """The fewest that keep ``pace``; infinite if none do."""
        assert self._lattice is not None
        price, _ = self._lattice.cheapest(pace, Prices())
        return price // Prices().multiplier if np.isfinite(price) else price


def _front(cycles: Floats, work: Floats) -> tuple[Floats, Floats]:
    """The cycles of a layer's arrays in ascending order, and the least work up to there."""
    order = np.argsort(cycles, kind="stable")
    return cycles[order], np.minimum.accumulate(work[order])
