"""Pareto: the plans of which none is beaten in cycles and in all that it takes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines
from .plan import Plan
from .predict import resources
from .search import Progress, search

__all__ = ["Point", "front", "pareto", "steps"]


@dataclass(frozen=True, kw_only=True)
class Point:
    """A plan, its cycles of an inference in the steady state, and what it takes."""

    plan: Plan
    cycles: float
    multipliers: int
    """Of the arrays."""
    dsps: int
    block_rams: int
    luts: int
    """An estimate."""

    def beats(self, other: Point) -> bool:
        """Whether it is nowhere worse and somewhere better; DSPs do not count beside multipliers and LUTs."""
        mine, others = self._measures, other._measures
        return mine != others and all(a <= b for a, b in zip(mine, others, strict=True))

    @property
    def _measures(self) -> tuple[float, ...]:
        return self.cycles, self.multipliers, self.block_rams, self.luts


def pareto(network: Network, budget: Budget, *, engines: Engines = "auto", external_weights: bool = False,
           progress: Progress = lambda _: None) -> tuple[Point, ...]:
    """The plans of a lowered ``network`` for ever more array multipliers, without those that others beat.

    The fastest comes last. Arguments are those of :func:`search`; refused like that where not even the whole
    ``budget`` suffices.
    """
    def point(multipliers: int) -> Point:
        return _point(network, replace(budget, multipliers=multipliers), engines, external_weights, progress)

    found = [point(budget.array_limit)]
    for multipliers in reversed(steps(budget.array_limit)[:-1]):
        # No more are of use than the last plan took.
        if multipliers < found[-1].multipliers:
            try:
                found.append(point(multipliers))
            except InputError:
                break
    return front(found)


def _point(network: Network, budget: Budget, engines: Engines, external_weights: bool,
           progress: Progress) -> Point:
    limit = budget.array_limit
    found = search(network, budget, engines=engines, external_weights=external_weights,
                   progress=lambda doing: progress(f"with {limit} multipliers, {doing}"))
    need = resources(found.plan, budget.family)
    return Point(plan=found.plan, cycles=found.cycles, multipliers=need.multipliers, dsps=need.dsps,
                 block_rams=need.block_rams, luts=need.luts)


def front(points: Iterable[Point]) -> tuple[Point, ...]:
    """Those that no other found beats, the slowest first; of equal ones the first."""
    points = list(points)
    kept: dict[tuple[float, ...], Point] = {}
    for point in points:
        if not any(other.beats(point) for other in points):
            kept.setdefault(point._measures, point)
    return tuple(sorted(kept.values(), key=lambda point: (-point.cycles, point.multipliers)))


def steps(limit: int) -> tuple[int, ...]:
    """1, 2, 3, 4, 6, 8, 12, ... and ``limit`` itself."""
    powers = (1 << bit for bit in range(limit.bit_length()))
    return tuple(sorted({each for power in powers for each in (power, power * 3 // 2) if each < limit}
                        | {limit}))
