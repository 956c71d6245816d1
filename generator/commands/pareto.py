"""``gatecast plan --pareto``: the plans that none beats, as a table and a picture."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

from .. import console, figures
from ..errors import InputError
from ..files import check_writable, written_whole
from ..lowering import lower
from ..planner import pareto
from ..reader import read
from .command import Outcome
from .options import budget, clock_mhz, path, refuse_beside

__all__ = ["add_pareto", "compared"]

# --pareto without a file.
NO_PICTURE = object()


def add_pareto(parser: ArgumentParser) -> None:
    """--pareto."""
    parser.add_argument("--pareto", metavar="FILE", nargs="?", type=path, const=NO_PICTURE,
                        help="instead of one plan, all that no other found beats in cycles, array "
                             "multipliers, block RAMs and LUTs; FILE.svg: draw them too")


def compared(arguments: Namespace) -> Outcome:
    """Plan with ever fewer multipliers, and compare."""
    refuse_beside(arguments, "--pareto", "--plan", "--goal", "--target-fps", "--output")
    limits, clock = budget(arguments), clock_mhz(arguments)
    file: Path | None = None if arguments.pareto is NO_PICTURE else arguments.pareto
    if file is not None:
        if file.suffix.lower() != ".svg":
            raise InputError(f"{file}: found the suffix '{file.suffix}', allowed for a picture: .svg")
        check_writable(file)
    network = read(arguments.network)
    with console.working(f"planning {network.name}") as progress:
        points = pareto(lower(network), limits, engines=arguments.engines or "auto",
                        external_weights=bool(arguments.external_weights), progress=progress)
    if file is not None:
        # Imported here, because it brings the report, which takes a while.
        from ..pareto_picture import pareto_picture
        with written_whole(file) as made:
            made.write_text(pareto_picture(network.name, points), encoding="utf-8")
    result: dict[str, Any] = {
        "network": network.name, "macs_per_inference": network.macs, "clock_mhz": clock,
        "points": [{
            "cycles_per_inference": point.cycles, "multipliers": point.multipliers, "dsps": point.dsps,
            "block_rams": point.block_rams, "luts": point.luts,
            "inferences_per_second": None if clock is None else clock * 1e6 / point.cycles,
            "plan": point.plan.to_json()} for point in points],
        "picture": None if file is None else str(file)}
    rates = () if clock is None else (f">frames/s at {clock:g} MHz",)
    table = console.table(
        f"plans for {network.name} that no other found beats",
        (">cycles", *rates, ">multipliers", ">DSPs", ">block RAMs", ">LUTs", ">engines"),
        [(figures.count(point.cycles, 1),
          *([] if clock is None else [figures.count(clock * 1e6 / point.cycles, 1)]),
          point.multipliers, point.dsps, point.block_rams, figures.count(point.luts), len(point.plan.engines))
         for point in points])
    shown = [table] if file is None else [table, console.facts("", [("picture", file)])]
    return Outcome(result=result, shown=shown)
