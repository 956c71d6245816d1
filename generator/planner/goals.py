"""Goals: the plan that is best at something else than throughput, and what there is to say of a given one."""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from dataclasses import replace

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import placed
from .events import FRAMES, steady_state
from .lone import lone_latency, sized_for_lone
from .numbers import kind_of
from .plan import Plan
from .predict import predict, resources
from .regions import size_regions, with_least_rows, with_two_frames
from .schedule import schedule
from .search import LEAN, Found, Progress, search
from .shapes import Prices
from .shaping import Candidate
from .verification import verify

__all__ = ["least_area", "least_latency", "rated", "shares"]

# Numbers of systolic engines that are tried for a lone frame, and how much slower than the fastest.
LONE_ENGINES = 4
LONE_SLACKS = (1.0, 1.1, 1.5, 2.5)
# What smaller regions may cost of the latency where memory is short.
LOOSER = (1.0, 1.01, 1.04)
# How much faster by work alone than asked for: waiting adds to it, and some faster plans are smaller.
FASTER = (1.0, 0.995, 0.985, 0.97, 0.94, 0.9, 0.8)
# Plans whose regions are sized.
FINALISTS = 4


def least_latency(network: Network, budget: Budget, *, engines: Engines = "auto",
                  progress: Progress = lambda _: None) -> Found:
    """The plan found for a lowered ``network`` that gets a lone frame through in the fewest cycles.

    It is never slower at that than the plan of :func:`search`, with whose arguments and refusals it comes.
    """
    fastest = search(network, budget, engines=engines, progress=progress)
    latency = lone_latency(fastest.plan)
    ranked: list[tuple[int, Plan]] = []
    for candidate in _for_latency(network, budget, engines, progress):
        ample = with_two_frames(candidate.plan(network))
        ranked.append((lone_latency(ample), ample))
    ranked.sort(key=lambda each: each[0])
    progress("rows of the regions")
    for looser in LOOSER:
        for least, ample in ranked[:FINALISTS]:
            if least * looser >= latency:
                continue
            fitting = placed(sized_for_lone(ample, least * looser), budget)
            if isinstance(fitting, Plan):
                return replace(fastest, plan=verify(fitting),
                               cycles=predict(fitting).cycles_per_inference,
                               others=((fastest.plan, fastest.cycles),))
    return fastest


def _for_latency(network: Network, budget: Budget, engines: Engines,
                 progress: Progress) -> Iterator[Candidate]:
    """Partitions of all sizes whose arrays take all multipliers, each once."""
    systolic = sum(kind_of(layer) == "systolic" for layer in network.layers)
    choices: list[Engines] = [engines]
    if engines == "auto":
        choices += ["folded", *range(2, min(systolic, LONE_ENGINES) + 1)]
    seen = set()
    for choice in choices:
        progress(f"engines for a lone frame, {choice}")
        kinds = Kinds(network, choice, budget.array_limit)
        pace = kinds.pace(budget.array_limit).cycles
        for slower in LONE_SLACKS if pace < float("inf") else ():
            for candidate in kinds.candidates(pace * slower, Prices(), budget.array_limit):
                if candidate.key not in seen:
                    seen.add(candidate.key)
                    yield candidate


