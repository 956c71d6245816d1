"""The critical path: what keeps the clock of a routed design from being higher, in the words of the plan."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = ["ACCELERATOR", "critical_path", "where"]

# What Yosys hangs on to the name of the nearest net to name a cell.
_CELL = re.compile(r"(\$\d+)?_(TRELLIS_\w+|LUT4|CCU2C|PFUMX|L6MUX21|MULT18X18D|DP16KD|SB_\w+)(_.*)?$")
# Where the accelerator lies in the top of a board.
ACCELERATOR = "design.accelerator."


def _steps(report: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """The longest path from clock edge to clock edge in a JSON report of nextpnr; none if there is none."""
    for path in report["critical_paths"]:
        if path["from"] == path["to"] and path["from"].startswith("posedge"):
            return list(path["path"])
    return []


def critical_path(report: Mapping[str, Any]) -> str:
    """Describe the longest path from clock edge to clock edge, one step a line; "" where there is none."""
    lines, total = [], 0.0
    for step in _steps(report):
        total += step["delay"]
        # Of the names that Yosys makes the front part is what the design calls it.
        name = step["net"] if step["type"] == "routing" else step["to"]["cell"]
        lines.append(f"{step['delay']:6.2f} {total:6.2f} ns  {step['type']:<9} {name}")
    return "\n".join(lines)


def where(report: Mapping[str, Any], parts: Mapping[str, str]) -> str:
    """Say between which registers the longest path lies; "" where there is none.

    ``parts`` says what a person calls the modules of the accelerator, by their names: ``engine_0`` may be
    "engine 0 (conv_1, conv_2)". What lies around the accelerator is called by its own names.
    """
    steps = _steps(report)
    if not steps:
        return ""
    (first, start), (last, end) = (_place(step["to"]["cell"], parts) for step in (steps[0], steps[-1]))
    if first == last:
        return f"in {first}, from {start} to {end}"
    return f"from {first}, {start}, to {last}, {end}"


def _place(cell: str, parts: Mapping[str, str]) -> tuple[str, str]:
    """The part of the design that a cell lies in, and what it is called there."""
    inside = cell.startswith(ACCELERATOR)
    module, _, name = cell.removeprefix(ACCELERATOR).removeprefix("design.").partition(".")
    if not name:
        module, name = "the accelerator" if inside else "the top of the board", module
    return parts.get(module, module), _CELL.sub("", name)
