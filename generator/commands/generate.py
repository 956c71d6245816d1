"""``gatecast generate``: Verilog and all that belongs to it, in one folder."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from rich.console import RenderableType

from .. import console, flow
from ..errors import InputError
from ..folder import check_replaceable
from ..network import Network
from ..planner import Plan
from ..summary import plan_summary
from ..targets import DEFAULT_BOARD, find_board, find_part
from . import trials
from .command import Command, Outcome
from .options import add_budget, add_network, clock_mhz, goal, path, planned
from .plan import shown

__all__ = ["GENERATE", "add_output", "tried"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_output(parser)
    add_budget(parser)
    trials.add_inputs(parser)
    trials.add_simulator(parser)


def add_output(parser: ArgumentParser) -> None:
    """-o."""
    parser.add_argument("-o", "--output", metavar="DIR", type=path, required=True,
                        help="folder to write; it is replaced as a whole if Gatecast wrote it before")


def tried(arguments: Namespace, network: Network, plan: Plan) -> flow.Trial | None:
    """A simulation, where the options name inputs or frames; one that fails leaves no folder behind."""
    if arguments.inputs is None and arguments.frames is None:
        if arguments.labels is not None:
            raise InputError("found --labels without --inputs, allowed: --inputs FILE or --frames N with it")
        return None
    return trials.try_out(arguments, network, plan)


def _run(arguments: Namespace) -> Outcome:
    """Plan, simulate where asked to, write."""
    # A taken folder is said before anything slow starts.
    check_replaceable(arguments.output)
    network, found = planned(arguments)
    plan = found.plan
    board = None if arguments.family else find_board(arguments.board or DEFAULT_BOARD)
    part = find_part(arguments.family) if board is None else board.part
    result: dict[str, Any] = plan_summary(plan, network, found=found, part=part,
                                          goal=goal(arguments), clock_mhz=clock_mhz(arguments))
    parts: list[RenderableType] = shown(result)
    trial = tried(arguments, network, plan)
    if trial is not None:
        result["simulation"] = trials.result(trial)
        parts.append(trials.facts(trial))
        if trial.failures:
            return Outcome(result=result, shown=parts, failure="; ".join(trial.failures))
    # Imported here, because it brings synthesis and the report, which take a while.
    from ..delivery import REPORT, generate
    with console.steps(f"generating {network.name}") as progress:
        generate(plan, arguments.output, network=network, found=found, board=board, trial=trial,
                 progress=progress)
    result |= {"folder": str(arguments.output), "report": str(arguments.output / REPORT)}
    parts.append(console.facts("", [("folder", arguments.output), ("report", arguments.output / REPORT)]))
    return Outcome(result=result, shown=parts)


GENERATE = Command(name="generate", add=_add, run=_run,
                   help="write the Verilog, the plan, the driver settings and the report into a folder")