def least_area(network: Network, budget: Budget, *, target_fps: float, clock_mhz: float,
               engines: Engines = "auto", progress: Progress = lambda _: None) -> Found:
    """The smallest plan found for a lowered ``network`` that takes ``target_fps`` frames a second.

    Smallest is the least sum of :func:`shares` of ``budget``. Refused like :func:`search`, and where the
    fastest plan that fits is too slow.
    """
    for name, number in (("target_fps", target_fps), ("clock_mhz", clock_mhz)):
        if not 0 < number < float("inf"):
            raise InputError(f"{name} must be a number above 0, not {number!r}")
    # A little more than that, so that the rate of a plan, put in again, is one that it reaches.
    pace = clock_mhz * 1e6 / target_fps * (1 + 1e-9)
    fastest = search(network, budget, engines=engines, progress=progress)
    if fastest.cycles > pace:
        reached = clock_mhz * 1e6 / fastest.cycles
        raise InputError(f"network '{network.name}' reaches at most {_rate(reached)} frames a second at "
                         f"{clock_mhz:g} MHz within {budget.name}, not {target_fps:,.10g}; "
                         f"ask for fewer, or take a larger board")
    best = _small(network, budget, engines, pace, progress)
    plans = [fastest.plan, *best]
    smallest = min(plans, key=lambda plan: shares(plan, budget))
    others = ((fastest.plan, fastest.cycles),) if smallest is not fastest.plan else fastest.others
    return replace(fastest, plan=smallest, cycles=predict(smallest).cycles_per_inference, others=others)


def _rate(frames: float) -> str:
    """Rounded down: what is said to be reached is."""
    return f"{int(frames):,}" if frames >= 100 else f"{int(frames * 1000) / 1000:g}"


def _small(network: Network, budget: Budget, engines: Engines, pace: float,
           progress: Progress) -> list[Plan]:
    """Small plans that take at most ``pace`` cycles a frame, and fit."""
    kinds = Kinds(network, engines, budget.array_limit)
    ranked: dict[Hashable, tuple[float, Plan]] = {}
    for faster in FASTER:
        progress(f"small engines for {pace * faster:,.0f} cycles")
        for prices in (_prices(budget), LEAN, Prices()):
            for candidate in kinds.candidates(pace * faster, prices, budget.array_limit, fast=False):
                if candidate.key in ranked or candidate.cycles > pace:
                    continue
                ample = with_two_frames(candidate.plan(network))
                least = placed(with_least_rows(ample), budget)
                if isinstance(least, Plan) and steady_state(schedule(ample), limit=FRAMES).pace <= pace:
                    ranked[candidate.key] = shares(least, budget), ample
    found: list[Plan] = []
    progress("rows of the regions")
    for least_shares, ample in sorted(ranked.values(), key=lambda each: each[0])[:FINALISTS]:
        if found and least_shares >= min(shares(plan, budget) for plan in found):
            break
        # All that the plan is too fast may be paid for smaller regions.
        spare = pace / steady_state(schedule(ample)).pace - 1
        fitting = placed(size_regions(ample, tolerance=max(spare, 0)), budget)
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

    Where it limits none of them it is that of the array multipliers.
    """
    need = resources(plan, budget.family)
    limited = [(need.dsps, budget.dsps), (need.block_rams, budget.block_rams), (need.luts, budget.luts)]
    if all(limit is None for _, limit in limited):
        limited = [(need.multipliers, budget.array_limit)]
    # What a chip has none of, no plan that fits takes.
    return sum(used / limit for used, limit in limited if limit)


def rated(plan: Plan, budget: Budget) -> Found:
    """A given ``plan`` as if it had been found, if it fits ``budget``."""
    need = resources(plan, budget.family)
    for what, used, limit in (
            ("array multipliers", need.multipliers, budget.multipliers),
            ("DSP multipliers", need.dsps, budget.dsps), ("block RAMs", need.block_rams, budget.block_rams),
            ("LUTs", need.luts, budget.luts), ("flip-flops", need.ffs, budget.ffs)):
        if limit is not None and used > limit:
            raise InputError(f"the plan takes {used:,} {what}, {budget.name} has {limit:,}; "
                             f"change the plan, or take a larger board")
    allowed = max(budget.array_limit, need.multipliers)
    pace, cycles = Kinds(plan.network, "auto", allowed).pace(allowed), predict(plan).cycles_per_inference
    # A plan by hand may have arrays that the search does not look at, and be below the bound of those.
    return Found(plan=plan, cycles=cycles, bound=min(pace.bound, cycles),
                 exact=pace.exact and pace.bound <= cycles,
                 others=(), budget=replace(budget, multipliers=allowed))
