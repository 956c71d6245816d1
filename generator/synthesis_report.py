"""What synthesis and routing report, as numbers."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Resources", "fmax_mhz", "placed_resources", "synthesized_resources"]


@dataclass(frozen=True, kw_only=True)
class Resources:
    """How much of a part a design takes: LUTs of four inputs, flip-flops, multipliers, block RAMs."""

    luts: int
    ffs: int
    dsps: int
    brams: int


# What nextpnr calls them. It counts every used LUT of a slice, those that make carry chains and LUT RAM
# included; on iCE40 every used logic cell, for a flip-flop's data come through the LUT of its cell.
_PLACED = {
    "luts": ("TRELLIS_COMB", "ICESTORM_LC"),
    "ffs": ("TRELLIS_FF",),
    "dsps": ("MULT18X18D", "ICESTORM_DSP"),
    "brams": ("DP16KD", "ICESTORM_RAM"),
}
# What that becomes of the cells of Yosys; the LUTs that nextpnr adds at the ends of carry chains are
# missing, and on iCE40 those that flip-flops take without another use.
_SYNTHESIZED = {
    "luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4, "SB_LUT4": 1},
    "ffs": {"TRELLIS_FF": 1, "SB_DFF": 1, "SB_DFFE": 1, "SB_DFFSR": 1, "SB_DFFSS": 1, "SB_DFFESR": 1,
            "SB_DFFESS": 1},
    "dsps": {"MULT18X18D": 1, "SB_MAC16": 1},
    "brams": {"DP16KD": 1, "PDPW16KD": 1, "SB_RAM40_4K": 1},
}


def placed_resources(report: Mapping[str, Any], cells: Mapping[str, int]) -> Resources:
    """Read the utilization of a JSON report of nextpnr; what it does not say is counted in ``cells``.

    ``cells`` are those of the netlist that was placed: on iCE40 the report has no flip-flops.
    """
    used = report["utilization"]
    found = {field: [used[bel]["used"] for bel in bels if bel in used] for field, bels in _PLACED.items()}
    counted = synthesized_resources(cells)
    return Resources(**{field: sum(numbers) if numbers else getattr(counted, field)
                        for field, numbers in found.items()})


def synthesized_resources(cells: Mapping[str, int]) -> Resources:
    """Count what cells come to, of which a netlist for any family has so many of each type."""
    return Resources(**{field: sum(cells.get(cell, 0) * each for cell, each in counted.items())
                        for field, counted in _SYNTHESIZED.items()})


def fmax_mhz(report: Mapping[str, Any], clock_hz: float) -> float | None:
    """Read the highest frequency of the clock constrained to `clock_hz`; None where there is none."""
    for clock in report["fmax"].values():
        if abs(clock["constraint"] * 1e6 - clock_hz) < clock_hz * 1e-3:
            return float(clock["achieved"])
    return None
