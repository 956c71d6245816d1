"""Accelerators of windows of any kind and geometry: every output, frame and job start, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from random_plans import STYLES, random_plan
from random_windows import OPERATIONS, random_windows

from gatecast import golden
from gatecast.elaboration import elaborate
from gatecast.planner import events
from gatecast.planner.numbers import layer_window
from gatecast.planner.schedule import schedule
from gatecast.simulation import Stimulus, simulate

FRAMES = 3
SEEDS = (0, 1, 4, 6, 8, 10, 11, 14, 15)


def test_networks_are_of_every_kind() -> None:
    windows = [layer_window(layer) for seed in SEEDS
               for layer in random_windows(seed, layers=2 + seed % 5).layers]
    assert {window.operation for window in windows} == set(OPERATIONS)
    operands = [operand for window in windows for operand in window.operands]
    assert any(window.counts for window in windows)
    assert any(len(window.operands) > 2 for window in windows)
    for attribute in ("divisor", "stride"):
        assert len({getattr(operand, attribute) for operand in operands}) > 5


@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_and_cycles(seed: int) -> None:
    network = random_windows(seed, layers=2 + seed % 5)
    shape = network.tensors[network.input].shape
    x = np.random.default_rng(seed).integers(-128, 128, (FRAMES, *shape)).astype(np.int8)
    plan = random_plan(network, STYLES[seed % len(STYLES)] if seed < 11 else "any", seed)
    predicted = events.run(schedule(plan), FRAMES, offered=FRAMES)
    accelerator = elaborate(plan)
    probes = {f"{plan.engines[index].name}.{what}": signal for index, engine in enumerate(accelerator.engines)
              for what, signal in (("start", engine.job_start), ("layer", engine.job_layer))}
    result = simulate(accelerator, Stimulus(
        frames=x.reshape(FRAMES, -1), output_bytes=accelerator.output_bytes,
        deadline=predicted.frame_cycles[-1] + 10), simulator="python", probes=probes)
    np.testing.assert_array_equal(result.outputs, golden.run(network, x)[network.output].reshape(FRAMES, -1))
    assert result.frame_cycles == predicted.frame_cycles
    started = sorted(
        (cycle + 1, engine.name, engine.layers[layer]) for engine in plan.engines
        for cycle, (start, layer) in enumerate(zip(
            result.probes[f"{engine.name}.start"], result.probes[f"{engine.name}.layer"], strict=True))
        if start)
    names = [engine.name for engine in plan.engines]
    assert started == sorted(
        (job.cycle, job.actor, job.layer) for job in predicted.jobs if job.actor in names)
