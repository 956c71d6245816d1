"""``gatecast plan``: which engines, which layers on each, how fast that is, and why not faster."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..summary import plan_summary
from ..targets import DEFAULT_BOARD, find_board, find_part
from .command import Command, Outcome
from .options import add_budget, add_network, planned
from .plan_tables import shown

__all__ = ["PLAN", "shown"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)


def _run(arguments: Namespace) -> Outcome:
    """Plan the network."""
    network, found = planned(arguments)
    part = (find_board(arguments.board or DEFAULT_BOARD).part if arguments.family is None
            else find_part(arguments.family))
    result = plan_summary(found.plan, network, found=found, part=part)
    return Outcome(result=result, shown=shown(result))


PLAN = Command(name="plan", add=_add, run=_run,
               help="choose engines for a network and predict cycles, multipliers and memory exactly")
