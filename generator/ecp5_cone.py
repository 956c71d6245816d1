"""A cone of logic between outputs of blocks and flip-flops, and its retiming: those move before it."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from .netlist import Bit, Cell, Netlist

__all__ = ["Cone"]

# Output of each cell that may be in a cone.
LOGIC = {"LUT4": "Z", "PFUMX": "Z", "L6MUX21": "Z"}
# Inputs that are wired to another cell of the same slice: no flip-flop can stand before them.
WIRED = ("ALUT", "BLUT", "D0", "D1")


class Cone:
    """All logic that outputs of blocks go through on their way to flip-flops.

    Attributes
    ----------
    cells : dict
        Names of the lookup tables and multiplexers, in the order in which they were reached.
    ends : dict
        Names of the flip-flops.
    """

    def __init__(self, netlist: Netlist) -> None:
        self.netlist = netlist
        self.cells: dict[str, None] = {}
        self.ends: dict[str, None] = {}

    @staticmethod
    def free(cell: Cell) -> bool:
        """Whether it is a flip-flop at rising edges that has no reset and is 0 at first."""
        if cell["type"] != "TRELLIS_FF":
            return False
        parameters = cell["parameters"]
        return (parameters["CLKMUX"] == "CLK" and parameters["REGSET"] == "RESET"
                and parameters["CEMUX"] != "INV" and cell["connections"].get("LSR", ["0"]) == ["0"])

    @staticmethod
    def enable(cell: Cell) -> Bit:
        """What lets a flip-flop take its input."""
        enable: Bit = cell["connections"]["CE"][0] if cell["parameters"]["CEMUX"] == "CE" else "1"
        return enable

    @property
    def control(self) -> tuple[Bit, Bit]:
        """Clock and enable of its flip-flops."""
        cell = self.netlist.cells[next(iter(self.ends))]
        return cell["connections"]["CLK"][0], self.enable(cell)

    @property
    def leaves(self) -> dict[Bit, None]:
        """Nets that its cells read and that come from outside."""
        inside = {self._output(name) for name in self.cells}
        return {bit: None for name in self.cells for _, bit in self._inputs(name) if bit not in inside}

    def grow(self, bits: Iterable[Bit]) -> bool:
        """Add all that reads these nets; whether all ways end at flip-flops of one clock and enable."""
        waiting = [*bits]
        while waiting:
            for name, port in self.netlist.loads[waiting.pop()]:
                if not name:
                    return False
                cell = self.netlist.cells[name]
                if cell["type"] in LOGIC:
                    if name not in self.cells:
                        self.cells[name] = None
                        waiting.append(self._output(name))
                elif port == "DI" and self.free(cell):
                    self.ends[name] = None
                else:
                    return False
        cells = [self.netlist.cells[name] for name in self.ends]
        return len({(cell["connections"]["CLK"][0], self.enable(cell)) for cell in cells}) == 1

    def retimed(self, given: Collection[Bit]) -> bool:
        """Move its flip-flops to its leaves, if that takes no more of them; whether it did.

        What is ``given`` by blocks gets no flip-flop: the blocks are to have registers. Nothing moves where
        a flip-flop would not be 0 at first.
        """
        leaves = [bit for bit in self.leaves if bit not in given]
        behind = {self.netlist.bit(name, "DI") for name in self.ends}
        inside = {self._output(name) for name in self.cells}
        # A net that a flip-flop takes and the cone too would be needed both before and behind its register.
        read = {bit for name in self.cells for _, bit in self._inputs(name)}
        if len(leaves) > len(self.ends) or behind & read or not behind <= inside | set(given):
            return False
        zero = dict.fromkeys(self.leaves, False)
        if any(self._value(bit, zero) for bit in behind & inside):
            return False
        if any(port in WIRED and bit in leaves for name in self.cells for port, bit in self._inputs(name)):
            return False
        registers = {bit: self._registered(bit) for bit in leaves}
        for name in self.cells:
            for port, bit in [*self._inputs(name)]:
                if bit in registers:
                    self.netlist.rewire(name, port, bit, registers[bit])
        by_net: dict[Bit, list[str]] = {}
        for name in self.ends:
            by_net.setdefault(self.netlist.bit(name, "DI"), []).append(name)
        for bit, names in by_net.items():
            self._replace(bit, names)
        return True

    def _replace(self, bit: Bit, flip_flops: list[str]) -> None:
        """Let what drives ``bit`` drive what these flip-flops do."""
        netlist = self.netlist
        first = netlist.bit(flip_flops[0], "Q")
        others = [netlist.bit(name, "Q") for name in flip_flops[1:]]
        for name in flip_flops:
            netlist.remove(name)
        for other in others:
            for reader, port in [*netlist.loads[other]]:
                netlist.rewire(reader, port, other, first)
        netlist.connect(*netlist.drivers[bit], first)

    def _registered(self, bit: Bit) -> Bit:
        """A new flip-flop behind ``bit``."""
        name = next(iter(self.ends))
        like = self.netlist.cells[name]
        output = self.netlist.net()
        self.netlist.add(f"{name}_retimed_{output}", {
            **like, "parameters": dict(like["parameters"]), "port_directions": dict(like["port_directions"]),
            "connections": {**{port: [*bits] for port, bits in like["connections"].items()},
                            "DI": [bit], "Q": [output]}})
        return output

    def _value(self, bit: Bit, values: Mapping[Bit, bool]) -> bool:
        """What a net is, from what the leaves are."""
        if isinstance(bit, str):
            return bit == "1"
        if bit in values:
            return values[bit]
        name, _ = self.netlist.drivers[bit]
        pins = {port: self._value(self.netlist.bit(name, port), values)
                for port, direction in self.netlist.cells[name]["port_directions"].items()
                if direction == "input"}
        match self.netlist.cells[name]["type"]:
            case "LUT4":
                table = int(self.netlist.cells[name]["parameters"]["INIT"].replace("x", "0"), 2)
                index = sum(pins.get(port, False) << place for place, port in enumerate("ABCD"))
                return bool(table >> index & 1)
            case "PFUMX":
                return pins["ALUT"] if pins["C0"] else pins["BLUT"]
            case _:
                return pins["D1"] if pins["SD"] else pins["D0"]

    def _output(self, name: str) -> Bit:
        return self.netlist.bit(name, LOGIC[self.netlist.cells[name]["type"]])

    def _inputs(self, name: str) -> Iterable[tuple[str, Bit]]:
        cell = self.netlist.cells[name]
        for port, bits in cell["connections"].items():
            if cell["port_directions"][port] == "input" and not isinstance(bits[0], str):
                yield port, bits[0]
