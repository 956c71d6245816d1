"""What synthesis makes of a component, cell by cell."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Literal

from amaranth.lib import wiring
from tools import needs

from gatecast import ecp5_flow, processes, toolbox, verilog
from gatecast.netlist import Netlist

__all__ = ["ECP5", "ICE40", "NEEDS_YOSYS", "counts"]

NEEDS_YOSYS = needs("yosys")

ECP5: Literal["ecp5"] = "ecp5"
ICE40: Literal["ice40"] = "ice40"
# This family has no LUT RAM, and is told so.
ICE40_COMMANDS = ('attrmap -map ram_style="distributed" ram_style="logic"', "synth_ice40 -top top")


def counts(component: wiring.Component, family: Literal["ecp5", "ice40"], folder: Path) -> Counter[str]:
    """How many cells of each type ``component`` comes to on a family, with our own passes."""
    design = verilog.convert_rtlil(component, "top")
    if family == ECP5:
        return Netlist(ecp5_flow.synthesize(design, "top", lambda _: None), "top").types()
    (folder / "design.il").write_text(design)
    lines = ["read_rtlil design.il", *ICE40_COMMANDS, "tee -q -o statistics.json stat -json"]
    (folder / "script.ys").write_text("\n".join(lines) + "\n")
    yosys = toolbox.require("yosys", "this test").where
    processes.run("Yosys", [str(yosys), "-q", "-s", "script.ys"], folder=folder)
    statistics = json.loads((folder / "statistics.json").read_text())
    return Counter(statistics["design"]["num_cells_by_type"])
