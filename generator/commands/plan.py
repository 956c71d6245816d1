"""``gatecast plan``: which engines, which layers on each, how fast that is, and why not faster."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace

from ..errors import InputError
from ..files import check_writable
from ..plan_file import write_plan
from ..summary import plan_summary
from ..targets import DEFAULT_BOARD, find_board, find_part
from .command import Command, Outcome
from .options import add_budget, add_network, clock_mhz, goal, path, planned
from .pareto import add_pareto, compared
from .plan_tables import shown

__all__ = ["PLAN", "shown"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)
    add_pareto(parser)
    parser.add_argument("-o", "--output", metavar="FILE", type=path,
                        help=".json: write the plan there too, for --plan")


def _run(arguments: Namespace) -> Outcome:
    """Plan the network."""
    if arguments.pareto is not None:
        return compared(arguments)
    if arguments.output is not None:
        if arguments.output.suffix.lower() != ".json":
            raise InputError(f"{arguments.output}: found the suffix '{arguments.output.suffix}', allowed for "
                             f"a plan: .json")
        check_writable(arguments.output)
    network, found = planned(arguments, to_build=False)
    part = (find_board(arguments.board or DEFAULT_BOARD).part if arguments.family is None
            else find_part(arguments.family))
    result = plan_summary(found.plan, network, found=found, part=part, goal=goal(arguments),
                          clock_mhz=clock_mhz(arguments))
    result["plan"] = found.plan.to_json()
    if arguments.output is not None:
        write_plan(found.plan, arguments.output)
    return Outcome(result=result, shown=shown(result))


PLAN = Command(name="plan", add=_add, run=_run,
               help="choose engines for a network and predict cycles, multipliers and memory exactly")
