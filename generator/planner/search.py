"""Search: which layers share an engine, and which shape each engine gets."""

from __future__ import annotations

import bisect
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from ..network import Layer, Network
from ..operators.window import Window
from .numbers import kind_of
from .partitions import all_splits, best_cut, smallest_at
from .plan import EnginePlan, Plan
from .predict import predict, resources
from .regions import size_regions, with_two_frames
from .shapes import Shape, Shapes
from .verification import verify

__all__ = ["Budget", "Engines", "plan"]

Engines = int | Literal["folded", "per-layer", "auto"]

# How many of the best partitions by work alone are run through the event model.
FINALISTS = 3
# Most layers for which all partitions are tried; beyond, the best one into runs for each number of engines.
ALL_PARTITIONS = 8
# More engines than these, but fewer than layers, have not been seen to pay.
MOST_ENGINES = 9


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a plan may take: array multipliers, and of a board its multipliers and memory in all."""

    multipliers: int
    """Array multipliers, lanes of channel arrays included."""
    dsps: int | None = None
    """Multipliers of the chip, for arrays and requantizers together."""
    memory_bits: int | None = None
    """Block RAM of the chip."""
    name: str = "the budget"
    """For messages."""


@dataclass(frozen=True)
class _Candidate:
    """Groups of layers with a shape for each."""

    groups: tuple[tuple[Layer, ...], ...]
    shapes: tuple[Shape, ...]

    @property
    def cycles(self) -> int:
        """Of the busiest."""
        return max(shape.cycles for shape in self.shapes)

    @property
    def multipliers(self) -> int:
        return sum(shape.multipliers for shape in self.shapes)

    @property
    def dsps(self) -> int:
        return sum(shape.dsps for shape in self.shapes)


def plan(network: Network, budget: Budget, *, engines: Engines = "auto") -> Plan:
    """The fastest plan found for a lowered ``network`` within ``budget``.

    ``engines``: one systolic engine (``"folded"``), a number of them, one engine for each layer
    (``"per-layer"``), or whatever is fastest (``"auto"``). Refused with an ``InputError`` that names what
    does not fit.
    """
    if not all(isinstance(layer.operator, Window) for layer in network.layers):
        raise InputError(f"network '{network.name}' is not lowered; plan gatecast.lower(network) instead")
    if engines not in ("folded", "per-layer", "auto") and type(engines) is not int:
        raise InputError(f"engines must be folded, per-layer, auto or a number of them, not {engines!r}")
    shapes = Shapes(network, _limit(budget))
    candidates = sorted(
        (candidate for groups in _partitions(shapes, engines, _limit(budget))
         for candidate in [_shape(shapes, groups, budget)] if candidate is not None),
        key=lambda candidate: (candidate.cycles, candidate.multipliers, len(candidate.groups)))
    if not candidates:
        need, has = _shortage(network, engines, budget)
        raise InputError(f"network '{network.name}' needs at least {need} multipliers "
                         f"for engines '{engines}', {budget.name} has {has}; "
                         f"take a larger board or fewer engines")
    # Work alone does not know of waiting, of which the extremes have the least and the most.
    chosen = dict.fromkeys([*candidates[:FINALISTS],
                            min(candidates, key=lambda candidate: len(candidate.groups)),
                            max(candidates, key=lambda candidate: len(candidate.groups))])
    finalists = [with_two_frames(_plan(network, candidate)) for candidate in chosen]
    finalists.sort(key=lambda finalist: predict(finalist).cycles_per_inference)
    least = 0
    for finalist in finalists:
        sized = size_regions(finalist)
        need = resources(sized).memory_bits
        if budget.memory_bits is None or need <= budget.memory_bits:
            return verify(sized)
        least = min(need, least or need)
    raise InputError(f"network '{network.name}' needs {-(-least // 1024)} Kbit of memory, "
                     f"{budget.name} has {(budget.memory_bits or 0) // 1024}; take a larger board")


def _limit(budget: Budget) -> int:
    return budget.multipliers if budget.dsps is None else min(budget.multipliers, budget.dsps)


def _shortage(network: Network, engines: Engines, budget: Budget) -> tuple[int, int]:
    """Multipliers that the smallest engines need and that ``budget`` has: of arrays, or of the whole chip."""
    shapes = Shapes(network, 1)
    smallest = [[shapes.front(layers)[0] for layers in groups]
                for groups in _partitions(shapes, engines, len(network.layers))]
    arrays = min(sum(shape.multipliers for shape in chosen) for chosen in smallest)
    if arrays > budget.multipliers or budget.dsps is None:
        return arrays, budget.multipliers
    return min(sum(shape.dsps for shape in chosen) for chosen in smallest), budget.dsps


def _partitions(shapes: Shapes, engines: Engines, limit: int) -> Iterator[tuple[tuple[Layer, ...], ...]]:
    """Groupings of layers to engines as ``engines`` asks for: all of few layers, the best cuts of many."""
    network = shapes.network
    systolic = [layer for layer in network.layers if kind_of(layer) == "systolic"]
    channel = tuple(layer for layer in network.layers if kind_of(layer) == "channel")
    beside = (channel,) if channel else ()
    if engines == "per-layer":
        yield tuple((layer,) for layer in network.layers)
        return
    if engines == "folded":
        counts: Sequence[int] = (1,)
    elif engines == "auto":
        counts = range(1, min(len(systolic), MOST_ENGINES) + 1)
    else:
        if not 1 <= engines <= max(len(systolic), 1):
            raise InputError(f"network '{network.name}' has {len(systolic)} layers for systolic engines, "
                             f"so engines must be from 1 to {max(len(systolic), 1)}, not {engines}")
        counts = (engines,)
    for count in counts if systolic else ():
        if len(systolic) <= ALL_PARTITIONS:
            for groups in all_splits(systolic, count):
                yield (*groups, *beside)
        else:
            cut = best_cut(shapes, systolic, count, limit - len(beside))
            if cut is not None:
                yield (*cut, *beside)
    if not systolic:
        yield beside
    if engines == "auto":
        yield tuple((layer,) for layer in network.layers)


def _shape(shapes: Shapes, groups: tuple[tuple[Layer, ...], ...], budget: Budget) -> _Candidate | None:
    """The fastest shapes for ``groups`` within ``budget``, requantizers counted; none if nothing fits."""
    limit, least = _limit(budget), len(groups)
    fronts = [shapes.front(layers) for layers in groups]
    while limit >= least:
        candidate = _fastest(shapes.network, groups, fronts, limit)
        if candidate is None or budget.dsps is None or candidate.dsps <= budget.dsps:
            return candidate
        if limit == least:
            return None
        limit = max(candidate.multipliers - max(1, (candidate.dsps - budget.dsps) // 2), least)
    return None


def _fastest(network: Network, groups: tuple[tuple[Layer, ...], ...], fronts: list[tuple[Shape, ...]],
             limit: int) -> _Candidate | None:
    """Of the shapes on ``fronts``, those with the least cycles of the busiest that ``limit`` can pay for.

    No engine is made faster than the links, which move a byte a cycle.
    """
    links = max(network.tensors[network.input].size, network.tensors[network.output].size)
    paces = sorted({max(shape.cycles, links) for front in fronts for shape in front})

    def smallest(pace: int) -> tuple[Shape, ...] | None:
        chosen = [smallest_at(front, pace) for front in fronts]
        complete = tuple(shape for shape in chosen if shape is not None)
        affordable = sum(shape.multipliers for shape in complete) <= limit
        return complete if len(complete) == len(fronts) and affordable else None

    # A slower pace never needs more multipliers, so the fastest affordable one is found by bisection.
    index = bisect.bisect_left(paces, True, key=lambda pace: smallest(pace) is not None)
    if index == len(paces):
        return None
    shapes = smallest(paces[index])
    assert shapes is not None
    return _Candidate(groups, shapes)


def _plan(network: Network, candidate: _Candidate) -> Plan:
    """The engines of a candidate, in the order of their first layers, without regions yet."""
    order = {layer.name: index for index, layer in enumerate(network.layers)}
    pairs = sorted(zip(candidate.groups, candidate.shapes, strict=True),
                   key=lambda pair: order[pair[0][0].name])
    engines: list[EnginePlan] = []
    for layers, shape in pairs:
        number = sum(engine.kind == shape.kind for engine in engines)
        engines.append(EnginePlan(
            name=f"{shape.kind}_{number}", kind=shape.kind, lanes=shape.lanes, columns=shape.columns,
            group=shape.group, layers=tuple(layer.name for layer in layers)))
    return Plan(network=network, engines=tuple(engines), regions=())
