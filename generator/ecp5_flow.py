"""From a design to an ECP5 bitstream: Yosys, passes of our own over its netlist, nextpnr, ecppack."""

from __future__ import annotations

from collections.abc import Callable

from gatecast.boards import Board

from .ecp5_carry import fold
from .ecp5_registers import absorb
from .ecp5_replicas import replicate
from .flow_steps import Language, Progress, Route, Tools
from .netlist import Netlist

__all__ = ["CELLS", "PINS", "modelled", "pack", "part_options", "route", "synthesize", "untimed"]

CELLS = "ecp5_cells.v"
PINS = "pins.lpf"
TOOLS = Tools(
    family="ecp5", title="ECP5", nextpnr="nextpnr-ecp5", pins=PINS, pins_option="--lpf",
    configuration="routed.config", configuration_option="--textcfg", packer="ecppack",
    # Wires that miss the clock are ripped up until they meet it: a quarter more clock for full chips.
    insisting=("--tmg-ripup",),
    pack_options=("--compress",), cells=CELLS)
# Of nextpnr's placers and routers those that close full chips best, and soonest.
METHODS = ("--placer", "static", "--threads", "1", "--router", "router2")

# A tile of eight flip-flops has one reset, a slice of two one enable: resets and enables of fewer flip-flops
# than these become logic, or full chips have no legal placement.
FEWEST_RESET, FEWEST_ENABLED = 16, 4
FLIP_FLOPS = ("$_DFF_?_ 01", "$_DFF_?P?_ r", "$_SDFF_?P?_ r",
              "$_DFFE_??_ 01", "$_DFFE_?P??_ r", "$_SDFFE_?P??_ r")

# How nextpnr calls the series and the packages of the data sheet.
_SERIES = {"LFE5U": "", "LFE5UM": "um-", "LFE5UM5G": "um5g-"}
_PACKAGES = {"BG256": "CABGA256", "MG285": "CSFBGA285", "BG381": "CABGA381", "BG554": "CABGA554"}


def synthesize(design: str, top: str, progress: Progress, *, language: Language = "rtlil") -> str:
    """Return the netlist (JSON text) of a design in cells of ECP5, as our own passes leave them.

    Logic before adders lies in them, registers of blocks are used, flip-flops that much of the design reads
    have copies, engines their own delays of constants.
    """
    kinds = " ".join(f"-cell {kind}" for kind in FLIP_FLOPS)
    lines = [f"synth_ecp5 -top {top} -run begin:map_ffs", "opt_clean",
             f"dfflegalize {kinds} -mince {FEWEST_ENABLED} -minsrst {FEWEST_RESET}",
             f"synth_ecp5 -top {top} -run map_ffs:"]
    netlist = Netlist(TOOLS.synthesize(design, language, lines, progress), top)
    fold(netlist)
    absorb(netlist)
    replicate(netlist)
    return netlist.text()


def modelled(netlist: str, progress: Progress) -> str:
    """Return a flat netlist as Verilog, together with models of its cells: our own, `ecp5_cells.v`."""
    return TOOLS.modelled(netlist, progress)


def untimed(_netlist: Netlist) -> str:
    """Return what nextpnr leaves out of its timing: nothing."""
    return ""


def part_options(board: Board) -> tuple[str, ...]:
    """Return how nextpnr is told the part of `board`: size, speed grade, package."""
    series, _, size = board.device.partition("-")
    option = f"--{_SERIES[series]}{size.removesuffix('F')}k"
    return option, "--speed", board.speed, "--package", _PACKAGES[board.package]


def route(netlist: str, pins: str, part: tuple[str, ...], seed: int, progress: Progress,
          look: Callable[[], None] = lambda: None) -> Route:
    """Place and route `netlist` with the pins and clocks of the LPF text `pins`, see `Tools.route`."""
    return TOOLS.route(netlist, pins, [*part, *METHODS], seed, progress, look)


def pack(configuration: str, progress: Progress) -> bytes:
    """Return the bitstream of a routed design."""
    return TOOLS.pack(configuration, progress)
