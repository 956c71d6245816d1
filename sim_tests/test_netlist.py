"""What synthesis for ECP5 makes of accelerators, registers in blocks included, against the golden model."""

import json
from collections import Counter

import numpy as np
import pytest
from random_networks import network
from random_plans import STYLES, random_plan
from tools import needs

from gatecast import ecp5_flow, golden, verilog
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.planner import events
from gatecast.planner.schedule import schedule
from gatecast.simulation import Stimulus
from gatecast.simulation.netlists import simulate_netlist


def quiet(_step: str) -> None:
    """Say nothing."""


@needs("yosys", "cxxrtl")
@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", [1, 4])
def test_netlists_of_random_plans(seed: int, style: str) -> None:
    whole = network(seed, layers=1 + seed % 5)
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (3, *whole.tensors[whole.input].shape)).astype(np.int8)
    expected = golden.run(whole, x)[whole.output].reshape(3, -1)
    plan = random_plan(lower(whole), style, seed)
    accelerator = elaborate(plan)
    netlist = ecp5_flow.synthesize(verilog.convert_rtlil(accelerator, "core"), "core", quiet)
    cells = json.loads(netlist)["modules"]["core"]["cells"].values()
    types = Counter(cell["type"] for cell in cells)
    registers = Counter(name for cell in cells for name in cell["parameters"]
                        if cell["type"] == "MULT18X18D" and name.endswith("_CLK"))
    print(types, registers)
    predicted = events.run(schedule(plan), 3, offered=3).frame_cycles
    result = simulate_netlist(ecp5_flow.modelled(netlist, "core", quiet), "core", Stimulus(
        frames=x.reshape(3, -1), output_bytes=accelerator.output_bytes, deadline=predicted[-1] + 10))
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted
    assert not result.tlast_error
