"""What networks reach on a real chip: planned, placed and routed, at the clock that the bitstream has.

    python benchmarks/placed.py NETWORK[@BOARD[@MULTIPLIERS[@MHZ]]] ... [--seeds N] [--kept FOLDER]
        [--write FILE.md]

For each network (a file, or the name of a shipped one): the fastest plan within the board (by default that of
`gatecast build`) and so many array multipliers (by default what `gatecast build` allows; beyond the board's
DSPs they are made of LUTs), its bitstream with the serial port of the board, at the clock wanted, by default
what `gatecast build` takes. Inferences a second are that clock / the cycles of an inference, which are those
of the simulated hardware (efficiency.md). Beside the clock is what the placements of all seeds reached, each
for the clock in the row. LUTs, flip-flops, multipliers and block RAMs are those that nextpnr used, the serial
port included; seconds those of the wall when the bitstream was made, nothing of it taken from a cache. Rows
are kept with their seconds, in build/benchmarks or the folder named, and made again only where hardware or
tools have changed.
"""

from __future__ import annotations

import ast
import math
import os
import tempfile
import time
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import metadata, resources
from pathlib import Path
from typing import Any
from unittest.mock import patch

import tables

import gatecast
from gatecast import synthesis, toolbox, verilog
from gatecast.boards import Board
from gatecast.errors import GatecastError, InputError
from gatecast.targets import DEFAULT_BOARD, TOOLS, check_builds, find_board

COLUMNS = ("network", "board", "array multipliers", "engines", "cycles", "MHz", "seeds reached MHz",
           "inferences/s", "LUTs", "flip-flops", "DSPs", "block RAMs", "longest path",
           "plan s", "elaborate s", "synthesize s", "route s", "pack s")
ROW = "NETWORK[@BOARD[@MULTIPLIERS[@MHZ]]]"
STEPS = ("elaborate", "synthesize", "route", "pack")
# All that makes a bitstream from an accelerator beside the tools: packages, and our own sources.
PACKAGES = ("amaranth", "amaranth-boards")
SOURCES = {
    "gatecast": ("critical_path", "ecp5_", "flow", "ice40_", "names", "netlist", "placement", "synthesis"),
    "gatecast.boards": ("",), "gatecast.hdl": ("",)}


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table."""

    network: str
    multipliers: int | None
    mhz: float | None
    board: str
    seeds: int
    kept: Path


def placed(task: Task) -> tables.Row:
    """Plan and build."""
    network, lowered = tables.networks(task.network)
    board = find_board(task.board)
    began = time.monotonic()
    try:
        plan = gatecast.search(lowered, gatecast.budget(task.board, multipliers=task.multipliers)).plan
    except InputError as refusal:
        return [network.name, task.board, *[""] * (len(COLUMNS) - 3), f"refused: {refusal}"]
    plan_seconds = time.monotonic() - began
    cycles = gatecast.predict(plan).cycles_per_inference
    need = gatecast.resources(plan, board.family)
    known = [network.name, task.board, f"{need.multipliers:,}", str(len(plan.engines)),
             f"{cycles:,.1f}".removesuffix(".0")]
    try:
        built = tables.kept([
            verilog.convert_rtlil(gatecast.elaborate(plan), "accelerator"), board.name, str(task.seeds),
            str(task.mhz), versions([board.family]), *sources()], lambda: made(plan, board, task), task.kept)
    except GatecastError as refusal:
        return [*known, *[""] * (len(COLUMNS) - len(known) - 1), f"not built: {refusal}"]
    clock_mhz = built["clock_mhz"]
    return [*known, f"{clock_mhz:g}", ", ".join(f"{fmax:.1f}" for fmax in built["tried"]),
            f"{clock_mhz * 1e6 / cycles:,.0f}", tables.counted(built["luts"], board.luts),
            tables.counted(built["ffs"], board.ffs), tables.counted(built["dsps"], board.multipliers),
            tables.counted(built["brams"], board.block_rams), built["slowest"], f"{plan_seconds:.0f}",
            *(f"{seconds:.0f}" for seconds in built["seconds"])]


def made(plan: gatecast.Plan, board: Board, task: Task) -> dict[str, Any]:
    """Build, and say what came of it."""
    with tempfile.TemporaryDirectory() as folder, patch.dict(os.environ, GATECAST_CACHE=f"{folder}/cache"):
        built = synthesis.build(gatecast.elaborate(plan), board, Path(folder), seeds=task.seeds,
                                clock_hz=None if task.mhz is None else task.mhz * 1e6)
    return {"clock_mhz": built.clock_mhz, "tried": list(built.tried.values()), "slowest": built.slowest,
            "seconds": [built.seconds[step] for step in STEPS],
            **{what: getattr(built.resources, what) for what in ("luts", "ffs", "dsps", "brams")}}


def versions(families: Iterable[str]) -> str:
    """Of the tools for these families, and of the packages that describe boards to them."""
    names = dict.fromkeys(name for family in families for name in TOOLS[family])
    return ", ".join([*(f"{name} {toolbox.require(name, 'this benchmark').version}" for name in names),
                      *(f"{name} {metadata.version(name)}" for name in PACKAGES)])


def sources() -> Iterator[str]:
    """What the tools are called by, and what lies around an accelerator."""
    for package, names in SOURCES.items():
        for file in sorted(resources.files(package).iterdir(), key=lambda file: file.name):
            if file.is_file() and file.name.startswith(names):
                yield code(file.read_text()) if file.name.endswith(".py") else file.read_text()


def code(text: str) -> str:
    """A Python source without comments and docstrings, which change no bitstream."""
    tree = ast.parse(text)
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and ast.get_docstring(node):
            del node.body[0]
    return ast.dump(tree)


def read_task(text: str, seeds: int, kept: Path) -> Task:
    """The task that ``NETWORK[@BOARD[@MULTIPLIERS[@MHZ]]]`` says."""
    network, board, multipliers, mhz, *more = [*text.split("@"), "", "", ""]
    chosen = find_board(board or DEFAULT_BOARD)
    check_builds(chosen)
    try:
        limit, clock = int(multipliers or 1), float(mhz or 1)
        if any(more) or limit < 1 or not 0 < clock < math.inf:
            raise ValueError
    except ValueError:
        raise InputError(f"a row must be {ROW}, with positive numbers, not '{text}'") from None
    return Task(network=network, board=chosen.name, multipliers=limit if multipliers else None,
                mhz=clock if mhz else None, seeds=seeds, kept=kept)


def main() -> None:
    """Make the table."""
    parser = tables.parser(__doc__ or "")
    parser.add_argument("rows", nargs="+", metavar=ROW)
    parser.add_argument("--seeds", type=tables.positive, default=3, metavar="N",
                        help="placements to try for a clock (default: %(default)s)")
    parser.add_argument("--kept", type=Path, default=tables.KEPT, metavar="FOLDER",
                        help="where rows are kept (default: %(default)s)")
    # A row already runs as many placements at once as there are cores.
    parser.set_defaults(jobs=1)
    arguments = parser.parse_args()
    tasks = [read_task(row, arguments.seeds, arguments.kept) for row in arguments.rows]
    tables.check_networks(task.network for task in tasks)
    used = versions(find_board(task.board).family for task in tasks)
    rows = tables.made(COLUMNS, placed, tasks, arguments)
    tables.write("Networks placed and routed", __doc__ or "", [
        f"Synthesis, placement and bitstream: {used}.", "", *tables.lines(COLUMNS, rows)], arguments)


if __name__ == "__main__":
    tables.run(main)
