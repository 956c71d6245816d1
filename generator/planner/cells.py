"""Cells: which part of a plan is made of DSP blocks, of block RAM or of LUTs, so that it fits a chip."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

from .budget import Budget
from .dsps import array_dsps, requantizer_dsps
from .logic import array_luts, requantizer_luts
from .parameters import requantizer_params
from .plan import MEMORIES_OF, MULTIPLIERS_OF, EnginePlan, Plan, Resources
from .predict import resources
from .storages import Storage, storages

__all__ = ["Shortage", "placed"]

# LUTs that a block RAM is worth where a budget does not say how many there are of each.
LUTS_OF_BLOCK_RAM = 400
# Memories go into LUTs if that takes no more than this share of what their block RAMs are worth.
SHARE = 0.5


@dataclass(frozen=True)
class Shortage:
    """Of a plan that does not fit: how many times what there is it takes, where it lacks the most."""

    times: float


# Owner and field of the plan.
_Part = tuple[str, str]


@dataclass(frozen=True)
class _Choice:
    """A part that can be in cells of the scarce kind, or in LUTs."""

    part: _Part
    scarce: int
    """DSP multipliers or block RAMs that it takes there."""
    luts: int
    """What it takes in LUTs instead."""


def placed(plan: Plan, budget: Budget) -> Plan | Shortage:
    """``plan`` with a kind of cell for each multiplier and memory, or how much it lacks."""
    memories = storages(plan)
    bits, most = sum(memory.bits for memory in memories if memory.what != "jobs"), budget.memory_bits
    if most is not None and bits > most:
        return Shortage(bits / max(most, 1))
    rams = _memories(memories, budget.family)
    price = LUTS_OF_BLOCK_RAM
    if budget.luts and budget.block_rams:
        price = budget.luts // budget.block_rams
    cheap = {choice.part for choice in rams if choice.luts <= SHARE * price * choice.scarce}
    times = float("inf")
    # Where LUTs are what is short, memories stay in block RAM as far as there is some.
    for start in (cheap, set[_Part]()) if cheap else (cheap,):
        others = (choice for choice in rams if choice.part not in start)
        in_luts = start | _cheapest(others, budget.block_rams)
        # Which multipliers synthesis drops depends on where the numbers are that they multiply by.
        in_luts |= _cheapest(_multipliers(_with(plan, in_luts), budget.family), budget.dsps)
        made = _with(plan, in_luts)
        kinds = [memory if memory.what == "jobs" else replace(
            memory, kind="lut" if _part(memory) in in_luts else "block") for memory in memories]
        if (taken := _times(resources(made, budget.family, kinds), budget)) <= 1:
            return made
        times = min(times, taken)
    return Shortage(times)


def _times(need: Resources, budget: Budget) -> float:
    """How many times what there is a plan takes, where that is the most."""
    limits = ((need.luts, budget.luts), (need.block_rams, budget.block_rams), (need.dsps, budget.dsps),
              (need.ffs, budget.ffs))
    return max((used / has if has else float("inf") * used if used else 0.0
                for used, has in limits if has is not None), default=0.0)


def _cheapest(choices: Iterable[_Choice], limit: int | None) -> set[_Part]:
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


def _multipliers(plan: Plan, family: str) -> list[_Choice]:
    found = []
    for engine in plan.engines:
        found.append(_Choice((engine.name, "array_in"), array_dsps(plan, engine),
                             array_luts(plan, engine, family)))
        found.append(_Choice((engine.name, "requantizer_in"),
                             requantizer_dsps(requantizer_params(plan, engine), family),
                             requantizer_luts(plan, engine, family)))
    return found


def _memories(memories: Iterable[Storage], family: str) -> list[_Choice]:
    parts: dict[_Part, list[Storage]] = {}
    for memory in memories:
        if memory.what != "jobs":
            parts.setdefault(_part(memory), []).append(memory)
    return [_Choice(part, sum(memory.block_rams(family) for memory in each),
                    sum(memory.luts(family) for memory in each)) for part, each in parts.items()]


def _part(memory: Storage) -> _Part:
    return memory.owner, "memory_in" if memory.what == "features" else f"{memory.what}_in"


def _with(plan: Plan, in_luts: set[_Part]) -> Plan:
    """``plan`` with these parts in LUTs and all others in DSP blocks and block RAM."""

    def cells(engine: EnginePlan) -> dict[str, Any]:
        fields = {**dict.fromkeys(MULTIPLIERS_OF, "dsp"), **dict.fromkeys(MEMORIES_OF, "block")}
        return {field: "lut" if (engine.name, field) in in_luts else kind for field, kind in fields.items()}

    return replace(
        plan,
        engines=tuple(replace(engine, **cells(engine)) for engine in plan.engines),
        regions=tuple(replace(region, memory_in="lut" if (f"{region.writer}_to_{region.reader}", "memory_in")
                              in in_luts else "block") for region in plan.regions))
