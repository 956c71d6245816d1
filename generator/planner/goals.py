"""Goals: the plan that is best at something else than throughput, and what there is to say of a given one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import dataclass, replace
from itertools import islice, product

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import placed
from .events import steady_state
from .lone import lone_latency, sized_for_lone
from .lower_bound import least_multipliers, lower_bound
from .numbers import kind_of
from .plan import Plan
from .predict import predict, resources
from .regions import size_regions, with_least_rows, with_two_frames
from .schedule import schedule
from .search import Found, Progress, search
from .shapes import LEAN, Prices
from .verification import verify

__all__ = ["Smallest", "least_area", "least_latency", "rated", "shares"]

# Numbers of systolic engines that are tried for a lone frame, and how much slower than the fastest.
LONE_ENGINES = 4
LONE_SLACKS = (1.0, 1.1, 1.5, 2.5)
# What smaller regions may cost of the latency where memory is short.
LOOSER = (1.0, 1.01, 1.04, 1.15, 1.4)
# How much faster by work alone than asked for: waiting adds to it, and some faster plans are smaller.
FASTER = (1.0, 0.995, 0.985, 0.97, 0.94, 0.9, 0.8)
# Plans whose regions are sized.
FINALISTS = 4
# Next best plans that are told of.
OTHERS = 3


@dataclass(frozen=True, kw_only=True)
class Smallest(Found):
    """The smallest plan for a pace; ``bound`` is that of the whole budget, whatever the pace."""

    pace: float
    """The cycles of an inference that the rate asked for leaves."""
    least_multipliers: int
    """With fewer multipliers of arrays no plan keeps that pace; as sure of it as ``bound`` is."""


def least_latency(network: Network, budget: Budget, *, engines: Engines = "auto",
                  external_weights: bool = False, progress: Progress = lambda _: None) -> Found:
    """The plan found for a lowered ``network`` that gets a lone frame through in the fewest cycles.

    It is never slower at that than the plan of :func:`search`, with whose arguments and refusals it comes.
    ``others`` are the next best at that, and the plan of :func:`search`. The bound holds for a lone frame
    too, as each engine has to do all its work on it.
    """
    fastest = search(network, budget, engines=engines, external_weights=external_weights, progress=progress)
    budget = fastest.budget
    latency = lone_latency(fastest.plan)
    ranked: list[tuple[int, Plan]] = []
    for ample in _for_latency(network, budget, engines, external_weights, progress):
        if not isinstance(placed(with_least_rows(ample), budget), Plan):
            continue
        ranked.append((lone_latency(ample), ample))
    ranked.sort(key=lambda each: each[0])
    progress("rows of the regions")
    for looser in LOOSER:
        for least, ample in ranked[:FINALISTS]:
            if least * looser >= latency:
                continue
            fitting = placed(sized_for_lone(ample, least * looser), budget)
            if isinstance(fitting, Plan):
                others = _next_best(ranked, fitting, fastest.plan)
                return replace(fastest, plan=verify(fitting),
                               cycles=predict(fitting).cycles_per_inference,
                               others=(*others, (fastest.plan, fastest.cycles)))
    return replace(fastest, others=_next_best(ranked, fastest.plan))


def _next_best(ranked: list[tuple[int, Plan]], *told: Plan) -> tuple[tuple[Plan, float], ...]:
    """The first of ``ranked`` with other arrays than the plans that are ``told`` of, and their cycles."""
    known = [_arrays(plan) for plan in told]
    others = [plan for _, plan in ranked if _arrays(plan) not in known]
    return tuple((plan, _pace(plan)) for plan in others[:OTHERS])


def _arrays(plan: Plan) -> set[tuple[object, ...]]:
    return {(engine.layers, engine.lanes, engine.columns, engine.group) for engine in plan.engines}


def _pace(plan: Plan) -> float:
    """Cycles of an inference."""
    return steady_state(schedule(plan)).pace


def _for_latency(network: Network, budget: Budget, engines: Engines, external_weights: bool,
                 progress: Progress) -> Iterator[Plan]:
    """Plans with ample regions, of partitions of all sizes, whose arrays take all multipliers, each once."""
    systolic = sum(kind_of(layer) == "systolic" for layer in network.layers)
    choices: list[Engines] = [engines]
    if engines == "auto":
        choices += ["folded", *range(2, min(systolic, LONE_ENGINES) + 1)]
    seen = set()
    for choice in choices:
        progress(f"engines for a lone frame, {choice}")
        kinds = Kinds(network, choice, budget.array_limit, external_weights)
        pace = kinds.pace()
        paces = [pace * slower for slower in LONE_SLACKS] if pace < float("inf") else []
        for slow, prices in product(paces, (Prices(), LEAN)):
            for candidate in kinds.candidates(slow, prices):
                if candidate.key not in seen:
                    seen.add(candidate.key)
                    yield with_two_frames(kinds.plan(candidate))


def least_area(network: Network, budget: Budget, *, target_fps: float, clock_mhz: float,
               engines: Engines = "auto", external_weights: bool = False,
               progress: Progress = lambda _: None) -> Smallest:
    """The smallest plan found for a lowered ``network`` that takes ``target_fps`` frames a second.

    Smallest is the least sum of :func:`shares` of ``budget``. Refused like :func:`search`, and where no
    plan found is fast enough. ``others`` are the next smallest, the fastest plan among them if it is.
    """
    for name, number in (("target_fps", target_fps), ("clock_mhz", clock_mhz)):
        if not 0 < number < float("inf"):
            raise InputError(f"{name} must be a number above 0, not {number!r}")
    asked = clock_mhz * 1e6 / target_fps
    # A little more than that, so that the rate of a plan, put in again, is one that it reaches.
    pace = asked * (1 + 1e-9)
    fastest = search(network, budget, engines=engines, external_weights=external_weights, progress=progress)
    budget = fastest.budget
    plans = []
    if fastest.bound <= pace:
        plans += _small(Kinds(network, engines, budget.array_limit, external_weights), budget, pace, progress)
    if fastest.cycles <= pace:
        plans.append(fastest.plan)
    if not plans:
        reached = clock_mhz * 1e6 / fastest.cycles
        raise InputError(f"the fastest plan found for network '{network.name}' reaches {_rate(reached)} "
                         f"frames a second at {clock_mhz:g} MHz within {budget.name}, "
                         f"not {target_fps:,.10g}; ask for fewer, or take a larger board")
    (smallest, cycles), *others = ((plan, predict(plan).cycles_per_inference)
                                   for plan in sorted(plans, key=lambda plan: shares(plan, budget)))
    progress("the fewest multipliers")
    need = resources(smallest, budget.family).multipliers
    return Smallest(plan=smallest, cycles=cycles, bound=fastest.bound, exact=fastest.exact,
                    others=tuple(others), budget=budget, pace=asked,
                    least_multipliers=least_multipliers(network, pace, need))


def _rate(frames: float) -> str:
    """Rounded down: what is said to be reached is."""
    return f"{int(frames):,}" if frames >= 100 else f"{int(frames * 1000) / 1000:g}"


def _small(kinds: Kinds, budget: Budget, pace: float, progress: Progress) -> list[Plan]:
    """Small plans that take at most ``pace`` cycles a frame, and fit."""
    ranked: list[tuple[float, Plan]] = []
    seen: set[Hashable] = set()
    for faster in FASTER:
        progress(f"small engines for {pace * faster:,.0f} cycles")
        for prices in (_prices(budget), LEAN, Prices()):
            for candidate in kinds.candidates(pace * faster, prices, fast=False):
                if candidate.key in seen or candidate.cycles > pace:
                    continue
                seen.add(candidate.key)
                ample = with_two_frames(kinds.plan(candidate))
                least = placed(with_least_rows(ample), budget)
                if isinstance(least, Plan):
                    ranked.append((shares(least, budget), ample))
    found: list[Plan] = []
    progress("rows of the regions")
    ranked.sort(key=lambda each: each[0])
    fast_enough = ((least, ample, cycles) for least, ample in ranked if (cycles := _pace(ample)) <= pace)
    for least_shares, ample, cycles in islice(fast_enough, FINALISTS):
        if found and least_shares >= min(shares(plan, budget) for plan in found):
            break
        # All that the plan is too fast may be paid for smaller regions.
        fitting = placed(size_regions(ample, tolerance=pace / cycles - 1), budget)
        if isinstance(fitting, Plan) and predict(fitting).cycles_per_inference <= pace:
            found.append(verify(fitting))
    return found


def _prices(budget: Budget) -> Prices:
    """Such that a share of the chip costs the same, whatever it is a share of."""
    if not budget.luts:
        return LEAN
    return Prices(multiplier=budget.luts / (budget.dsps or budget.array_limit),
                  block_ram=(LEAN.block_ram if budget.block_rams is None
                             else budget.luts / max(budget.block_rams, 1)))


def shares(plan: Plan, budget: Budget) -> float:
    """The sum of the shares that ``plan`` takes of the DSP multipliers, block RAMs and LUTs of ``budget``.

    Where it limits none of them, or to nothing, it is that of the array multipliers.
    """
    need = resources(plan, budget.family)
    limited = [(need.dsps, budget.dsps), (need.block_rams, budget.block_rams), (need.luts, budget.luts)]
    # What a chip has none of, no plan that fits takes.
    if not any(limit for _, limit in limited):
        limited = [(need.multipliers, budget.array_limit)]
    return sum(used / limit for used, limit in limited if limit)


def rated(plan: Plan, budget: Budget) -> Found:
    """A given ``plan`` as if it had been found, if it fits ``budget``."""
    budget = budget.beside_link(plan.network)
    need = resources(plan, budget.family)
    for what, used, limit in (
            ("array multipliers", need.multipliers, budget.multipliers),
            ("DSP multipliers", need.dsps, budget.dsps), ("block RAMs", need.block_rams, budget.block_rams),
            ("LUTs", need.luts, budget.luts), ("flip-flops", need.ffs, budget.ffs)):
        if limit is not None and used > limit:
            raise InputError(f"the plan takes {used:,} {what}, {budget.name} has {limit:,}; "
                             f"change the plan, or take a larger board")
    allowed = max(budget.array_limit, need.multipliers)
    cycles = predict(plan).cycles_per_inference
    bound = lower_bound(plan.network, allowed, cycles)
    return Found(plan=plan, cycles=cycles, bound=bound.cycles, exact=bound.exact, others=(),
                 budget=replace(budget, multipliers=allowed))
