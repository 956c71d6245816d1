"""What synthesis makes of a component, cell by cell."""

from __future__ import annotations

from collections import Counter

from amaranth.lib import wiring
from tools import needs

from gatecast import verilog
from gatecast.flows import flow_of
from gatecast.netlist import Netlist

__all__ = ["ECP5", "ICE40", "NEEDS_YOSYS", "counts"]

NEEDS_YOSYS = needs("yosys")

ECP5, ICE40 = "ecp5", "ice40"


def counts(component: wiring.Component, family: str) -> Counter[str]:
    """How many cells of each type ``component`` comes to on a family, with our own passes."""
    design = verilog.convert_rtlil(component, "top")
    return Netlist(flow_of(family).synthesize(design, "top", lambda _: None), "top").types()
