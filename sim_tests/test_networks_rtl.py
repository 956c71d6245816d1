"""A shipped network with random weights in RTL."""

from __future__ import annotations

import numpy as np
from tools import needs

from gatecast import golden
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.planner import Budget, plan, predict
from gatecast.reader import read
from gatecast.simulation import Stimulus, simulate


@needs("cxxrtl")
def test_lenet5() -> None:
    network = read("lenet5")
    frames = np.random.default_rng(1).integers(-128, 128, (3, 32, 32, 1)).astype(np.int8)
    right = golden.run(network, frames)["scores"].reshape(3, -1)
    assert len(np.unique(right)) > 10
    planned = plan(lower(network), Budget(multipliers=48), engines=2)
    prediction = predict(planned)
    accelerator = elaborate(planned)
    result = simulate(accelerator, Stimulus(
        frames=frames.reshape(3, -1), output_bytes=accelerator.output_bytes, source_stall=0.1, sink_stall=0.1,
        deadline=3 * (prediction.latency_cycles + int(3 * prediction.cycles_per_inference))), "cxxrtl",
        name="lenet5")
    np.testing.assert_array_equal(result.outputs, right)
