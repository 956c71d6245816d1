"""``gatecast plan``: which engines, which layers on each, and how fast that is."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

from rich.console import RenderableType

from .. import console, figures
from ..summary import plan_summary
from .command import Command, Outcome
from .options import add_budget, add_network, planned

__all__ = ["PLAN", "shown"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)


def _run(arguments: Namespace) -> Outcome:
    """Plan the network."""
    network, found = planned(arguments)
    result = plan_summary(found.plan, network)
    return Outcome(result=result, shown=shown(result))


def shown(result: dict[str, Any]) -> list[RenderableType]:
    """A plan's summary for a person."""
    cycles = result["cycles_per_inference"]
    return [
        console.table(
            f"engines for {result['network']}",
            ("engine", "kind", ">lanes", ">columns", ">group", ">multipliers", ">busy", "layers"),
            [(engine["name"], engine["kind"], engine["lanes"], engine["columns"], engine["group"],
              engine["multipliers"], figures.percent(engine["busy_cycles"] / cycles),
              ", ".join(engine["layers"])) for engine in result["engines"]]),
        console.table(
            "feature memories", ("tensor", "from", "to", ">rows", ">bytes"),
            [(region["tensor"], region["writer"], region["reader"], region["rows"],
              figures.count(region["bytes"])) for region in result["regions"]]),
        console.facts("", [
            ("cycles an inference", figures.count(cycles, 1)),
            ("cycles of the first inference", figures.count(result["latency_cycles"])),
            ("multiplications an inference", figures.count(result["macs_per_inference"])),
            ("multipliers", f"{result['multipliers']} in arrays, {result['requantizer_multipliers']} in "
                            f"requantizers"),
            ("multipliers busy", figures.percent(result["multiplier_utilization"])),
            ("bottleneck", f"{result['bottleneck']}, issuing in "
                           f"{figures.percent(result['bottleneck_utilization'])} of the cycles"),
            ("memory", f"{figures.count(-(-result['memory_bits'] // 1024))} Kbit")]),
    ]


PLAN = Command(name="plan", add=_add, run=_run,
               help="choose engines for a network and predict cycles, multipliers and memory exactly")
