"""What Yosys makes of a component, cell by cell."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

from amaranth.lib import wiring
from tools import needs

from gatecast import processes, toolbox, verilog

__all__ = ["ECP5", "ICE40", "NEEDS_YOSYS", "counts"]

NEEDS_YOSYS = needs("yosys")

ECP5 = ("synth_ecp5 -top top",)
# This family has no LUT RAM, and is told so.
ICE40 = ('attrmap -map ram_style="distributed" ram_style="logic"', "synth_ice40 -top top")


def counts(component: wiring.Component, commands: tuple[str, ...], folder: Path) -> Counter[str]:
    """How many cells of each type ``component`` comes to after these commands of Yosys."""
    # With plain names: of Amaranth's own ones Yosys 0.70 fails an assertion in some designs.
    (folder / "design.il").write_text(verilog.convert_rtlil(component, "top"))
    lines = ["read_rtlil design.il", *commands, "tee -q -o statistics.json stat -json"]
    (folder / "script.ys").write_text("\n".join(lines) + "\n")
    yosys = toolbox.require("yosys", "this test").where
    processes.run("Yosys", [str(yosys), "-q", "-s", "script.ys"], folder=folder)
    statistics = json.loads((folder / "statistics.json").read_text())
    return Counter(statistics["design"]["num_cells_by_type"])
