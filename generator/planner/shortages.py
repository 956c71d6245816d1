"""Shortages: refusals that name what a budget lacks, by how much, and what would fit."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gatecast.boards import Board, boards

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import Shortage, placed
from .leanest import leanest
from .numbers import multipliers_of
from .plan import Plan, Resources
from .predict import resources

__all__ = ["fitting", "too_few_multipliers", "too_small"]

NO_BOARD = "no board that `gatecast boards` knows is large enough, take a smaller network"

# The limits of a budget, what they count, and the options that raise them.
LIMITS = {"luts": ("LUT", "--luts"), "block_rams": ("block RAM", "--brams"),
          "dsps": ("DSP multiplier", "--dsps"), "ffs": ("flip-flop", "")}
# Those of cells that LUTs can stand in for, one by one.
CELLS = ("block_rams", "dsps")


def too_few_multipliers(network: Network, budget: Budget, engines: Engines) -> InputError:
    """The refusal where not even the smallest arrays can be paid for."""
    need = Kinds(network, engines, budget.array_limit).multipliers(float("inf"))
    return InputError(f"network '{network.name}' needs at least {_count(need, 'multiplier')} for engines "
                      f"'{engines}', {budget.name} allows {budget.array_limit}; " + (
                          "take a larger board, or fewer engines" if budget.multipliers is None else
                          f"give it --multipliers {need:.0f}"))


def fitting(plans: Sequence[Plan], budget: Budget) -> Plan | None:
    """The first of ``plans`` that fits ``budget``, in the cells that it takes for that; none if none does."""
    for plan in plans:
        if sum(multipliers_of(plan.network, engine) for engine in plan.engines) <= budget.array_limit:
            found = placed(plan, budget)
            if isinstance(found, Plan):
                return found
    return None


def too_small(plans: Sequence[Plan], budget: Budget, engines: Engines) -> InputError:
    """The refusal where none of ``plans``, the :func:`leanest` with ``engines``, fits: what must be added."""
    closest = min(plans, key=lambda plan: _times(plan, budget))
    taken = resources(closest, budget.family)
    chosen = "" if engines in ("auto", "folded") else f" with engines '{engines}'"
    plan = f"the leanest plan found for network '{closest.network.name}'{chosen}"
    instead = _instead(plans, budget, taken, engines)
    others = leanest(closest.network, "auto", budget.array_limit, closest.external_weights) if chosen else []
    if fitting(others, budget) is not None:
        instead = f"let the planner choose (--engines auto), or else {instead}"
    if budget.memory_bits is not None and taken.memory_bits > budget.memory_bits:
        if budget.by_hand("block_rams") or budget.by_hand("luts"):
            instead = f"give it more of them, or else {instead}"
        return InputError(f"{plan} stores {taken.memory_bits // 1024:,} Kbit, "
                          f"{taken.weight_bits // 1024:,} of them weights, {budget.name} has "
                          f"{budget.memory_bits // 1024:,} in block RAMs and LUTs; {instead}")
    lacking = min(_lacks(closest, budget), key=lambda lack: lack.share)
    if all(LIMITS[field][1] and budget.by_hand(field) for field in lacking.needs):
        more = " ".join(f"{LIMITS[field][1]} {need}" for field, need in lacking.needs.items())
        instead = f"give it {more}, or else {instead}"
    needs = " and ".join(_count(need, LIMITS[field][0]) for field, need in lacking.needs.items())
    has = " and ".join(_has(budget, field) for field in lacking.needs)
    return InputError(f"{plan} takes {needs}, {budget.name} has {has}; {instead}")


def _instead(plans: Sequence[Plan], budget: Budget, taken: Resources, engines: Engines) -> str:
    """A board on which one of ``plans`` fits, or another way out; all of them store about as much."""
    larger = next((board for board in _boards(budget) if _fits_on(plans, taken.memory_bits, board)), None)
    if larger is not None:
        return f"a {larger.title} would do (--board {larger.name})"
    if not plans[0].external_weights and taken.weight_bits > taken.memory_bits // 2 and fitting(
            leanest(plans[0].network, engines, budget.array_limit, True), budget) is not None:
        return f"{NO_BOARD}; or plan it with --external-weights, though a stream of weights is not built yet"
    return NO_BOARD


def _fits_on(plans: Sequence[Plan], bits: int, board: Board) -> bool:
    """Whether one of ``plans`` fits ``board``; about ``bits`` are stored by all of them."""
    budget = Budget.of(board.part, board.name, serial_link=board.builds).beside_link(plans[0].network)
    room = budget.memory_bits
    return (room is None or bits <= room) and fitting(plans, budget) is not None


@dataclass(frozen=True)
class _Lack:
    """Limits of a budget that a plan fits with."""

    needs: dict[str, int]
    """By field, those that are more than the budget has."""
    share: float
    """How much more, at the most, as a share of what there is."""


def _lacks(plan: Plan, budget: Budget) -> list[_Lack]:
    """The ways to make ``plan`` fit: by more of one kind, each, or else by more of several."""
    limited = [field for field in LIMITS if getattr(budget, field) is not None]
    ways = [{field: need} for field in limited if (need := _need(plan, budget, field)) is not None]
    if not ways:
        whole = placed(plan, _relieved(budget, *limited))
        assert isinstance(whole, Plan), "without limits all plans fit"
        taken = resources(whole, budget.family)
        ways = [{field: getattr(taken, field) for field in limited
                 if getattr(taken, field) > getattr(budget, field)}]
    return [_Lack(needs, max(need / max(getattr(budget, field), 1) for field, need in needs.items()))
            for needs in ways]


def _need(plan: Plan, budget: Budget, field: str) -> int | None:
    """The least limit ``field`` with which ``plan`` fits, the others as they are; none if there is none."""
    fitted = placed(plan, _relieved(budget, field))
    if not isinstance(fitted, Plan):
        return None
    if field in CELLS:
        low, high = getattr(budget, field) + 1, getattr(resources(fitted, budget.family), field)
        while low < high:
            middle = (low + high) // 2
            if isinstance(placed(plan, replace(budget, **{field: middle})), Plan):
                high = middle
            else:
                low = middle + 1
        return int(high)
    need = 0
    while isinstance(fitted, Plan):
        need = getattr(resources(fitted, budget.family), field)
        fitted = placed(plan, replace(budget, **{field: need - 1}))
    return need


def _has(budget: Budget, field: str) -> str:
    beside = " beside its serial link" if field == "block_rams" and budget.link_block_rams else ""
    return f"{getattr(budget, field):,}{beside}"


def _times(plan: Plan, budget: Budget) -> float:
    short = placed(plan, budget)
    return short.times if isinstance(short, Shortage) else 1.0


def _relieved(budget: Budget, *fields: str) -> Budget:
    """``budget`` without the limits ``fields``, of which none limits the arrays then."""
    relieved: dict[str, Any] = dict.fromkeys(fields)
    return replace(budget, multipliers=budget.array_limit, **relieved)


def _boards(budget: Budget) -> list[Board]:
    """A board with each size of chip, those of the same family first, then by size, with bitstreams first."""
    of_size = {Budget.of(board.part, "any"): board for board in reversed(boards().values())}
    return sorted(of_size.values(), key=lambda board: (board.family != budget.family, board.luts,
                                                       not board.builds))


def _count(number: float, what: str) -> str:
    return f"{number:,.0f} {what}{'' if number == 1 else 's'}"
