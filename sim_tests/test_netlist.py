"""What synthesis for ECP5 makes of accelerators, registers in blocks included, against the golden model."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from random_networks import network
from random_plans import random_plan
from tools import needs

import gatecast
from gatecast import ecp5_flow, golden, verilog
from gatecast.netlist import Netlist
from gatecast.planner import events
from gatecast.planner.schedule import schedule
from gatecast.simulation import Stimulus
from gatecast.simulation.netlists import simulate_netlist

# Plans with few multipliers: of both kinds of arrays, in DSP blocks and in LUTs.
SMALL = [(2, "folded"), (3, "folded"), (5, "per-layer")]


def quiet(_step: str) -> None:
    """Say nothing."""


def check(plan: gatecast.Plan, frames: int) -> Counter[str]:
    """Play the netlist of ``plan``; how many multipliers it has, and how many of each of their registers."""
    lowered = plan.network
    shape = lowered.tensors[lowered.input].shape
    x = np.random.default_rng(frames).integers(-128, 128, (frames, *shape)).astype(np.int8)
    expected = golden.run(lowered, x)[lowered.output].reshape(frames, -1)
    accelerator = gatecast.elaborate(plan)
    netlist = ecp5_flow.synthesize(verilog.convert_rtlil(accelerator, "core"), "core", quiet)
    predicted = events.run(schedule(plan), frames, offered=frames).frame_cycles
    result = simulate_netlist(ecp5_flow.modelled(netlist, quiet), "core", Stimulus(
        frames=x.reshape(frames, -1), output_bytes=accelerator.output_bytes, deadline=predicted[-1] + 10))
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted
    assert not result.tlast_error
    multipliers = [cell for cell in Netlist(netlist, "core").cells.values() if cell["type"] == "MULT18X18D"]
    return Counter(multipliers=len(multipliers)) + Counter(
        name for cell in multipliers for name in cell["parameters"] if name.endswith("_CLK"))


@needs("yosys", "verilator")
def test_digits() -> None:
    network = gatecast.lower(gatecast.read("digits"))
    found = check(gatecast.plan(network, gatecast.budget("ulx3s-85f", multipliers=12)), frames=2)
    # All registers of all multipliers are used.
    assert found["multipliers"] == found["REG_OUTPUT_CLK"] == found["REG_INPUTA_CLK"] == (
        found["REG_INPUTB_CLK"]) > 12


@needs("yosys", "verilator")
@pytest.mark.parametrize(("seed", "style"), SMALL)
def test_random_plans(seed: int, style: str) -> None:
    check(random_plan(gatecast.lower(network(seed, layers=1 + seed % 3)), style, seed), frames=3)


@needs("yosys", "verilator")
def test_ds_cnn(shared_models: Path) -> None:
    network = gatecast.lower(gatecast.read(shared_models / "kws_ref_model.tflite"))
    check(gatecast.plan(network, gatecast.budget("ulx3s-85f", multipliers=16)), frames=1)
