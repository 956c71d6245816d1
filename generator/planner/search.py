"""Search: which layers share an engine, which array each engine gets, and how many rows each region."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass
from functools import cached_property

from ..errors import InputError
from ..network import Network
from ..operators.window import Window
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import placed
from .leanest import leanest
from .lower_bound import lower_bound
from .numbers import kind_of
from .plan import Plan
from .predict import predict
from .refinement import Trial, refined, tried
from .regions import MOST_JOBS, TOLERANCE, size_regions, with_least_rows
from .shapes import LEAN, Prices
from .shaping import Candidate
from .shortages import fitting, too_few_multipliers, too_small
from .verification import verify

__all__ = ["Found", "plan", "search"]

# What parts cost against each other: at first multipliers alone count, then block RAM too, then all logic.
DEAR_RAM = Prices(multiplier=2000, block_ram=4000)
PRICES = (Prices(), DEAR_RAM, LEAN)
# How much slower than the fastest pace by work alone partitions may be: the event model knows of waiting too.
SLACKS = (1.0, 1.003, 1.006, 1.01, 1.015, 1.02, 1.03)
# And as long as that is faster than what was found.
MORE_SLACKS = (1.06, 1.1, 1.15, 1.2, 1.3, 1.4, 1.6, 2)
# Plans that are kept at each of these prices, and jobs of the event model to refine them.
FINALISTS, JOBS = 4, 400_000
# A plan this close to the fastest pace by work alone is not refined further.
NEAR_ENOUGH = 1.005

# Where none of these fits, all is dear in turn.
SCARCE = (DEAR_RAM, LEAN, Prices(multiplier=40, block_ram=1000), Prices(multiplier=200, block_ram=40_000))
# How closely the pace is found at which memory and logic suffice but for rows to spare; how much slower plans
# get from there, step by step, until they suffice for these too; and how many are looked at closely of each.
CLOSELY = 1.04
SLOWER = (1.0, 1.03, 1.06, 1.1, 1.15, 1.2, 1.3, 1.5, 2, 3)
FEW = 3
# After so many, one that fits will do.
MOST_SIZED = 9


@dataclass(frozen=True)
class _Effort:
    """What smaller regions may cost of the throughput, and how many jobs it may take to find them."""

    tolerance: float
    jobs: int = MOST_JOBS


# Where block RAM is short, more of both.
EFFORTS = (_Effort(TOLERANCE), _Effort(4 * TOLERANCE, 2 * MOST_JOBS))
# Where all is, from the smallest regions on.
LOOSE = (_Effort(0.3), _Effort(0.1), _Effort(0.03), _Effort(TOLERANCE))

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plan and what the search knows of others."""

    plan: Plan
    cycles: float
    """Of an inference, in the steady state."""
    bound: float
    exact: bool
    """The :class:`~.lower_bound.LowerBound` for as many array multipliers."""
    others: tuple[tuple[Plan, float], ...]
    """Next best plans and their cycles, most with ample regions, as plans are compared."""
    budget: Budget
    """What the plan was allowed to take."""


def plan(network: Network, budget: Budget, *, engines: Engines = "auto",
         external_weights: bool = False) -> Plan:
    """The plan of :func:`search`."""
    return search(network, budget, engines=engines, external_weights=external_weights).plan


def search(network: Network, budget: Budget, *, engines: Engines = "auto", external_weights: bool = False,
           progress: Progress = lambda _: None) -> Found:
    """The fastest plan found for a lowered ``network`` within ``budget``.

    ``engines``: one engine of each kind (``"folded"``), a number of systolic ones, one engine for each layer
    (``"per-layer"``), or whatever is fastest (``"auto"``). With ``external_weights`` weights come from a
    memory outside the chip and take no room on it; such a plan cannot be built yet. Refused with an
    ``InputError`` that names what does not fit. The same input gives the same plan. ``progress`` is told
    what is being done.
    """
    _check(network, engines)
    return _Search(network, budget.beside_link(network), engines, external_weights, progress).run()


def _check(network: Network, engines: Engines) -> None:
    if not all(isinstance(layer.operator, Window) for layer in network.layers):
        raise InputError(f"network '{network.name}' is not lowered; plan gatecast.lower(network) instead")
    if engines not in ("folded", "per-layer", "auto") and type(engines) is not int:
        raise InputError(f"engines must be folded, per-layer, auto or a number of them, not {engines!r}")
    systolic = sum(kind_of(layer) == "systolic" for layer in network.layers)
    if type(engines) is int and not 1 <= engines <= max(systolic, 1):
        raise InputError(f"network '{network.name}' has {systolic} layers for systolic engines, "
                         f"so engines must be from 1 to {max(systolic, 1)}, not {engines}")


