"""Adders of ECP5: the lookup tables before them move into those that the adders have themselves."""

from __future__ import annotations

from dataclasses import dataclass

from .netlist import Bit, Netlist

__all__ = ["fold"]

# What Yosys makes of a bit of an adder, A + (B ^ C): the lookup table gives A ^ B ^ C, and where D is 0, A.
ADDER = "1001011010101010"


@dataclass(frozen=True)
class _Function:
    """A bit that depends on at most two nets: its value where they are (0, 0), (1, 0), (0, 1), (1, 1)."""

    nets: tuple[Bit, ...]
    table: tuple[bool, bool, bool, bool]
    # The lookup table that gives it now, which only adders read.
    source: str | None = None


def fold(netlist: Netlist) -> None:
    """Move lookup tables of one or two inputs into adders, where nothing else reads them, in a flat netlist.

    Half a CCU2C adds two bits. Its table of four inputs says whether their sum passes the carry on, and the
    quarter of it where C and D are 0 what the carry is if not: one of the two bits. So each of them may be
    any function of two nets, where that on C and D is 0 if both are.
    """
    for name, cell in [*netlist.cells.items()]:
        if cell["type"] != "CCU2C":
            continue
        for half in "01":
            if (cell["parameters"][f"INIT{half}"], cell["parameters"][f"INJECT1_{half}"],
                    netlist.bit(name, f"D{half}")) == (ADDER, "NO", "1"):
                _fold(netlist, name, half)


def _fold(netlist: Netlist, name: str, half: str) -> None:
    """Move tables into one half of a CCU2C."""
    inverted = netlist.bit(name, f"C{half}")
    if inverted not in ("0", "1"):
        return
    first, second = (_function(netlist, netlist.bit(name, f"{port}{half}")) for port in "AB")
    sources = [each.source for each in (first, second) if each.source]
    if not sources:
        return
    if inverted == "1":
        second = _Function(second.nets, _inverse(second.table), second.source)
    # Of one net less D makes it 0.
    if second.table[0] and len(second.nets) == 2:
        first, second = second, first
        if second.table[0] and len(second.nets) == 2:
            return
    table = 0
    for index in range(16):
        low, high = index & 3, index >> 2
        passed = second.table[high] if len(second.nets) == 2 else high >= 2 and second.table[high & 1]
        table |= (first.table[low] ^ passed) << index
    netlist.cells[name]["parameters"][f"INIT{half}"] = f"{table:016b}"
    pins = [*first.nets, "1", "1"][:2] + [*second.nets, "1", "1"][:2]
    for port, bit in zip("ABCD", pins, strict=True):
        netlist.connect(name, f"{port}{half}", bit)
    for source in set(sources):
        if not netlist.loads[netlist.bit(source, "Z")]:
            netlist.remove(source)


def _function(netlist: Netlist, bit: Bit) -> _Function:
    """What a bit is, through the lookup table that drives it if that can move; else it is the net itself."""
    if isinstance(bit, str):
        return _Function((), (bit == "1",) * 4)
    itself = _Function((bit,), (False, True, False, True))
    source, _ = netlist.drivers.get(bit, ("", ""))
    if not source or netlist.cells[source]["type"] != "LUT4" or not all(
            name and netlist.cells[name]["type"] == "CCU2C" for name, _ in netlist.loads[bit]):
        return itself
    table = int(netlist.cells[source]["parameters"]["INIT"].replace("x", "0"), 2)
    pins = {place: netlist.bit(source, port) for place, port in enumerate("ABCD")}
    # Constants, and pins that nothing depends on.
    steady = sum(1 << place for place, pin in pins.items() if pin == "1")
    moving = [place for place, pin in pins.items() if not isinstance(pin, str)]
    nets = tuple(pins[place] for place in moving)
    if not 1 <= len(nets) <= 2 or len(set(nets)) < len(nets):
        return itself

    def value(index: int) -> bool:
        moved = sum((index >> bit & 1) << place for bit, place in enumerate(moving))
        return bool(table >> (steady + moved) & 1)

    return _Function(nets, (value(0), value(1), value(2), value(3)), source)


def _inverse(table: tuple[bool, bool, bool, bool]) -> tuple[bool, bool, bool, bool]:
    return (not table[0], not table[1], not table[2], not table[3])
