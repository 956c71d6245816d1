"""Shortages: refusals that name what a budget lacks, and what would fit."""

from __future__ import annotations

from collections.abc import Iterator

from gatecast.boards import Board, boards

from ..errors import InputError
from ..network import Network
from .budget import Budget
from .candidates import Engines, Kinds
from .capacity import block_rams_at_least, least_bits
from .cells import Shortage, placed
from .plan import Plan

__all__ = ["too_few_multipliers", "too_much_memory", "too_small"]

NO_BOARD = "no board that `gatecast boards` knows is large enough, take a smaller network"


def too_few_multipliers(network: Network, budget: Budget, engines: Engines) -> InputError:
    """The refusal where not even the smallest arrays can be paid for."""
    need = Kinds(network, engines, budget.array_limit).multipliers(float("inf"))
    return InputError(f"network '{network.name}' needs at least {need:.0f} multipliers for engines "
                      f"'{engines}', {budget.name} allows {budget.array_limit}; "
                      f"allow more multipliers or fewer engines, or take a larger board")


def too_small(leanest: Plan, budget: Budget, shortage: Shortage | None) -> InputError:
    """The refusal where nothing fits; ``shortage`` is what the ``leanest`` plan lacks."""
    larger = next(_larger(leanest, budget), None)
    instead = NO_BOARD if larger is None else f"a {larger.title} would do (--board {larger.name})"
    if shortage is None:
        return InputError(f"network '{leanest.network.name}' fits {budget.name} only without any rows to "
                          f"spare, and no such plan was found; {instead}")
    return InputError(f"network '{leanest.network.name}' needs {shortage.need:,} {shortage.what}, "
                      f"{budget.name} has {shortage.has:,}: {shortage.need - shortage.has:,} are missing; "
                      f"{instead}")


def too_much_memory(network: Network, budget: Budget, external_weights: bool) -> InputError | None:
    """The refusal where all block RAMs and LUTs together do not hold the network; none if they do."""
    bits = least_bits(network, external_weights)
    need = block_rams_at_least(bits, budget)
    if budget.block_rams is None or budget.luts is None or need <= budget.block_rams:
        return None
    larger = next((board for board in _boards(budget)
                   if block_rams_at_least(bits, Budget.of(board.part, board.name)) <= board.block_rams), None)
    instead = NO_BOARD if larger is None else f"a {larger.title} has the room (--board {larger.name})"
    return InputError(f"network '{network.name}' needs at least {need:,} block RAMs for its {bits // 1024:,} "
                      f"Kbit, however many LUTs are memory too, {budget.name} has {budget.block_rams:,}: "
                      f"{need - budget.block_rams:,} are missing; {instead}")


def _boards(budget: Budget) -> list[Board]:
    """All boards, those of the same family first, the smallest first."""
    return sorted(boards().values(), key=lambda board: (board.family != budget.family, board.luts))


def _larger(leanest: Plan, budget: Budget) -> Iterator[Board]:
    """Boards on which the plan fits."""
    bits = least_bits(leanest.network, leanest.external_weights)
    for board in _boards(budget):
        on_it = Budget.of(board.part, board.name)
        if block_rams_at_least(bits, on_it) <= board.block_rams and isinstance(placed(leanest, on_it), Plan):
            yield board