class _Search:
    """The search of one plan."""

    def __init__(self, network: Network, budget: Budget, engines: Engines, external_weights: bool,
                 progress: Progress) -> None:
        self.network, self.budget, self.engines, self.progress = network, budget, engines, progress
        self.external_weights = external_weights
        self._rooms: dict[Hashable, bool] = {}

    @cached_property
    def kinds(self) -> Kinds:
        """The layers by kind of engine, and all ways to run them."""
        return Kinds(self.network, self.engines, self.budget.array_limit, self.external_weights)

    def run(self) -> Found:
        """The best plan that fits."""
        self.progress("what fits")
        least = self._least()
        self.progress("the fastest partition")
        pace = self.kinds.pace()
        (chosen, cycles), *others = self._fitting(pace) or self._scarce(pace, least)
        self.progress("the lower bound")
        bound = lower_bound(self.network, self.budget.array_limit, cycles)
        return Found(plan=chosen, cycles=cycles, others=tuple(others), bound=bound.cycles, exact=bound.exact,
                     budget=self.budget)

    def _least(self) -> Plan:
        """A plan that fits, if even one of the leanest does; else the refusal that says what is missing."""
        plans = leanest(self.network, self.engines, self.budget.array_limit, self.external_weights)
        if not plans:
            raise too_few_multipliers(self.network, self.budget, self.engines)
        least = fitting(plans, self.budget)
        if least is None:
            raise too_small(plans, self.budget, self.engines)
        return verify(least)

    def _scarce(self, pace: float, least: Plan) -> list[tuple[Plan, float]]:
        """The best plan that fits where none of ``pace`` does, and the next best ones; ``least`` fits."""
        found = [(least, predict(least).cycles_per_inference)]
        trials: dict[Hashable, Trial] = {}
        sized: set[Hashable] = set()
        pace = self._roomy(pace, found[0][1])
        for slower in SLOWER:
            if pace * slower >= found[0][1] or (len(sized) >= MOST_SIZED and len(found) > 1):
                break
            self.progress(f"what fits at {pace * slower:,.0f} cycles")
            for candidate in self._room(pace * slower):
                if candidate.key not in trials:
                    trials[candidate.key] = tried(self.kinds, candidate)
            others = [trial for key, trial in trials.items() if key not in sized]
            for trial in sorted(others, key=lambda trial: trial.cycles)[:FEW]:
                sized.add(trial.candidate.key)
                if trial.cycles < found[0][1] and (plan := self._loosely_sized(trial)) is not None:
                    found.append(plan)
                    found.sort(key=lambda each: each[1])
        return found[:FINALISTS]

    def _loosely_sized(self, trial: Trial) -> tuple[Plan, float] | None:
        """The plan with the regions that fit and cost the least throughput, and its cycles, if any fit."""
        found: list[tuple[Plan, float]] = []
        for effort in LOOSE:
            sized = self._sized(trial.ample, effort)
            if sized is None:
                break
            found.append((sized, predict(sized).cycles_per_inference))
        return min(found, key=lambda each: each[1], default=None)

    def _roomy(self, fast: float, slow: float) -> float:
        """About the fastest pace at which a plan fits if its regions have no rows to spare."""
        while slow > fast * CLOSELY:
            middle = math.sqrt(fast * slow)
            self.progress(f"what could fit at {middle:,.0f} cycles")
            if any(True for _ in self._room(middle)):
                slow = middle
            else:
                fast = middle
        return slow

    def _room(self, pace: float) -> Iterator[Candidate]:
        """Cheap candidates of ``pace`` that fit with the least rows."""
        seen = set()
        for prices in SCARCE:
            for candidate in self.kinds.candidates(pace, prices, fast=False):
                if candidate.key not in seen:
                    seen.add(candidate.key)
                    if candidate.key not in self._rooms:
                        self._rooms[candidate.key] = self._has_room(self.kinds.plan(candidate))
                    if self._rooms[candidate.key]:
                        yield candidate

    def _has_room(self, plan: Plan) -> bool:
        """Whether ``plan`` fits with the least rows."""
        return isinstance(placed(with_least_rows(plan), self.budget), Plan)

    def _fitting(self, pace: float) -> list[tuple[Plan, float]]:
        """The best plan of about ``pace`` that fits, and the next best ones; none if none fit."""
        finalists: dict[Prices, list[Trial]] = {}
        for effort in EFFORTS:
            for prices in PRICES:
                if prices not in finalists:
                    finalists[prices] = self._finalists(pace, prices)
                for finalist in finalists[prices]:
                    sized = self._sized(finalist.ample, effort)
                    if sized is not None:
                        others = [other for other in finalists[prices] if other is not finalist]
                        return [(sized, predict(sized).cycles_per_inference),
                                *((other.ample, other.cycles) for other in others)]
        return []

    def _finalists(self, pace: float, prices: Prices) -> list[Trial]:
        """The best plans of about ``pace``, with ample regions, the fastest first; none if none have room."""
        found: list[Trial] = []
        seen: set[Hashable] = set()
        for slack in (*SLACKS, *MORE_SLACKS):
            if slack in MORE_SLACKS and found and found[0].cycles <= pace * slack:
                break
            self.progress(f"partitions at {pace * slack:,.0f} cycles")
            for candidate in self.kinds.candidates(pace * slack, prices):
                # Waiting only adds to the work of the busiest engine.
                few = len(found) < FINALISTS or candidate.cycles < found[FINALISTS - 1].cycles
                if few and candidate.key not in seen:
                    seen.add(candidate.key)
                    found.append(tried(self.kinds, candidate))
                    found.sort(key=lambda finalist: finalist.cycles)
        if not any(self._has_room(self.kinds.plan(finalist.candidate)) for finalist in found[:FINALISTS]):
            return []
        self.progress("changes that wait less")
        best: dict[Hashable, Trial] = {}
        jobs, most = JOBS, JOBS // min(len(found), FINALISTS)
        for finalist in found:
            near, spent = refined(self.kinds, finalist, least=pace * NEAR_ENOUGH, jobs=min(jobs, most))
            jobs -= spent
            best[near.candidate.key] = near
        fast = sorted(best.values(), key=lambda finalist: finalist.cycles)[:FINALISTS]
        return [finalist for finalist in fast if self._has_room(finalist.ample)]

    def _sized(self, ample: Plan, effort: _Effort) -> Plan | None:
        """``ample`` with regions and kinds of memories and multipliers that fit the budget, if any do."""
        self.progress(f"rows of the regions, within {effort.tolerance:.1%} of the throughput")
        made = placed(size_regions(ample, tolerance=effort.tolerance, jobs=effort.jobs), self.budget)
        return verify(made) if isinstance(made, Plan) else None
