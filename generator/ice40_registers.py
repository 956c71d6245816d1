"""Registers of iCE40's multipliers: flip-flops beside an SB_MAC16 move into it.

It has one for each operand and two on the way to the product, which is what the templates have around a
multiplication. What the netlist does stays the same: each register takes the place of flip-flops between the
same two nets. nextpnr 0.11 counts next to no time inside an SB_MAC16, which is right with all registers only:
of a product cut into several blocks, which are added before the first register, the multiplication is missing
in its timing.
"""

from __future__ import annotations

from collections.abc import Sequence

from .netlist import Bit, Netlist

__all__ = ["absorb"]

# On the way to the product: the last register first, as it is the first to be found.
PRODUCT = (("PIPELINE_16x16_MULT_REG2",),
           ("PIPELINE_16x16_MULT_REG1", "TOP_8x8_MULT_REG", "BOT_8x8_MULT_REG"))
# Inputs that registers have; none is ever reset, held or loaded.
LOW = ("IRSTTOP", "IRSTBOT", "ORSTTOP", "ORSTBOT", "AHOLD", "BHOLD", "CHOLD", "DHOLD", "OHOLDTOP", "OHOLDBOT",
       "OLOADTOP", "OLOADBOT")


def absorb(netlist: Netlist) -> None:
    """Move such flip-flops into multipliers, in a flat netlist after ``synth_ice40``.

    Moved are flip-flops without reset and enable: all of an operand, where none of its bits comes from
    elsewhere, and all behind a product, where nothing else reads it.
    """
    multipliers = [name for name, cell in netlist.cells.items() if cell["type"] == "SB_MAC16"]
    # Behind products first, for that never needs a copy.
    for name in multipliers:
        for parameters in PRODUCT:
            if not _behind(netlist, name, parameters):
                break
    for name in multipliers:
        for port in "AB":
            _before(netlist, name, port)


def _behind(netlist: Netlist, name: str, parameters: Sequence[str]) -> bool:
    """Move flip-flops behind a product into its multiplier; whether there were such."""
    outputs = netlist.cells[name]["connections"]["O"]
    found: dict[Bit, str] = {}
    for bit in outputs:
        loads = [*netlist.loads.get(bit, ())]
        if not loads:
            continue
        if len(loads) > 1 or not _free(netlist, loads[0]):
            return False
        found[bit] = loads[0][0]
    if not found or not _clocked(netlist, name, [*found.values()], parameters):
        return False
    registered = {bit: netlist.bit(flip_flop, "Q") for bit, flip_flop in found.items()}
    for flip_flop in found.values():
        netlist.remove(flip_flop)
    netlist.connect_all(name, "O", [registered.get(bit, bit) for bit in outputs])
    return True


def _before(netlist: Netlist, name: str, port: str) -> None:
    """Move flip-flops before an operand into its multiplier; those that others read stay for them."""
    bits = netlist.cells[name]["connections"][port]
    sources = {bit: netlist.drivers.get(bit, ("", ""))[0] for bit in bits if bit != "0"}
    if not sources or not all(_free(netlist, (source, "D")) for source in sources.values()) or not _clocked(
            netlist, name, [*sources.values()], [f"{port}_REG"]):
        return
    inputs = {bit: netlist.bit(source, "D") for bit, source in sources.items()}
    netlist.connect_all(name, port, [inputs.get(bit, bit) for bit in bits])
    for bit, source in sources.items():
        if not netlist.loads[bit]:
            netlist.remove(source)


def _free(netlist: Netlist, load: tuple[str, str]) -> bool:
    """Whether it is the input of a flip-flop at rising edges that has neither reset nor enable."""
    name, port = load
    return name in netlist.cells and port == "D" and netlist.cells[name]["type"] == "SB_DFF"


def _clocked(netlist: Netlist, name: str, flip_flops: Sequence[str], parameters: Sequence[str]) -> bool:
    """Switch a register of a multiplier on, if its clock is that of these flip-flops; whether it is."""
    clocks = {netlist.bit(flip_flop, "C") for flip_flop in flip_flops} | {netlist.bit(name, "CLK")} - {"x"}
    if len(clocks) > 1:
        return False
    netlist.cells[name]["parameters"] |= dict.fromkeys(parameters, "1")
    netlist.connect(name, "CLK", clocks.pop(), "input")
    netlist.connect(name, "CE", "1", "input")
    for port in LOW:
        netlist.connect(name, port, "0", "input")
    return True
