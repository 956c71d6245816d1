"""Replicas: a flip-flop that many parts of a design read gets a copy in each of them.

A reset that one flip-flop gives to engines all over the chip takes 5 ns and more to reach them. Copies with the
same input change in the same cycle, near their readers, and only their inputs have a long way.
"""

from __future__ import annotations

from .critical_path import ACCELERATOR
from .netlist import Netlist

__all__ = ["replicate"]

# Readers in several parts that are worth a copy each.
MANY = 100


def replicate(netlist: Netlist) -> None:
    """Add copies of such flip-flops to a flat netlist after ``synth_ecp5``."""
    for name, cell in [*netlist.cells.items()]:
        if cell["type"] == "TRELLIS_FF" and len(netlist.loads[netlist.bit(name, "Q")]) >= MANY:
            _spread(netlist, name)


def _spread(netlist: Netlist, name: str) -> None:
    """Give each part but the first its own copy."""
    source = netlist.bit(name, "Q")
    readers: dict[str, list[tuple[str, str]]] = {}
    for reader, port in netlist.loads[source]:
        # Ports of the module, and what lies outside of all parts, keep the original.
        readers.setdefault(_part(reader) if reader else "", []).append((reader, port))
    original = netlist.cells[name]
    for part in [*readers][1:]:
        if not part:
            continue
        output = netlist.net()
        netlist.add(f"{name}_for_{part}", {
            **original, "parameters": dict(original["parameters"]),
            "port_directions": dict(original["port_directions"]),
            "connections": {**original["connections"], "Q": [output]}})
        for reader, port in readers[part]:
            netlist.rewire(reader, port, source, output)


def _part(cell: str) -> str:
    """The engine, memory or link that a cell lies in."""
    part, _, rest = cell.removeprefix(ACCELERATOR).partition(".")
    return part if rest else ""
