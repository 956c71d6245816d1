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


# nextpnr counts every used LUT of a slice, those that make carry chains and LUT RAM included.
_PLACED = {"luts": "TRELLIS_COMB", "ffs": "TRELLIS_FF", "dsps": "MULT18X18D", "brams": "DP16KD"}
# What that becomes of the cells of Yosys; the few that nextpnr adds at the ends of carry chains are missing.
_SYNTHESIZED = {
    "luts": {"LUT4": 1, "CCU2C": 2, "TRELLIS_DPR16X4": 4},
    "ffs": {"TRELLIS_FF": 1},
    "dsps": {"MULT18X18D": 1},
    "brams": {"DP16KD": 1, "PDPW16KD": 1},
}


def placed_resources(report: Mapping[str, Any]) -> Resources:
    """Read the utilization of a JSON report of nextpnr-ecp5."""
    used = report["utilization"]
    return Resources(**{field: used.get(bel, {}).get("used", 0) for field, bel in _PLACED.items()})


def synthesized_resources(cells: Mapping[str, int]) -> Resources:
    """Count what cells come to, of which a netlist for ECP5 has so many of each type."""
    return Resources(**{field: sum(cells.get(cell, 0) * each for cell, each in counted.items())
                        for field, counted in _SYNTHESIZED.items()})


def fmax_mhz(report: Mapping[str, Any], clock_hz: float) -> float | None:
    """Read the highest frequency of the clock constrained to `clock_hz`; None where there is none."""
    for clock in report["fmax"].values():
        if abs(clock["constraint"] * 1e6 - clock_hz) < clock_hz * 1e-3:
            return float(clock["achieved"])
    return None
