"""Registers of ECP5's blocks: flip-flops beside multipliers and block RAMs move into them.

Yosys finds the blocks but never uses their registers. Unregistered, a multiplier takes 3.9 ns and a block
RAM 5.8 ns from clock to output (nextpnr's figures for speed grade 6); with them 0.7 ns and 1.0 ns. What the
netlist does stays the same: each register takes the place of flip-flops between the same two nets.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

__all__ = ["absorbed"]

# Input and output registers of MULT18X18D: the ports of each operand, and of the product.
OPERANDS = {"INPUTA": [f"A{bit}" for bit in range(18)], "INPUTB": [f"B{bit}" for bit in range(18)]}
PRODUCT = [f"P{bit}" for bit in range(36)]
# Tied to ground, which nothing needs, these cannot be routed (nextpnr issue 208).
UNUSED = ("C", "SRIA", "SRIB")

Cell = dict[str, Any]
Bit = int | str


def absorbed(netlist: str, top: str) -> str:
    """A netlist of Yosys (JSON text, flat) after ``synth_ecp5`` with such flip-flops moved into blocks.

    Moved are flip-flops without reset and enable: all of an operand, where none of its bits comes from
    elsewhere, and all behind a product or a port of a block RAM, where nothing else reads it.
    """
    document = json.loads(netlist)
    _Absorption(document["modules"][top]).run()
    return json.dumps(document)


class _Absorption:
    """The cells of a module, and what drives and reads each net."""

    def __init__(self, module: dict[str, Any]) -> None:
        self.cells: dict[str, Cell] = module["cells"]
        # Of each net that a plain flip-flop drives, the flip-flop; of each net, the ports that read it.
        self.registers: dict[Bit, str] = {}
        self.loads: dict[Bit, list[tuple[str, str]]] = defaultdict(list)
        for name, cell in self.cells.items():
            for port, bits in cell["connections"].items():
                if cell["port_directions"][port] == "input":
                    self._read(name, port, bits)
            if _plain(cell):
                self.registers[cell["connections"]["Q"][0]] = name
        for port in module["ports"].values():
            if port["direction"] != "input":
                for bit in port["bits"]:
                    self.loads[bit].append(("", "a port of the module"))

    def run(self) -> None:
        """Move all that can be moved: behind blocks first, for that never needs a copy."""
        for name, cell in [*self.cells.items()]:
            if cell["type"] == "DP16KD":
                self._ram(cell)
            elif cell["type"] == "MULT18X18D":
                self._product(name, cell)
        for name, cell in [*self.cells.items()]:
            if cell["type"] == "MULT18X18D":
                for register, ports in OPERANDS.items():
                    self._operand(name, cell, register, ports)

    def _ram(self, cell: Cell) -> None:
        """Of each port; a port of 36 bits gives its lower half at the outputs of the other one."""
        parameters = cell["parameters"]
        wide = any(int(parameters[f"DATA_WIDTH_{port}"], 2) == 36 for port in "AB")
        for side in ("AB",) if wide else ("A", "B"):
            clock = self._behind(cell, [f"DO{port}{bit}" for port in side for bit in range(18)])
            if clock is not None:
                for port in side:
                    parameters[f"REGMODE_{port}"] = "OUTREG"

    def _product(self, name: str, cell: Cell) -> None:
        for port in [*cell["connections"]]:
            if port.rstrip("0123456789") in UNUSED:
                self._disconnect(name, port)
        clock = self._behind(cell, PRODUCT)
        if clock is not None:
            self._clocked(name, cell, "OUTPUT", clock)

    def _operand(self, name: str, cell: Cell, register: str, ports: Sequence[str]) -> None:
        connections = cell["connections"]
        bits = {port: connections[port][0] for port in ports if not _constant(connections[port][0])}
        if not bits or any(bit not in self.registers for bit in bits.values()):
            return
        flip_flops = {port: self.cells[self.registers[bit]]["connections"] for port, bit in bits.items()}
        clocks = {connections["CLK0"][0]} if "CLK0" in connections else set()
        clocks |= {flip_flop["CLK"][0] for flip_flop in flip_flops.values()}
        if len(clocks) > 1:
            return
        for port, bit in bits.items():
            source = flip_flops[port]["DI"][0]
            self._disconnect(name, port)
            connections[port] = [source]
            self._read(name, port, [source])
            self._drop_unread(bit)
        self._clocked(name, cell, register, clocks.pop())

    def _behind(self, cell: Cell, ports: Sequence[str]) -> Bit | None:
        """Let the outputs ``ports`` drive what flip-flops behind them do; their clock, if that can be."""
        connections = cell["connections"]
        moves, clocks = [], set()
        for port in ports:
            loads = self.loads.get(connections.get(port, ["x"])[0], [])
            if not loads:
                continue
            (reader, reading), *others = loads
            if others or reading != "DI" or not _plain(self.cells[reader]):
                return None
            moves.append((port, reader))
            clocks.add(self.cells[reader]["connections"]["CLK"][0])
        if len(clocks) != 1:
            return None
        for port, reader in moves:
            output = self.cells[reader]["connections"]["Q"][0]
            self._remove(reader)
            connections[port] = [output]
        return clocks.pop()

    def _clocked(self, name: str, cell: Cell, register: str, clock: Bit) -> None:
        """Switch a register of a multiplier on."""
        cell["parameters"] |= {f"REG_{register}_{what}": f"{what}0" for what in ("CLK", "CE", "RST")}
        for port, bit in (("CLK0", clock), ("CE0", "1"), ("RST0", "0")):
            if port not in cell["connections"]:
                cell["connections"][port] = [bit]
                cell["port_directions"][port] = "input"
                self._read(name, port, [bit])

    def _drop_unread(self, bit: Bit) -> None:
        """Remove the flip-flop that drives a net which nothing reads any more."""
        if not self.loads[bit]:
            self._remove(self.registers[bit])

    def _remove(self, name: str) -> None:
        for port in ("CLK", "CE", "LSR", "DI"):
            if port in self.cells[name]["connections"]:
                self._disconnect(name, port)
        del self.registers[self.cells[name]["connections"]["Q"][0]]
        del self.cells[name]

    def _disconnect(self, name: str, port: str) -> None:
        cell = self.cells[name]
        if cell["port_directions"][port] == "input":
            for bit in cell["connections"][port]:
                if not _constant(bit):
                    self.loads[bit].remove((name, port))
        del cell["connections"][port]

    def _read(self, name: str, port: str, bits: Sequence[Bit]) -> None:
        for bit in bits:
            if not _constant(bit):
                self.loads[bit].append((name, port))


def _constant(bit: Bit) -> bool:
    return isinstance(bit, str)


def _plain(cell: Cell) -> bool:
    """Whether it is a flip-flop that takes its input at every rising edge of its clock, and is 0 at first."""
    if cell["type"] != "TRELLIS_FF":
        return False
    parameters, connections = cell["parameters"], cell["connections"]
    return (parameters["CLKMUX"] == "CLK" and parameters["REGSET"] == "RESET"
            and parameters["CEMUX"].strip() == "1" and connections.get("LSR", ["0"]) == ["0"])
