"""Whole accelerators of random networks: every output, every frame and every job start, exactly."""

from __future__ import annotations

import numpy as np
import pytest
from random_layers import chain
from random_networks import network
from random_plans import STYLES, random_plan
from tools import needs

from gatecast import golden
from gatecast.elaboration import elaborate
from gatecast.lowering import lower
from gatecast.operators.conv2d import Conv2d
from gatecast.planner import events
from gatecast.planner.plan import EnginePlan, Plan
from gatecast.planner.regions import with_two_frames
from gatecast.planner.schedule import schedule
from gatecast.planner.verification import verify
from gatecast.quantization import Quantization
from gatecast.simulation import SimulationResult, Stimulus, simulate

SEEDS = range(16)


def make(seed: int, style: str, frames: int) -> tuple[Plan, np.ndarray, np.ndarray]:
    """A random plan, frames for it, and what the network as it was before lowering makes of them."""
    whole = network(seed, layers=1 + seed % 5)
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, 128, (frames, *whole.tensors[whole.input].shape)).astype(np.int8)
    expected = golden.run(whole, x)[whole.output]
    return random_plan(lower(whole), style, seed), x.reshape(frames, -1), expected.reshape(frames, -1)


def job_starts(plan: Plan, result: SimulationResult) -> list[tuple[int, str, str]]:
    """What the probes saw: the cycle of the first tap, the engine and the layer of each job."""
    return sorted(
        (cycle + 1, engine.name, engine.layers[layer])
        for engine in plan.engines
        for cycle, (start, layer) in enumerate(
            zip(result.probes[f"{engine.name}.start"], result.probes[f"{engine.name}.layer"], strict=True))
        if start)


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", SEEDS)
def test_outputs_and_cycles(seed: int, style: str) -> None:
    frames = 4
    plan, x, expected = make(seed, style, frames)
    predicted = events.run(schedule(plan), frames, offered=frames)
    accelerator = elaborate(plan)
    probes = {f"{plan.engines[index].name}.{what}": signal for index, engine in enumerate(accelerator.engines)
              for what, signal in (("start", engine.job_start), ("layer", engine.job_layer))}
    result = simulate(accelerator, Stimulus(
        frames=x, output_bytes=accelerator.output_bytes, deadline=predicted.frame_cycles[-1] + 10),
        simulator="python", probes=probes)
    np.testing.assert_array_equal(result.outputs, expected)
    names = [engine.name for engine in plan.engines]
    assert job_starts(plan, result) == sorted(
        (job.cycle, job.actor, job.layer) for job in predicted.jobs if job.actor in names)
    assert result.frame_cycles == predicted.frame_cycles
    assert not result.tlast_error


def test_a_wide_array() -> None:
    """More lanes than 64, more columns in a group than 16, and numbers that are no powers of two."""
    arrays = ((1, 34, 17), (68, 1, 1))
    rng, unit = np.random.default_rng(0), Quantization(scale=0.5, zero_point=-3)
    layers = [Conv2d(weights=rng.integers(-128, 128, (outputs, 1, 1, inputs)).astype(np.int8),
                     bias=rng.integers(-999, 999, outputs).astype(np.int32), input=unit, output=unit,
                     weight_scales=np.full(outputs, scale)) for inputs, outputs, scale in (
                         (2, 68, 0.004), (68, 6, 0.002))]
    lowered = lower(chain((3, 2, 2), layers))
    plan = verify(with_two_frames(Plan(network=lowered, regions=(), engines=tuple(
        EnginePlan(name=f"systolic_{index}", kind="systolic", lanes=lanes, columns=columns, group=group,
                   layers=(layer.name,))
        for index, ((lanes, columns, group), layer) in enumerate(zip(arrays, lowered.layers, strict=True))))))
    x = rng.integers(-128, 128, (3, 3, 2, 2)).astype(np.int8)
    predicted = events.run(schedule(plan), 3, offered=3).frame_cycles
    accelerator = elaborate(plan)
    result = simulate(accelerator, Stimulus(
        frames=x.reshape(3, -1), output_bytes=accelerator.output_bytes, deadline=predicted[-1] + 10))
    expected = golden.run(lowered, x)[lowered.output].reshape(3, -1)
    np.testing.assert_array_equal(result.outputs, expected)
    # Not saturated all over.
    assert len(np.unique(expected)) > 50
    assert result.frame_cycles == predicted


