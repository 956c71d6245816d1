"""Replicas: a flip-flop whose readers are many gets copies, each for some readers of one engine.

A reset or a mark that one flip-flop gives to an engine, or to engines all over the chip, takes 5 to 8 ns to
reach them. Copies with the same input change in the same cycle. Where they stand behind a delay, that is
copied too, so that the way to them has several hops, but for its first register: behind logic there would be
a long way to each copy.

Delays of a constant, such as a bit that all parameters of a requantizer share, are equal in all engines, and
Yosys makes one of them: each engine gets its own again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from .critical_path import ACCELERATOR
from .netlist import Bit, Netlist

__all__ = ["replicate"]

# Readers that are worth copies, readers of each, and flip-flops of a delay that are copied with the last.
MANY, EACH, HOPS = 80, 40, 2
# What is copied: the inputs that say what it gives in the long run, its output.
DATA = {"TRELLIS_FF": ("DI", "CE", "LSR"), "LUT4": ("A", "B", "C", "D")}
OUTPUT = {"TRELLIS_FF": "Q", "LUT4": "Z"}


def replicate(netlist: Netlist) -> None:
    """Add copies of such flip-flops to a flat netlist after ``synth_ecp5``."""
    for name in reversed(_constants(netlist)):
        _copied(netlist, name)
    for name in [*netlist.cells]:
        cell = netlist.cells.get(name)
        if cell and cell["type"] == "TRELLIS_FF" and len(netlist.loads[netlist.bit(name, "Q")]) >= MANY:
            copies = _copied(netlist, name)
            for _ in range(HOPS):
                before = _register_before(netlist, copies[0]) if copies else ""
                if not before or not _register_before(netlist, before):
                    break
                copies = _copied_for(netlist, before, [[(copy, "DI")] for copy in copies])


def _constants(netlist: Netlist) -> list[str]:
    """Flip-flops and LUTs that give the same from some cycle on, for ever; each before those that read it."""
    waiting = [name for name, cell in netlist.cells.items() if cell["type"] in OUTPUT]
    found = dict[Bit, str]()
    while waiting:
        name = waiting.pop()
        cell = netlist.cells[name]
        output = _output(netlist, name)
        data = [netlist.bit(name, port) for port in DATA[cell["type"]]]
        if output not in found and all(isinstance(bit, str) or bit in found for bit in data):
            found[output] = name
            waiting += [load for load, _ in netlist.loads[output]
                        if load and netlist.cells[load]["type"] in OUTPUT]
    return [*found.values()]


def _register_before(netlist: Netlist, name: str) -> str:
    """The flip-flop whose output a flip-flop takes; "" where that is of something else."""
    source, _ = netlist.drivers.get(netlist.bit(name, "DI"), ("", ""))
    return source if source and netlist.cells[source]["type"] == "TRELLIS_FF" else ""


def _copied(netlist: Netlist, name: str) -> list[str]:
    """Give each group of a cell's readers its own copy, where there are several groups; their names."""
    # Ports of the module keep the original, as do readers in no part.
    readers = [load for load in netlist.loads[_output(netlist, name)] if _part(load[0])]
    groups = _neighbours(readers)
    return _copied_for(netlist, name, groups) if len(groups) > 1 else []


def _neighbours(readers: Sequence[tuple[str, str]]) -> list[list[tuple[str, str]]]:
    """Readers in groups: of one part of the design each, and with names that are near each other."""
    by_part: dict[str, list[tuple[str, str]]] = {}
    for reader in sorted(readers, key=lambda load: [
            (int(word), "") if word.isdigit() else (0, word) for word in re.split(r"(\d+)", load[0])]):
        by_part.setdefault(_part(reader[0]), []).append(reader)
    return [group[first:first + EACH] for group in by_part.values() for first in range(0, len(group), EACH)]


def _copied_for(netlist: Netlist, name: str, groups: Sequence[Sequence[tuple[str, str]]]) -> list[str]:
    """Give each of these groups its own copy of a flip-flop or LUT, in the group's part; their names."""
    original, source = netlist.cells[name], _output(netlist, name)
    copies = []
    for group in groups:
        output = netlist.net()
        copies.append(f"{_part(group[0][0])}{name.removeprefix(_part(name))}_copy_{output}")
        netlist.add(copies[-1], {
            **original, "parameters": dict(original["parameters"]),
            "port_directions": dict(original["port_directions"]),
            "connections": {**{port: [*bits] for port, bits in original["connections"].items()},
                            OUTPUT[original["type"]]: [output]}})
        for reader, port in group:
            netlist.rewire(reader, port, source, output)
    if not netlist.loads[source]:
        netlist.remove(name)
    return copies


def _output(netlist: Netlist, name: str) -> Bit:
    return netlist.bit(name, OUTPUT[netlist.cells[name]["type"]])


def _part(cell: str) -> str:
    """How the names of all cells begin that lie in the same engine, memory or link."""
    _, dot, rest = cell.removeprefix(ACCELERATOR).partition(".")
    return cell.removesuffix(rest) if dot else ""
