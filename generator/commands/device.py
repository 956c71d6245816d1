"""``gatecast program`` and ``gatecast run``: a build on its board."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from gatecast.networks import shipped

from .. import console, figures
from ..lowering import lower
from ..network import Network
from ..reader import read
from ..targets import find_board
from . import trials
from .command import Command, Outcome
from .options import path

__all__ = ["PROGRAM", "RUN"]


def _add_program(parser: ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--flash", action="store_true", help="keep it when power goes")


def _add_run(parser: ArgumentParser) -> None:
    _add_folder(parser)
    parser.add_argument("--port", metavar="PORT", required=True, help="serial port, such as /dev/ttyUSB0")
    trials.add_inputs(parser)


def _add_folder(parser: ArgumentParser) -> None:
    parser.add_argument("folder", metavar="DIR", type=path, help="folder that `gatecast build` wrote")


def _program(arguments: Namespace) -> Outcome:
    """Load the bitstream."""
    # Imported here, like all that brings synthesis, because it takes a while.
    from ..programming import program
    from ..settings import read_settings
    folder: Path = arguments.folder
    board = find_board(read_settings(folder).board)
    program(folder, board, flash=arguments.flash)
    return Outcome(result={"board": board.name, "folder": str(folder), "flash": arguments.flash},
                   shown=[console.facts("", [("programmed", board.title)])])


def _run(arguments: Namespace) -> Outcome:
    """Send inputs, receive outputs, compare."""
    from ..board_run import run
    from ..network_file import load_network
    network = load_network(arguments.folder)
    name = network.name
    frames, labels = trials.inputs(arguments, name if _is_shipped(network) else "")
    with console.counting(f"running {name}", len(frames) if frames.ndim else 0) as progress:
        ran = run(arguments.folder, arguments.port, frames, labels=labels, progress=progress)
    line = ran.statistics
    result: dict[str, Any] = {
        "network": name, "inferences": len(ran.outputs), "mismatches": ran.golden.mismatches,
        "seconds": round(ran.seconds, 3), "inferences_per_second": round(ran.inferences_per_second, 1),
        "sent": line.sent, "lost": line.lost, "refused": line.refused, "damaged": line.damaged}
    pairs = [
        ("inferences", f"{figures.count(len(ran.outputs))} in {ran.seconds:.2f} s, "
                       f"{figures.count(int(ran.inferences_per_second))} a second"),
        ("golden model", str(ran.golden)),
        ("serial line", f"{line.sent} packets sent, of them {line.lost} lost and {line.refused} refused; "
                        f"{line.damaged} answers damaged")]
    if ran.accuracy is not None:
        result["accuracy"] = ran.accuracy
        pairs.append(("accuracy", figures.percent(ran.accuracy, 2)))
    return Outcome(result=result, shown=[console.facts("", pairs)],
                   failure=str(ran.golden) if ran.golden.mismatches else None)


def _is_shipped(network: Network) -> bool:
    """Whether a lowered network is the shipped one of its name, whose test images fit it then."""
    return network.name in shipped() and network == lower(read(network.name))


PROGRAM = Command(name="program", add=_add_program, run=_program,
                  help="load the bitstream of a build into its board")
RUN = Command(name="run", add=_add_run, run=_run,
              help="run inputs on the board and compare with the golden model")
