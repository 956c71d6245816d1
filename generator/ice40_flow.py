"""From a design to an iCE40 bitstream: Yosys, a pass of our own over its netlist, nextpnr, icepack."""

from __future__ import annotations

from collections.abc import Callable

from gatecast.boards import Board

from .flow_steps import Language, Progress, Route, Tools
from .ice40_registers import absorb
from .netlist import Netlist

__all__ = ["CELLS", "PINS", "modelled", "pack", "part_options", "route", "synthesize", "untimed"]

CELLS = "ice40_cells.v"
PINS = "pins.pcf"
TOOLS = Tools(
    family="ice40", title="iCE40", nextpnr="nextpnr-ice40", pins=PINS, pins_option="--pcf",
    configuration="routed.asc", configuration_option="--asc", packer="icepack", cells=CELLS)

# The register of an SB_MAC16 behind which its product is timed.
REGISTER = "PIPELINE_16x16_MULT_REG2"

# Products become SB_MAC16 without registers before other cells are chosen. ``synth_ice40 -dsp`` does so too,
# but its pass ``ice40_dsp`` loses multipliers: where two products are added, each behind a register, it takes
# one register for two purposes (Yosys 0.70). So it is never run, and registers move later.
MULTIPLIERS = (
    "opt_expr",
    "opt_clean",
    "wreduce t:$mul",
    "techmap -map +/mul2dsp.v -map +/ice40/dsp_map.v -D DSP_A_MAXWIDTH=16 -D DSP_B_MAXWIDTH=16 "
    "-D DSP_A_MINWIDTH=2 -D DSP_B_MINWIDTH=2 -D DSP_Y_MINWIDTH=11 -D DSP_NAME=$__MUL16X16",
    "select a:mul2dsp",
    "setattr -unset mul2dsp",
    "opt_expr -fine",
    "wreduce",
    "select -clear",
    # What is too small for a block.
    "chtype -set $mul t:$__soft_mul",
)


def synthesize(design: str, top: str, progress: Progress, *, language: Language = "rtlil") -> str:
    """Return the netlist (JSON text) of a design in cells of iCE40, with registers in its multipliers."""
    lines = [
        f"hierarchy -top {top}",
        # There is no LUT RAM: what would be such a memory becomes flip-flops.
        'attrmap -map ram_style="distributed" ram_style="logic"',
        f"synth_ice40 -top {top} -run begin:coarse",
        *MULTIPLIERS,
        f"synth_ice40 -top {top} -run coarse:",
    ]
    netlist = Netlist(TOOLS.synthesize(design, language, lines, progress), top)
    absorb(netlist)
    return netlist.text()


def modelled(netlist: str, progress: Progress) -> str:
    """Return a flat netlist as Verilog, together with models of its cells: our own, `ice40_cells.v`."""
    return TOOLS.modelled(netlist, progress)


def untimed(netlist: Netlist) -> str:
    """Return what nextpnr leaves out of its timing: products of multipliers that use no register for them."""
    bare = sum(cell["type"] == "SB_MAC16" and not int(cell["parameters"][REGISTER], 2)
               for cell in netlist.cells.values())
    return f"{bare} SB_MAC16 without a register behind the product" if bare else ""


def part_options(board: Board) -> tuple[str, ...]:
    """Return how nextpnr is told the part of `board`: size and package."""
    return f"--{board.device.removeprefix('iCE40').lower()}", "--package", board.package.lower()


def route(netlist: str, pins: str, part: tuple[str, ...], seed: int, progress: Progress,
          look: Callable[[], None] = lambda: None) -> Route:
    """Place and route `netlist` with the pins and clocks of the PCF text `pins`, see `Tools.route`."""
    return TOOLS.route(netlist, pins, part, seed, progress, look)


def pack(configuration: str, progress: Progress) -> bytes:
    """Return the bitstream of a routed design."""
    return TOOLS.pack(configuration, progress)
