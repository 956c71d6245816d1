"""DSP multipliers and block RAMs of random plans with random kinds of cells, as Yosys makes them."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest
from random_networks import network
from random_plans import random_plan
from random_windows import random_windows
from tools import needs

from gatecast import processes, toolbox, verilog
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.planner import Plan, resources
from gatecast.planner.parameters import array_params

# Among them arrays and requantizers of either kind, lanes and columns without a channel, positions
# without a weight, memories of a single word, words written in parts, tables of two lanes and of one.
CASES = (("windows", 0, "any"), ("windows", 12, "per-layer"), ("layers", 11, "folded"),
         ("layers", 11, "any"))
# Cells of DSPs and block RAMs are there before any gate is.
ECP5 = ("synth_ecp5 -top core -run begin:map_gates",)
ICE40 = ('attrmap -map ram_style="distributed" ram_style="logic"',
         "synth_ice40 -top core -run begin:map_gates")


def make(kind: str, seed: int, style: str) -> Plan:
    whole = lower(network(seed, layers=2 + seed % 3)) if kind == "layers" else random_windows(seed, layers=2)
    return random_plan(whole, style, seed)


def cells(plan: Plan, commands: tuple[str, ...], folder: Path) -> Counter[str]:
    """How many cells of each type the Verilog of ``plan`` comes to."""
    (folder / "design.v").write_text(verilog.convert(elaborate(plan), "core"))
    lines = ["read_verilog design.v", *commands, "tee -q -o statistics.json stat -json"]
    (folder / "script.ys").write_text("\n".join(lines) + "\n")
    yosys = toolbox.require("yosys", "this test").where
    processes.run("Yosys", [str(yosys), "-q", "-s", "script.ys"], folder=folder)
    return Counter(json.loads((folder / "statistics.json").read_text())["design"]["num_cells_by_type"])


@needs("yosys")
@pytest.mark.parametrize(("kind", "seed", "style"), CASES)
def test_ecp5(kind, seed, style, tmp_path):
    plan = make(kind, seed, style)
    found, taken = cells(plan, ECP5, tmp_path), resources(plan)
    assert (found["MULT18X18D"], found["DP16KD"] + found["PDPW16KD"]) == (taken.dsps, taken.block_rams)


@needs("yosys")
def test_ice40(tmp_path):
    plan = make(*CASES[2])
    assert cells(plan, ICE40, tmp_path)["SB_RAM40_4K"] == resources(plan, "ice40").block_rams


def test_cases_have_everything():
    plans = [make(*case) for case in CASES]
    engines = [engine for plan in plans for engine in plan.engines]
    for field in ("array_in", "requantizer_in", "weights_in", "tables_in", "parameters_in"):
        assert len({(engine.kind, getattr(engine, field)) for engine in engines}) == 4
    assert {engine.weights_in for plan in plans for engine in plan.engines
            if engine.kind == "systolic" and engine.array_in == "dsp"
            and not array_params(plan, engine).used.all()} == {"block", "lut"}
    assert {region.memory_in for plan in plans for region in plan.regions} == {"block", "lut"}
    assert sum(resources(plan).dsps for plan in plans) > 45
    assert sum(resources(plan).block_rams for plan in plans) > 25
