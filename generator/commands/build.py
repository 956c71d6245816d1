"""``gatecast build``: all of ``generate``, and the bitstream for a board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from rich.console import RenderableType

from .. import console, figures
from ..folder import check_replaceable
from ..summary import plan_summary
from ..targets import DEFAULT_BOARD, check_builds, check_tools, find_board
from . import trials
from .command import Command, Outcome
from .generate import add_output, tried
from .options import add_budget, add_network, goal, planned, positive
from .plan import shown

__all__ = ["BUILD"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_output(parser)
    add_budget(parser, family=False)
    parser.add_argument("--baud", metavar="N", type=positive,
                        help="speed of the serial line (default: 1000000)")
    parser.add_argument("--seeds", metavar="N", type=positive,
                        help="placements to try until one meets the clock (default: 3)")
    trials.add_inputs(parser)
    trials.add_simulator(parser)


def _run(arguments: Namespace) -> Outcome:
    """Plan, simulate where asked to, build."""
    # What is refused is refused before anything slow starts.
    check_replaceable(arguments.output)
    board = find_board(arguments.board or DEFAULT_BOARD)
    check_builds(board)
    check_tools(board)
    network, found = planned(arguments)
    plan = found.plan
    result: dict[str, Any] = plan_summary(plan, network, found=found, part=board.part,
                                          goal=goal(arguments))
    parts: list[RenderableType] = shown(result)
    trial = tried(arguments, network, plan)
    if trial is not None:
        result["simulation"] = trials.result(trial)
        parts.append(trials.facts(trial))
        if trial.failures:
            return Outcome(result=result, shown=parts, failure="; ".join(trial.failures))
    # Imported here, because it brings synthesis and the report, which take a while.
    from ..board_run import link_rate
    from ..delivery import DEFAULT_BAUD, DEFAULT_SEEDS, REPORT, build
    with console.steps(f"building {network.name} for {board.name}") as progress:
        built = build(plan, arguments.output, board=board, network=network, found=found, trial=trial,
                      clock_hz=None if arguments.clock is None else arguments.clock * 1e6,
                      baud=arguments.baud or DEFAULT_BAUD, seeds=arguments.seeds or DEFAULT_SEEDS,
                      progress=progress)
    rate = built.clock_hz / result["cycles_per_inference"]
    link = min(rate, link_rate(plan, built.baud))
    used = built.resources
    result |= {
        "board": board.name, "clock_mhz": built.clock_mhz, "fmax_mhz": built.fmax_mhz,
        "fmax_mhz_of_seeds": built.tried, "longest_path": built.slowest,
        "latency_seconds": result["latency_cycles"] / built.clock_hz,
        "inferences_per_second": round(rate, 1), "link_inferences_per_second": round(link, 1),
        "luts": used.luts, "ffs": used.ffs, "dsps": used.dsps, "brams": used.brams, "baud": built.baud,
        "seconds": {step: round(seconds, 3) for step, seconds in built.seconds.items()},
        "bitstream": str(built.bitstream), "folder": str(arguments.output),
        "report": str(arguments.output / REPORT),
    }
    parts += [
        console.table(f"resources of {board.title}", ("", ">used", ">of", ">share"), [
            (name, figures.count(have), figures.count(of), figures.percent(have / of) if of else "-")
            for name, have, of in (
                ("LUTs", used.luts, board.luts), ("flip-flops", used.ffs, board.ffs),
                ("multipliers", used.dsps, board.multipliers),
                ("block RAMs", used.brams, board.block_rams))]),
        console.facts("", [
            ("clock", f"{built.clock_mhz:.2f} MHz"),
            ("reached by seeds", ", ".join(f"{fmax:.2f} MHz" for fmax in built.tried.values())),
            ("longest path", built.slowest),
            ("inferences a second", f"{figures.count(int(rate))} in the accelerator, at most "
                                    f"{figures.count(int(link))} over the serial line"),
            ("bitstream", built.bitstream), ("report", result["report"]),
            ("next", f"gatecast program {arguments.output}")]),
    ]
    return Outcome(result=result, shown=parts)


BUILD = Command(name="build", add=_add, run=_run,
                help="generate, then synthesize, place and route for a board: to the bitstream")
