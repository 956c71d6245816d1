"""The steps from a design to a bitstream that all families share: child processes, each result cached."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from . import processes, toolbox
from .errors import CheckError
from .files import build_once

__all__ = ["Language", "Progress", "Route", "Tools"]

Language = Literal["rtlil", "verilog"]
Progress = Callable[[str], None]

# Pins of cells that nothing needs are left open.
UNCONNECTED = "/* verilator lint_off PINMISSING */\n"
# Rounds in a row after each of which wires still miss the clock, before a router that insists on it is
# stopped: left alone it would go on for a thousand, and then fail. Full chips that met their clock had up to
# 18 of them in a row.
ROUNDS = 50


@dataclass(frozen=True, kw_only=True)
class Route:
    """A placed and routed design: its configuration, not packed yet, and nextpnr's report."""

    configuration: str
    report: Mapping[str, Any]


class _OutOfReach(Exception):
    """The router has insisted for long, and wires still miss the clock."""


def _missed(folder: Path) -> list[str]:
    """How many wires missed the clock after each round of a router that insists on it, by its log."""
    return re.findall(r" tmgfail=(\d+)", (folder / processes.LOG).read_text(errors="replace"))


@dataclass(frozen=True, kw_only=True)
class Tools:
    """The tools of a family, and how they are called.

    Parameters
    ----------
    family, title : str
        What to type, and what to print.
    nextpnr, packer : str
        As `gatecast.toolbox` names them.
    pins, pins_option : str
        Name of the file that says where the pins are and how fast the clocks, and nextpnr's option for it.
    configuration, configuration_option : str
        The same of the file that nextpnr writes.
    insisting : sequence of str
        What makes nextpnr's router go on until wires meet the clock.
    pack_options : sequence of str
        What the packer is told besides its two files.
    cells : str
        File of this package with models of the family's cells.
    """

    family: str
    title: str
    nextpnr: str
    packer: str
    pins: str
    pins_option: str
    configuration: str
    configuration_option: str
    cells: str
    insisting: Sequence[str] = ()
    pack_options: Sequence[str] = ()

    def yosys(self, kind: str, step: str, name: str, text: str, lines: Sequence[str], result: str,
              progress: Progress) -> str:
        """Run `lines` of Yosys on a file `name` with this `text`; what they write to the file `result`."""
        yosys, version = self._tool("yosys")
        script = "\n".join(lines) + "\n"

        def build(folder: Path) -> Path:
            progress(f"{step} (Yosys)")
            (folder / name).write_text(text)
            (folder / "script.ys").write_text(script)
            processes.run("Yosys", [yosys, "-q", "-s", "script.ys"], folder=folder)
            return folder / result

        return build_once(f"{self.family}-{kind}", [text, script, version], build).read_text()

    def synthesize(self, design: str, language: Language, lines: Sequence[str], progress: Progress) -> str:
        """Return the netlist (JSON text) that `lines` of Yosys make of a design."""
        return self.yosys("netlist", "synthesis", "design", design,
                          [f"read_{language} design", *lines, "write_json netlist.json"], "netlist.json",
                          progress)

    def modelled(self, netlist: str, progress: Progress) -> str:
        """Return a flat netlist as Verilog, together with models of its cells: our own."""
        lines = ["read_json netlist.json", "delete t:$scopeinfo", "write_verilog -noattr netlist.v"]
        text = self.yosys("verilog", "Verilog of the netlist", "netlist.json", netlist, lines, "netlist.v",
                          progress)
        return UNCONNECTED + text + resources.files(__package__).joinpath(self.cells).read_text()

    def route(self, netlist: str, pins: str, options: Sequence[str], seed: int, progress: Progress,
              look: Callable[[], None]) -> Route:
        """Place and route `netlist` with the pins and clocks of the text `pins`.

        Missed clocks are not an error here: see the report. `look` is called ten times a second; what it
        raises ends the tool.
        """
        nextpnr, version = self._tool(self.nextpnr)
        told = [*options, self.pins_option, self.pins, "--json", "netlist.json", self.configuration_option,
                self.configuration, "--report", "report.json", "--seed", str(seed), "--timing-allow-fail"]

        def build(folder: Path) -> Path:
            def look_at_rounds() -> None:
                look()
                missed = _missed(folder)
                # In all rounds, for what is kept must not depend on when they were looked at.
                if any("0" not in missed[last - ROUNDS:last] for last in range(ROUNDS, len(missed) + 1)):
                    raise _OutOfReach

            (folder / "netlist.json").write_text(netlist)
            (folder / self.pins).write_text(pins)
            progress(f"placement and routing (nextpnr, seed {seed})")
            try:
                processes.run("nextpnr", [nextpnr, *told, *self.insisting], folder=folder,
                              look=look_at_rounds)
                look_at_rounds()
            except (_OutOfReach, CheckError):
                if not _missed(folder):
                    raise
                progress(f"placement and routing for less than the clock (nextpnr, seed {seed})")
                processes.run("nextpnr", [nextpnr, *told], folder=folder, look=look)
            with zipfile.ZipFile(folder / "route.zip", "w", zipfile.ZIP_DEFLATED) as archive:
                for name in "report.json", self.configuration:
                    archive.write(folder / name, name)
            return folder / "route.zip"

        routed = build_once(f"{self.family}-route",
                            [netlist, pins, *told, *self.insisting, str(ROUNDS), version], build)
        with zipfile.ZipFile(routed) as archive:
            return Route(configuration=archive.read(self.configuration).decode(),
                         report=json.loads(archive.read("report.json")))

    def pack(self, configuration: str, progress: Progress) -> bytes:
        """Return the bitstream of a routed design."""
        packer, version = self._tool(self.packer)

        def build(folder: Path) -> Path:
            (folder / self.configuration).write_text(configuration)
            progress(f"bitstream ({self.packer})")
            processes.run(self.packer, [packer, *self.pack_options, self.configuration, "design.bit"],
                          folder=folder)
            return folder / "design.bit"

        return build_once(f"{self.family}-bitstream", [configuration, *self.pack_options, version],
                          build).read_bytes()

    def _tool(self, name: str) -> tuple[str, str]:
        """Return the executable of a tool and its version, on which what is cached depends."""
        tool = toolbox.require(name, f"building for {self.title}")
        return str(tool.where), str(tool.version)
