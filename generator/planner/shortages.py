"""Shortages: refusals that name what a budget lacks, and what would fit."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from gatecast.boards import Board, boards

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines, Kinds
from .cells import Shortage, placed
from .plan import Plan

__all__ = ["too_few_multipliers", "too_small"]

# More than any plan has multipliers.
MANY = 1 << 20


def too_few_multipliers(network: Network, budget: Budget, engines: Engines) -> InputError:
    """The refusal where not even the smallest arrays can be paid for."""
    need = Kinds(network, engines, budget.array_limit).multipliers(float("inf"))
    return InputError(f"network '{network.name}' needs at least {need:.0f} multipliers for engines "
                      f"'{engines}', {budget.name} has {budget.array_limit}; "
                      f"allow more multipliers or fewer engines, or take a larger board")


def too_small(leanest: Plan, budget: Budget, shortage: Shortage | None) -> InputError:
    """The refusal where nothing fits; ``shortage`` is what the ``leanest`` plan lacks."""
    larger = next(_larger(leanest, budget), None)
    instead = ("no board that `gatecast boards` knows is large enough, take a smaller network"
               if larger is None else f"a {larger.title} would do (--board {larger.name})")
    if shortage is None:
        return InputError(f"network '{leanest.network.name}' fits {budget.name} only without any rows to "
                          f"spare, and no such plan was found; {instead}")
    return InputError(f"network '{leanest.network.name}' needs {shortage.need:,} {shortage.what}, "
                      f"{budget.name} has {shortage.has:,}: {shortage.need - shortage.has:,} are missing; "
                      f"{instead}")


def _larger(leanest: Plan, budget: Budget) -> Iterator[Board]:
    """Boards on which the plan fits, those of the same family first, the smallest first."""
    known = sorted(boards().values(), key=lambda board: (board.family != budget.family, board.luts))
    for board in known:
        on_it = replace(budget, dsps=board.multipliers, block_rams=board.block_rams, luts=board.luts,
                        family=board.family)
        if isinstance(placed(leanest, on_it), Plan):
            yield board
