"""From a netlist to an ECP5 bitstream: Yosys, nextpnr and ecppack as child processes, each result cached."""

from __future__ import annotations

import json
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any, Literal

from gatecast.boards import Board

from . import processes, toolbox
from .ecp5_carry import fold
from .ecp5_registers import absorb
from .ecp5_replicas import replicate
from .files import build_once
from .netlist import Netlist

__all__ = ["Route", "modelled", "pack", "part_options", "route", "synthesize"]

FOR_WHAT = "building for ECP5"
CELLS = "ecp5_cells.v"
# Pins of cells that nothing needs are left open.
UNCONNECTED = "/* verilator lint_off PINMISSING */\n"
# nextpnr's first router takes minutes on designs that this one routes in seconds.
ROUTER = ("--router", "router2")

# How nextpnr calls the series and the packages of the data sheet.
_SERIES = {"LFE5U": "", "LFE5UM": "um-", "LFE5UM5G": "um5g-"}
_PACKAGES = {"BG256": "CABGA256", "MG285": "CSFBGA285", "BG381": "CABGA381", "BG554": "CABGA554"}

Progress = Callable[[str], None]


def _tool(name: str) -> tuple[str, str]:
    """Return the executable of a tool and its version, which is part of what a cached result depends on."""
    tool = toolbox.require(name, FOR_WHAT)
    return str(tool.where), str(tool.version)


def synthesize(design: str, top: str, progress: Progress, *,
               language: Literal["rtlil", "verilog"] = "rtlil") -> str:
    """Return the netlist (JSON text) of a design in cells of ECP5, with registers in its blocks.

    Flip-flops that engines all over the chip read have a copy in each of them.
    """
    yosys, version = _tool("yosys")
    script = f"read_{language} design\nsynth_ecp5 -top {top}\nwrite_json netlist.json\n"

    def build(folder: Path) -> Path:
        progress("synthesis (Yosys)")
        (folder / "design").write_text(design)
        (folder / "script.ys").write_text(script)
        processes.run("Yosys", [yosys, "-q", "-s", "script.ys"], folder=folder)
        return folder / "netlist.json"

    netlist = Netlist(build_once("ecp5-netlist", [design, script, version], build).read_text(), top)
    fold(netlist)
    absorb(netlist)
    replicate(netlist)
    return netlist.text()


def modelled(netlist: str, progress: Progress) -> str:
    """Return a flat netlist as Verilog, together with models of its cells: our own, `ecp5_cells.v`."""
    script = "read_json netlist.json\ndelete t:$scopeinfo\nwrite_verilog -noattr netlist.v\n"
    yosys, version = _tool("yosys")

    def build(folder: Path) -> Path:
        progress("Verilog of the netlist (Yosys)")
        (folder / "netlist.json").write_text(netlist)
        (folder / "script.ys").write_text(script)
        processes.run("Yosys", [yosys, "-q", "-s", "script.ys"], folder=folder)
        return folder / "netlist.v"

    text = build_once("ecp5-verilog", [netlist, script, version], build).read_text()
    return UNCONNECTED + text + resources.files(__package__).joinpath(CELLS).read_text()


@dataclass(frozen=True, kw_only=True)
class Route:
    """A placed and routed design: its configuration, not packed yet, and nextpnr's report."""

    configuration: str
    report: Mapping[str, Any]


def part_options(board: Board) -> tuple[str, ...]:
    """Return how nextpnr is told the part of `board`: size, speed grade, package."""
    series, _, size = board.device.partition("-")
    option = f"--{_SERIES[series]}{size.removesuffix('F')}k"
    return option, "--speed", board.speed, "--package", _PACKAGES[board.package]


def route(netlist: str, pins: str, part: tuple[str, ...], seed: int, progress: Progress,
          look: Callable[[], None] = lambda: None) -> Route:
    """Place and route `netlist` with the pins and clocks of the LPF text `pins`.

    Missed clocks are not an error here: see the report. `look` is called ten times a second; what it raises
    ends the tool.
    """
    nextpnr, version = _tool("nextpnr-ecp5")
    options = [*part, "--lpf", "pins.lpf", "--json", "netlist.json", "--textcfg", "routed.config",
               "--report", "report.json", "--seed", str(seed), "--timing-allow-fail", *ROUTER]

    def build(folder: Path) -> Path:
        (folder / "netlist.json").write_text(netlist)
        (folder / "pins.lpf").write_text(pins)
        progress(f"placement and routing (nextpnr, seed {seed})")
        processes.run("nextpnr", [nextpnr, *options, "--quiet"], folder=folder, look=look)
        with zipfile.ZipFile(folder / "route.zip", "w", zipfile.ZIP_DEFLATED) as archive:
            for name in "report.json", "routed.config":
                archive.write(folder / name, name)
        return folder / "route.zip"

    with zipfile.ZipFile(build_once("ecp5-route", [netlist, pins, *options, version], build)) as archive:
        return Route(configuration=archive.read("routed.config").decode(),
                     report=json.loads(archive.read("report.json")))


def pack(configuration: str, progress: Progress) -> bytes:
    """Return the bitstream of a routed design."""
    ecppack, version = _tool("ecppack")

    def build(folder: Path) -> Path:
        (folder / "routed.config").write_text(configuration)
        progress("bitstream (ecppack)")
        processes.run("ecppack", [ecppack, "--compress", "routed.config", "design.bit"], folder=folder)
        return folder / "design.bit"

    return build_once("ecp5-bitstream", [configuration, version], build).read_bytes()
