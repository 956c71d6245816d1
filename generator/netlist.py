"""A flat netlist of Yosys as a graph: its cells, what drives each net and what reads it."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Sequence
from typing import Any

__all__ = ["Bit", "Cell", "Netlist"]

Cell = dict[str, Any]
# The number of a net, or the text of a constant.
Bit = int | str


class Netlist:
    """One module of a netlist, as Yosys' ``write_json`` writes it, whose cells can be changed.

    Parameters
    ----------
    text : str
        The netlist.
    top : str
        Name of the module; others, such as the empty ones that stand for cells, are dropped.

    Attributes
    ----------
    cells : dict of str to cell
        By name.
    drivers : dict of net to (cell, port)
        Of nets that an output drives; those of ports of the module are missing.
    loads : dict of net to dict of (cell, port)
        Readers of each net, in order; one without a cell is a port of the module.
    """

    def __init__(self, text: str, top: str) -> None:
        module = json.loads(text)["modules"][top]
        self._document = {"modules": {top: module}}
        self.cells: dict[str, Cell] = module["cells"]
        self._next = 1 + max((bit for cell in self.cells.values() for bits in cell["connections"].values()
                              for bit in bits if not isinstance(bit, str)), default=1)
        self.drivers: dict[Bit, tuple[str, str]] = {}
        self.loads: dict[Bit, dict[tuple[str, str], None]] = defaultdict(dict)
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                self._note(name, cell, port, bits)
        for port in module["ports"].values():
            if port["direction"] != "input":
                for bit in port["bits"]:
                    self.loads[bit]["", "a port of the module"] = None

    def text(self) -> str:
        """The netlist as it is now."""
        return json.dumps(self._document)

    def types(self) -> Counter[str]:
        """How many cells of each type there are."""
        return Counter(cell["type"] for cell in self.cells.values())

    def bit(self, name: str, port: str) -> Bit:
        """The first net at a port of a cell, or the constant there; "x" where nothing is."""
        bits: Sequence[Bit] = self.cells[name]["connections"].get(port, ())
        return bits[0] if bits else "x"

    def net(self) -> Bit:
        """A new net."""
        self._next += 1
        return self._next - 1

    def add(self, name: str, cell: Cell) -> None:
        """A new cell."""
        self.cells[name] = cell
        for port, bits in cell["connections"].items():
            self._note(name, cell, port, bits)

    def connect(self, name: str, port: str, bit: Bit, direction: str | None = None) -> None:
        """Let a port of one bit have this net, in place of any other; ``direction`` is that of a new port."""
        cell = self.cells[name]
        if direction is not None:
            cell["port_directions"][port] = direction
        self.disconnect(name, port)
        cell["connections"][port] = [bit]
        self._note(name, cell, port, [bit])

    def connect_all(self, name: str, port: str, bits: Sequence[Bit]) -> None:
        """Let a port of any number of bits have these nets."""
        cell = self.cells[name]
        self.disconnect(name, port)
        cell["connections"][port] = [*bits]
        self._note(name, cell, port, bits)

    def rewire(self, name: str, port: str, old: Bit, new: Bit) -> None:
        """Let an input of a cell read a net in place of another, at all of its bits that do."""
        bits = self.cells[name]["connections"][port]
        bits[:] = [new if bit == old else bit for bit in bits]
        del self.loads[old][name, port]
        self.loads[new][name, port] = None

    def disconnect(self, name: str, port: str) -> None:
        """Let a port of a cell have nothing."""
        cell = self.cells[name]
        for bit in cell["connections"].pop(port, ()):
            if isinstance(bit, str):
                continue
            # A net may be at several bits of a port.
            if cell["port_directions"][port] == "input":
                self.loads[bit].pop((name, port), None)
            else:
                self.drivers.pop(bit, None)

    def remove(self, name: str) -> None:
        """Take a cell out."""
        for port in [*self.cells[name]["connections"]]:
            self.disconnect(name, port)
        del self.cells[name]

    def _note(self, name: str, cell: Cell, port: str, bits: Sequence[Bit]) -> None:
        for bit in bits:
            if isinstance(bit, str):
                continue
            if cell["port_directions"][port] == "input":
                self.loads[bit][name, port] = None
            else:
                self.drivers[bit] = name, port
