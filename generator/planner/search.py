"""Search: which layers share an engine, which array each engine gets, and how many rows each region."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from ..errors import InputError
from ..network import Network
from ..operators.window import Window
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import Shortage, placed
from .numbers import kind_of
from .plan import Plan
from .predict import predict
from .refinement import Trial, refined, tried
from .regions import MOST_JOBS, TOLERANCE, size_regions, with_least_rows
from .shapes import Prices
from .shaping import Candidate
from .shortages import too_few_multipliers, too_much_memory, too_small
from .verification import verify

__all__ = ["Found", "plan", "search"]

# How much slower plans get, step by step, until memory and logic suffice; and halvings of the last step.
SLOWER = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30, 100, 1000)
HALVINGS = 2
# A plan this close to the fastest pace by work alone is not refined further.
NEAR_ENOUGH = 1.005

# Multipliers alone count at first; then block RAM too, then all logic; last, memory above all.
DEAR_RAM, LEAN = Prices(multiplier=2000, block_ram=4000), Prices(multiplier=200, block_ram=400)
CHEAP_ARRAYS = Prices(multiplier=40, block_ram=1000)


@dataclass(frozen=True)
class _Breadth:
    """How many partitions are looked at."""

    prices: Prices
    slacks: tuple[float, ...] = (1.0, 1.003, 1.006, 1.01, 1.015, 1.02, 1.03)
    """How much slower than the pace by work alone they may be: the event model knows of waiting too."""
    finalists: int = 4
    """Plans that are kept for the sizing of their regions."""
    jobs: int = 400_000
    """Of the event model, to refine plans."""
    fast: bool = True
    """Whether arrays are made as fast as the multipliers allow, or as cheap as the pace allows."""


WIDE = (_Breadth(Prices()), _Breadth(DEAR_RAM), _Breadth(LEAN))
NARROW = tuple(_Breadth(prices, slacks=(1.0,), finalists=3, jobs=0, fast=False)
               for prices in (DEAR_RAM, LEAN, CHEAP_ARRAYS))


@dataclass(frozen=True)
class _Effort:
    """What smaller regions may cost of the throughput, and how many jobs it may take to find them."""

    tolerance: float
    jobs: int


# Where the leanest plan needs so many times what there is, the search does not begin.
HOPELESS = 1.4
# Where more than that is missing, smaller regions are not tried.
FAR = 1.05
# Where block RAM is short, more of both.
EFFORTS = (_Effort(TOLERANCE, MOST_JOBS), _Effort(4 * TOLERANCE, 2 * MOST_JOBS))

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Found:
    """A plan and what the search knows of others."""

    plan: Plan
    cycles: float
    """Of an inference, in the steady state."""
    bound: float
    exact: bool
    """See :class:`~.candidates.Pace`."""
    others: tuple[tuple[Plan, float], ...]
    """Next best plans, with ample regions, and their cycles."""
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
    return _Search(network, budget, engines, external_weights, progress).run()


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

    @cached_property
    def kinds(self) -> Kinds:
        """The layers by kind of engine, and all ways to run them."""
        return Kinds(self.network, self.engines, self.budget.array_limit)

    def run(self) -> Found:
        """The best plan that fits."""
        self.progress("what fits")
        self._refuse_what_cannot_fit()
        self.progress("the fastest partition")
        pace = self.kinds.pace(self.budget.array_limit)
        (chosen, cycles), *others = self._fastest(pace.cycles)
        return Found(plan=chosen, cycles=cycles, others=tuple(others), bound=pace.bound, exact=pace.exact,
                     budget=self.budget)

    def _refuse_what_cannot_fit(self) -> None:
        """Count all bits, then look at the leanest plan: where that lacks much, nothing else will fit."""
        refusal = too_much_memory(self.network, self.budget, self.external_weights)
        if refusal is not None:
            raise refusal
        # One engine of each kind is about the leanest of all partitions.
        kinds = self.kinds
        if self.engines == "auto":
            kinds = Kinds(self.network, "folded", self.budget.array_limit)
        leanest = next(kinds.candidates(float("inf"), self._prices(LEAN), self.budget.array_limit,
                                        fast=False), None)
        if leanest is None:
            raise too_few_multipliers(self.network, self.budget, self.engines)
        self.leanest = with_least_rows(self._plan(leanest))
        shortage = placed(self.leanest, self.budget)
        if isinstance(shortage, Shortage) and shortage.need > HOPELESS * shortage.has:
            raise too_small(self.leanest, self.budget, shortage)

    def _fastest(self, pace: float) -> list[tuple[Plan, float]]:
        """The best plan that fits, at ``pace`` or as little slower as it takes, and the next best ones."""
        fast = SLOWER[0]
        for slower in SLOWER:
            found = self._fitting(pace * slower, WIDE if slower == 1 else NARROW)
            if not found:
                fast = slower
                continue
            for _ in range(HALVINGS if slower > fast else 0):
                middle = (fast + slower) / 2
                better = self._fitting(pace * middle, NARROW)
                if better:
                    slower = middle
                    found = min(found, better, key=lambda each: each[0][1])
                else:
                    fast = middle
            return found
        shortage = placed(self.leanest, self.budget)
        # What almost fits may be short of something only where regions are larger than they must be.
        raise too_small(self.leanest, self.budget, shortage if isinstance(shortage, Shortage) else None)

    def _fitting(self, pace: float, breadths: tuple[_Breadth, ...]) -> list[tuple[Plan, float]]:
        """The best plan of about ``pace`` that fits, and the next best ones; none if none fit."""
        for breadth in breadths:
            finalists = self._finalists(pace, breadth)
            for number, finalist in enumerate(finalists):
                sized = self._sized(finalist.ample)
                if sized is not None:
                    others = finalists[:number] + finalists[number + 1:]
                    return [(sized, predict(sized).cycles_per_inference),
                            *((other.ample, other.cycles) for other in others)]
        return []

    def _finalists(self, pace: float, breadth: _Breadth) -> list[Trial]:
        """The best plans of about ``pace``, with ample regions, the fastest first."""
        found: list[Trial] = []
        for candidate in self._candidates(pace, breadth):
            # Waiting only adds to the work of the busiest engine.
            if len(found) < breadth.finalists or candidate.cycles < found[breadth.finalists - 1].cycles:
                found.append(tried(self.kinds, candidate))
                found.sort(key=lambda finalist: finalist.cycles)
        self.progress("changes that wait less")
        better: dict[Hashable, Trial] = {}
        jobs, least = breadth.jobs, pace * NEAR_ENOUGH
        for finalist in found:
            if found[0].cycles <= least:
                jobs = 0
            trial = refined(self.kinds, finalist, multipliers=self.budget.array_limit, jobs=jobs, least=least)
            jobs -= trial.jobs - finalist.jobs
            ample = replace(trial.ample, external_weights=self.external_weights)
            better[trial.candidate.key] = replace(trial, ample=ample)
        return sorted(better.values(), key=lambda finalist: finalist.cycles)[:breadth.finalists]

    def _candidates(self, pace: float, breadth: _Breadth) -> Iterator[Candidate]:
        """Partitions of about ``pace``, the fastest first, each once."""
        seen = set()
        for slack in breadth.slacks:
            self.progress(f"partitions at {pace * slack:,.0f} cycles")
            for candidate in self.kinds.candidates(pace * slack, self._prices(breadth.prices),
                                                   self.budget.array_limit, fast=breadth.fast):
                if candidate.key not in seen:
                    seen.add(candidate.key)
                    yield candidate

    def _plan(self, candidate: Candidate) -> Plan:
        return replace(candidate.plan(self.network), external_weights=self.external_weights)

    def _prices(self, prices: Prices) -> Prices:
        return replace(prices, stored_weights=not self.external_weights)

    def _sized(self, ample: Plan) -> Plan | None:
        """``ample`` with regions and kinds of memories and multipliers that fit the budget, if any do."""
        if isinstance(placed(with_least_rows(ample), self.budget), Shortage):
            return None
        for effort in EFFORTS:
            self.progress(f"rows of the regions, within {effort.tolerance:.1%} of the throughput")
            fitting = placed(size_regions(ample, tolerance=effort.tolerance, jobs=effort.jobs), self.budget)
            if isinstance(fitting, Plan):
                return verify(fitting)
            if fitting.need > FAR * fitting.has:
                break
        return None
