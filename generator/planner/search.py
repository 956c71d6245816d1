"""Search: which layers share an engine, which array each engine gets, and how many rows each region."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from ..errors import InputError
from ..network import Network
from ..operators.window import Window
from .budget import Budget
from .candidates import Candidate, Engines, Kinds
from .cells import Shortage, placed
from .numbers import kind_of
from .plan import Plan
from .predict import predict
from .events import steady_state
from .regions import MOST_JOBS, TOLERANCE, size_regions, with_least_rows, with_two_frames
from .schedule import schedule
from .shapes import Prices
from .verification import verify

__all__ = ["Found", "plan", "search"]

# How much slower than the fastest partition by work alone others may be that are run through the event
# model, which knows of waiting.
SLACKS = (1.0, 1.003, 1.006, 1.01, 1.015, 1.02, 1.03)
# How much slower plans get, step by step, until memory and logic suffice.
SLOWER = (1.0, 1.02, 1.05, 1.1, 1.2, 1.35, 1.6, 2, 3, 5, 10, 30, 100, 1000)
# Plans that are kept for the sizing of their regions, and frames of the event model to compare them.
FINALISTS = 4
FRAMES = 40

# Multipliers alone count at first; then block RAM too, then all logic.
PRICES = (Prices(), Prices(multiplier=2000, block_ram=4000), Prices(multiplier=200, block_ram=400))


@dataclass(frozen=True)
class _Effort:
    """What smaller regions may cost of the throughput, and how many jobs it may take to find them."""

    tolerance: float
    jobs: int


# Where block RAM is short, more of both.
EFFORTS = (_Effort(TOLERANCE, MOST_JOBS), _Effort(2 * TOLERANCE, 3 * MOST_JOBS),
           _Effort(4 * TOLERANCE, 3 * MOST_JOBS))

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


def plan(network: Network, budget: Budget, *, engines: Engines = "auto") -> Plan:
    """The plan of :func:`search`."""
    return search(network, budget, engines=engines).plan


def search(network: Network, budget: Budget, *, engines: Engines = "auto",
           progress: Progress = lambda _: None) -> Found:
    """The fastest plan found for a lowered ``network`` within ``budget``.

    ``engines``: one engine of each kind (``"folded"``), a number of systolic ones, one engine for each layer
    (``"per-layer"``), or whatever is fastest (``"auto"``). Refused with an ``InputError`` that names what
    does not fit. The same input gives the same plan.
    """
    _check(network, engines)
    return _Search(network, budget, engines, progress).run()


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

    def __init__(self, network: Network, budget: Budget, engines: Engines, progress: Progress) -> None:
        self.network, self.budget, self.progress = network, budget, progress
        self.engines = engines
        self.kinds = Kinds(network, engines, budget.array_limit)
        self.shortage: Shortage | None = None

    def run(self) -> Found:
        """The best plan that fits."""
        self.progress("partitions")
        pace = self.kinds.pace(self.budget.array_limit)
        if pace.cycles == float("inf"):
            raise self._too_few_multipliers()
        for slower in SLOWER:
            for prices in PRICES:
                found = self._fitting(pace.cycles * slower, prices)
                if found:
                    (chosen, cycles), *others = found
                    return Found(plan=chosen, cycles=cycles, others=tuple(others), bound=pace.bound,
                                 exact=pace.exact, budget=self.budget)
        assert self.shortage is not None
        raise InputError(self.shortage.sentence(self.network, self.budget))

    def _fitting(self, pace: float, prices: Prices) -> list[tuple[Plan, float]]:
        """The best plan of about ``pace`` that fits, and the next best ones; none if none fit."""
        finalists = self._finalists(pace, prices)
        for number, (ample, _) in enumerate(finalists):
            sized = self._sized(ample)
            if sized is not None:
                others = finalists[:number] + finalists[number + 1:]
                return [(sized, predict(sized).cycles_per_inference), *others]
        return []

    def _finalists(self, pace: float, prices: Prices) -> list[tuple[Plan, float]]:
        """The best plans of about ``pace``, with ample regions, and their cycles, the fastest first."""
        found: list[tuple[Plan, float]] = []
        for candidate in self._candidates(pace, prices):
            # Waiting only adds to the work of the busiest engine.
            if len(found) >= FINALISTS and candidate.cycles >= found[FINALISTS - 1][1]:
                continue
            ample = with_two_frames(candidate.plan(self.network))
            found.append((ample, steady_state(schedule(ample), limit=FRAMES).pace))
            found.sort(key=lambda finalist: finalist[1])
        return found[:FINALISTS]

    def _candidates(self, pace: float, prices: Prices) -> Iterator[Candidate]:
        """Partitions of about ``pace``, the fastest first, each once."""
        seen = set()
        for slack in SLACKS:
            self.progress(f"partitions at {pace * slack:,.0f} cycles")
            for candidate in self.kinds.candidates(pace * slack, prices, self.budget.array_limit):
                if candidate not in seen:
                    seen.add(candidate)
                    yield candidate

    def _sized(self, ample: Plan) -> Plan | None:
        """``ample`` with regions and kinds of memories and multipliers that fit the budget, if any do."""
        least = placed(with_least_rows(ample), self.budget)
        if isinstance(least, Shortage):
            self.shortage = least
            return None
        for effort in EFFORTS:
            self.progress("rows of the regions")
            fitting = placed(size_regions(ample, tolerance=effort.tolerance, jobs=effort.jobs), self.budget)
            if isinstance(fitting, Plan):
                return verify(fitting)
            self.shortage = fitting
        return None

    def _too_few_multipliers(self) -> InputError:
        """With what the smallest engines need."""
        slow = Kinds(self.network, self.engines, self.budget.array_limit)
        need = slow.multipliers(float("1e18"))
        return InputError(f"network '{self.network.name}' needs at least {need:.0f} multipliers for engines "
                          f"'{self.engines}', {self.budget.name} has {self.budget.array_limit}; "
                          f"allow more multipliers or fewer engines, or take a larger board")
