"""Replicas: a flip-flop that much of a design reads gets copies, each for some readers near each other.

A reset or a mark that one flip-flop gives to an engine, or to engines all over the chip, takes 5 to 8 ns to
reach them. Copies with the same input change in the same cycle. Where they stand behind a delay, that is
copied too, so that the way to them has several hops, but for its first register: behind logic there would be
a long way to each copy.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .critical_path import ACCELERATOR
from .netlist import Netlist

__all__ = ["replicate"]

# Readers that are worth copies, readers of each, and flip-flops of a delay that are copied with the last.
MANY, EACH, HOPS = 80, 40, 2


def replicate(netlist: Netlist) -> None:
    """Add copies of such flip-flops to a flat netlist after ``synth_ecp5``."""
    for name in [*netlist.cells]:
        cell = netlist.cells.get(name)
        if cell and cell["type"] == "TRELLIS_FF" and len(netlist.loads[netlist.bit(name, "Q")]) >= MANY:
            # Ports of the module keep the original, as do readers in no part.
            readers = [load for load in netlist.loads[netlist.bit(name, "Q")] if _part(load[0])]
            groups = _neighbours(readers)
            if len(groups) < 2:
                continue
            copies = _copied(netlist, name, groups)
            for _ in range(HOPS):
                before = _register_before(netlist, copies[0])
                if not before or not _register_before(netlist, before):
                    break
                copies = _copied(netlist, before, [[(copy, "DI")] for copy in copies])


def _register_before(netlist: Netlist, name: str) -> str:
    """The flip-flop whose output a flip-flop takes; "" where that is of something else."""
    source, _ = netlist.drivers.get(netlist.bit(name, "DI"), ("", ""))
    return source if source and netlist.cells[source]["type"] == "TRELLIS_FF" else ""


def _neighbours(readers: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Readers in groups: of one part of the design each, and with names that are near each other."""
    by_part: dict[str, list[tuple[str, str]]] = {}
    for reader in sorted(readers, key=lambda load: [
            (int(word), "") if word.isdigit() else (0, word) for word in re.split(r"(\d+)", load[0])]):
        by_part.setdefault(_part(reader[0]), []).append(reader)
    return [group[first:first + EACH] for group in by_part.values() for first in range(0, len(group), EACH)]


def _copied(netlist: Netlist, name: str, groups: Sequence[Sequence[tuple[str, str]]]) -> list[str]:
    """Give each group of readers its own copy of a flip-flop; their names."""
    original, source = netlist.cells[name], netlist.bit(name, "Q")
    copies = []
    for group in groups:
        output = netlist.net()
        copies.append(f"{name}_copy_{output}")
        netlist.add(copies[-1], {
            **original, "parameters": dict(original["parameters"]),
            "port_directions": dict(original["port_directions"]),
            "connections": {**{port: [*bits] for port, bits in original["connections"].items()},
                            "Q": [output]}})
        for reader, port in group:
            netlist.rewire(reader, port, source, output)
    if not netlist.loads[source]:
        netlist.remove(name)
    return copies


def _part(cell: str) -> str:
    """The engine, memory or link that a cell lies in."""
    part, _, rest = cell.removeprefix(ACCELERATOR).partition(".")
    return part if rest else ""
