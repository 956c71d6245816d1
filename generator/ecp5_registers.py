"""Registers of ECP5's blocks: flip-flops beside multipliers and block RAMs move into them.

Yosys finds the blocks but never uses their registers. Unregistered, a multiplier takes 3.9 ns and a block
RAM 5.8 ns from clock to output (nextpnr's figures for speed grade 6); with them 0.7 ns and 1.0 ns. What the
netlist does stays the same: each register takes the place of flip-flops between the same two nets, or of
those behind the multiplexers that join block RAMs to a deeper one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from .ecp5_cone import Cone
from .netlist import Bit, Netlist

__all__ = ["absorb"]

# Input and output registers of MULT18X18D: the ports of each operand, and of the product.
OPERANDS = {"INPUTA": [f"A{bit}" for bit in range(18)], "INPUTB": [f"B{bit}" for bit in range(18)]}
PRODUCT = [f"P{bit}" for bit in range(36)]
# Tied to ground, which nothing needs, these cannot be routed (nextpnr issue 208).
UNUSED = ("C", "SRIA", "SRIB")


def absorb(netlist: Netlist) -> None:
    """Move such flip-flops into blocks, in a flat netlist after ``synth_ecp5``.

    Moved are flip-flops without reset: all of an operand, where none of its bits comes from elsewhere, and
    all behind a product or a port of a block RAM, where nothing else reads it. Those of multipliers have no
    enable.
    """
    rams = {name for name, cell in netlist.cells.items() if cell["type"] == "DP16KD"}
    multipliers = [name for name, cell in netlist.cells.items() if cell["type"] == "MULT18X18D"]
    for name in sorted(rams):
        for sides in _sides(netlist, name):
            if netlist.cells[name]["parameters"][f"REGMODE_{sides[0]}"] == "NOREG":
                _behind_rams(netlist, name, sides)
    # Behind blocks first, for that never needs a copy.
    for name in multipliers:
        for port in [*netlist.cells[name]["connections"]]:
            if port.rstrip("0123456789") in UNUSED:
                netlist.disconnect(name, port)
        _behind_product(netlist, name)
    for name in multipliers:
        for register, ports in OPERANDS.items():
            _before(netlist, name, register, ports)


def _sides(netlist: Netlist, name: str) -> tuple[str, ...]:
    """Ports of a block RAM that have a register each; of one of 36 bits half is at the other's outputs."""
    parameters = netlist.cells[name]["parameters"]
    wide = any(int(parameters[f"DATA_WIDTH_{port}"], 2) == 36 for port in "AB")
    return ("AB",) if wide else ("A", "B")


def _may_register(netlist: Netlist, name: str, sides: str, clock: Bit) -> bool:
    """Whether these ports of a block RAM, read at this clock without a reset, have no register yet."""
    # Of a read of 36 bits, which has both ports' outputs, only one port may have a clock.
    clocks = {bit for port in sides if not isinstance(bit := netlist.bit(name, f"CLK{port}"), str)}
    return clocks == {clock} and all(
        netlist.cells[name]["parameters"][f"REGMODE_{port}"] == "NOREG"
        and isinstance(netlist.bit(name, f"RST{port}"), str) for port in sides)


def _outputs(netlist: Netlist, name: str, sides: str) -> list[Bit]:
    bits = [netlist.bit(name, f"DO{port}{index}") for port in sides for index in range(18)]
    return [bit for bit in bits if netlist.loads.get(bit)]


def _behind_rams(netlist: Netlist, name: str, sides: str) -> None:
    """Move flip-flops behind one block RAM, and behind those that multiplexers join it with, into them."""
    cone = Cone(netlist)
    reached, waiting = dict[str, str](), {name: sides}
    while waiting:
        each, sides = waiting.popitem()
        reached[each] = sides
        if not cone.grow(_outputs(netlist, each, sides)):
            return
        for bit in cone.leaves:
            source, port = netlist.drivers.get(bit, ("", ""))
            if source and netlist.cells[source]["type"] == "DP16KD" and source not in reached:
                waiting[source] = next(sides for sides in _sides(netlist, source) if port[2] in sides)
    clock, enable = cone.control
    if not all(_may_register(netlist, each, sides, clock) for each, sides in reached.items()):
        return
    given = {bit for each, sides in reached.items() for bit in _outputs(netlist, each, sides)}
    if cone.retimed(given):
        for each, sides in reached.items():
            for port in sides:
                netlist.cells[each]["parameters"][f"REGMODE_{port}"] = "OUTREG"
                netlist.connect(each, f"OCE{port}", enable, "input")


def _behind_product(netlist: Netlist, name: str) -> None:
    """Move flip-flops behind a product into its multiplier."""
    product = [bit for bit in (netlist.bit(name, port) for port in PRODUCT) if netlist.loads.get(bit)]
    cone = Cone(netlist)
    if cone.grow(product) and not cone.cells:
        clock, enable = cone.control
        if enable == "1" and cone.retimed(product):
            _clocked(netlist, name, "OUTPUT", clock)


def _before(netlist: Netlist, name: str, register: str, ports: Sequence[str]) -> None:
    """Move flip-flops before an operand into its multiplier; those that others read stay for them."""
    bits = {port: bit for port in ports if not isinstance(bit := netlist.bit(name, port), str)}
    sources = {bit: netlist.drivers.get(bit, ("", ""))[0] for bit in bits.values()}
    cells = [netlist.cells[source] for source in sources.values() if source]
    if not bits or len(cells) < len(sources) or not all(
            Cone.free(cell) and Cone.enable(cell) == "1" for cell in cells):
        return
    clocks = {cell["connections"]["CLK"][0] for cell in cells} | {netlist.bit(name, "CLK0")} - {"x"}
    if len(clocks) > 1:
        return
    for port, bit in bits.items():
        netlist.connect(name, port, netlist.bit(sources[bit], "DI"))
    for bit, source in sources.items():
        if not netlist.loads[bit]:
            netlist.remove(source)
    _clocked(netlist, name, register, clocks.pop())


def _clocked(netlist: Netlist, name: str, register: str, clock: Bit) -> None:
    """Switch a register of a multiplier on."""
    netlist.cells[name]["parameters"] |= {
        f"REG_{register}_{what}": f"{what}0" for what in ("CLK", "CE", "RST")}
    pins: Iterable[tuple[str, Bit]] = (("CLK0", clock), ("CE0", "1"), ("RST0", "0"))
    for port, bit in pins:
        netlist.connect(name, port, bit, "input")