@pytest.mark.parametrize("seed", range(8))
def test_arrays_and_drains_agree_on_slots(seed: int) -> None:
    """The drain counts the slots that the array marks itself: both say so in the same cycles."""
    plan, x, _ = make(seed, STYLES[seed % len(STYLES)], 2)
    accelerator = elaborate(plan)
    probes = {}
    for name, engine in zip(accelerator.params.engine_names, accelerator.engines, strict=True):
        probes |= {f"{name}.array": engine.array.slot_valid, f"{name}.drain": engine.drain.marks.valid}
    result = simulate(accelerator, Stimulus(
        frames=x, output_bytes=accelerator.output_bytes, source_stall=0.1, seed=seed), probes=probes)
    for name in accelerator.params.engine_names:
        assert any(result.probes[f"{name}.array"])
        assert result.probes[f"{name}.array"] == result.probes[f"{name}.drain"]


@pytest.mark.parametrize("seed", SEEDS)
def test_stalls(seed: int) -> None:
    """Stalls on both links and a sink that waits for valid change no value."""
    plan, x, expected = make(seed, STYLES[seed % len(STYLES)], 3)
    accelerator = elaborate(plan)
    cycles = events.run(schedule(plan), 3, offered=3).frame_cycles[-1]
    rng = np.random.default_rng(seed)
    stimulus = Stimulus(
        frames=x, output_bytes=accelerator.output_bytes, seed=seed,
        source_stall=rng.choice([0.0, 0.3, 0.8]), sink_stall=rng.choice([0.0, 0.3, 0.8]),
        sink_waits_for_valid=bool(seed % 2), deadline=20 * (cycles + x.size + expected.size))
    np.testing.assert_array_equal(simulate(accelerator, stimulus, simulator="python").outputs, expected)


@pytest.mark.parametrize("seed", SEEDS)
def test_reset_in_mid_frame(seed: int) -> None:
    """Whatever was under way at a reset leaves no trace: outputs and cycles are those of a fresh start."""
    plan, x, expected = make(seed, STYLES[seed % len(STYLES)], 3)
    accelerator = elaborate(plan)
    predicted = events.run(schedule(plan), 3, offered=3).frame_cycles
    rng = np.random.default_rng(seed)
    stimulus = Stimulus(
        frames=x, output_bytes=accelerator.output_bytes, deadline=2 * predicted[-1],
        reset_after_bytes=int(rng.integers(1, x.size)), reset_delay=int(rng.integers(0, predicted[0])))
    result = simulate(accelerator, stimulus, simulator="python")
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted


@needs("icarus")
@pytest.mark.parametrize("style", STYLES)
def test_resets_of_one_cycle(style: str) -> None:
    """At power-on, where what the reset leaves out is unknown, and in mid-frame: one cycle is enough."""
    plan, x, expected = make(4, style, 3)
    kinds = {engine.kind for engine in plan.engines}
    assert kinds == {"systolic", "channel"}
    accelerator = elaborate(plan)
    predicted = events.run(schedule(plan), 3, offered=3).frame_cycles
    result = simulate(accelerator, Stimulus(
        frames=x, output_bytes=accelerator.output_bytes, deadline=2 * predicted[-1],
        reset_after_bytes=x.size // 2, reset_delay=predicted[0] // 2, reset_cycles=1), "icarus")
    np.testing.assert_array_equal(result.outputs, expected)
    assert result.frame_cycles == predicted
