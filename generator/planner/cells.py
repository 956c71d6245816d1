"""Cells: which part of a plan is made of DSP blocks, of block RAM or of LUTs, so that it fits a chip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .budget import Budget
from .dsps import array_dsps, requantizer_dsps
from .logic import array_luts, requantizer_luts
from .parameters import requantizer_params
from .plan import MEMORIES_OF, MULTIPLIERS_OF, EnginePlan, Plan
from .predict import resources
from .storages import Storage, storages

__all__ = ["Shortage", "placed"]

# LUTs that a block RAM is worth where a budget does not say how many there are of each.
LUTS_OF_BLOCK_RAM = 400
# Memories go into LUTs if that takes no more than this share of what their block RAMs are worth.
SHARE = 0.5


@dataclass(frozen=True, kw_only=True)
class Shortage:
    """What the smallest plan that was tried lacks."""

    what: str
    """The binding one: block RAMs, DSP multipliers, LUTs or flip-flops."""
    need: int
    has: int


@dataclass(frozen=True)
class _Choice:
    """A part that can be in cells of the scarce kind, or in LUTs."""

    part: tuple[str, str]
    """Owner and field of the plan."""
    scarce: int
    """DSP multipliers or block RAMs that it takes there."""
    luts: int
    """What it takes in LUTs instead."""


def placed(plan: Plan, budget: Budget) -> Plan | Shortage:
    """``plan`` with a kind of cell for each multiplier and memory, or what it lacks."""
    rams = _memories(plan, budget.family)
    price = LUTS_OF_BLOCK_RAM
    if budget.luts and budget.block_rams:
        price = budget.luts // budget.block_rams
    cheap = {choice.part for choice in rams if choice.luts <= SHARE * price * choice.scarce}
    for_rams = _cheapest((choice for choice in rams if choice.part not in cheap), budget.block_rams)
    # Which multipliers synthesis drops depends on where the numbers are that they multiply by.
    for_dsps = _cheapest(_multipliers(_with(plan, cheap | for_rams)), budget.dsps)
    made = _with(plan, cheap | for_rams | for_dsps)
    shortage = _shortage(made, budget)
    if shortage is None or shortage.what != "LUTs":
        return shortage or made
    # Where LUTs are short because they stand in for something else, that is what is missing.
    for moved in (cheap | for_dsps, cheap | for_rams, cheap):
        without = _shortage(_with(plan, moved), budget)
        if without is not None and without.what != "LUTs":
            return without
    return shortage


def _shortage(plan: Plan, budget: Budget) -> Shortage | None:
    """What ``plan`` lacks, LUTs first."""
    need = resources(plan, budget.family)
    for what, used, has in (("LUTs", need.luts, budget.luts),
                            ("block RAMs", need.block_rams, budget.block_rams),
                            ("DSP multipliers", need.dsps, budget.dsps),
                            ("flip-flops", need.ffs, budget.ffs)):
        if has is not None and used > has:
            return Shortage(what=what, need=used, has=has)
    return None


def _cheapest(choices: Iterable[_Choice], limit: int | None) -> set[tuple[str, str]]:
    """The parts that are moved to LUTs so that the rest takes no more than ``limit``: the cheapest set."""
    choices = [choice for choice in choices if choice.scarce]
    spare = sum(choice.scarce for choice in choices) - (limit or 0)
    if limit is None or spare <= 0:
        return set()
    # For each number of cells freed, up to those needed, the fewest LUTs and the parts moved.
    best: dict[int, tuple[int, tuple[_Choice, ...]]] = {0: (0, ())}
    for choice in choices:
        for freed, (luts, moved) in list(best.items()):
            total = min(freed + choice.scarce, spare)
            way = luts + choice.luts, (*moved, choice)
            if total not in best or way[0] < best[total][0]:
                best[total] = way
    return {choice.part for choice in best[spare][1]}


def _multipliers(plan: Plan) -> list[_Choice]:
    found = []
    for engine in plan.engines:
        found.append(_Choice((engine.name, "array_in"), array_dsps(plan, engine), array_luts(plan, engine)))
        found.append(_Choice((engine.name, "requantizer_in"),
                             requantizer_dsps(requantizer_params(plan, engine)),
                             requantizer_luts(plan, engine)))
    return found


def _memories(plan: Plan, family: str) -> list[_Choice]:
    parts: dict[tuple[str, str], list[Storage]] = {}
    for storage in storages(plan):
        if storage.what == "jobs":
            continue
        field = "memory_in" if storage.what == "features" else f"{storage.what}_in"
        parts.setdefault((storage.owner, field), []).append(storage)
    return [_Choice(part, sum(storage.block_rams(family) for storage in each),
                    sum(storage.luts(family) for storage in each)) for part, each in parts.items()]


def _with(plan: Plan, in_luts: set[tuple[str, str]]) -> Plan:
    """``plan`` with these parts in LUTs and all others in DSP blocks and block RAM."""

    def cells(engine: EnginePlan) -> dict[str, Any]:
        fields = {**dict.fromkeys(MULTIPLIERS_OF, "dsp"), **dict.fromkeys(MEMORIES_OF, "block")}
        return {field: "lut" if (engine.name, field) in in_luts else kind for field, kind in fields.items()}

    return replace(
        plan,
        engines=tuple(replace(engine, **cells(engine)) for engine in plan.engines),
        regions=tuple(replace(region, memory_in="lut" if (f"{region.writer}_to_{region.reader}", "memory_in")
                              in in_luts else "block") for region in plan.regions))
