"""The plan as a value: what it says of itself, through JSON and back, and its resources as built."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest
from random_networks import network
from random_plans import STYLES, random_plan

from gatecast.elaboration import parameters
from gatecast.hdl.requantizer import TABLES
from gatecast.hdl.sequencer import Sequencer
from gatecast.hdl.systolic import SystolicParams
from gatecast.hdl.table import Table
from gatecast.lowering import lower
from gatecast.planner import Budget, EnginePlan, Plan, Region, events, plan, predict, resources
from gatecast.planner.plan import MEMORIES_OF, MULTIPLIERS_OF, SINK, SOURCE
from gatecast.planner.schedule import schedule

RANDOM = [(seed, style) for seed in range(8) for style in STYLES]


def make(seed: int, style: str) -> Plan:
    return random_plan(lower(network(seed, layers=1 + seed % 5)), style, seed)


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_through_json_and_back(seed, style):
    made = make(seed, style)
    document = json.loads(json.dumps(made.to_json()))
    assert Plan.from_json(made.network, document) == made
    assert json.loads(str(made)) == document
    # Weights are on the chip if nothing else is said.
    del document["external_weights"]
    assert Plan.from_json(made.network, document) == made


def test_json_is_plain():
    made = Plan(
        network=lower(network(1, layers=1)),
        engines=(EnginePlan(name="e", kind="systolic", lanes=2, columns=6, group=3, layers=("a", "b")),),
        regions=(Region(tensor="input", writer=SOURCE, reader="e", rows=7),))
    assert made.to_json() == {
        "network": "random",
        "engines": [{"name": "e", "kind": "systolic", "lanes": 2, "columns": 6, "group": 3,
                     "layers": ["a", "b"], "array_in": "dsp", "requantizer_in": "dsp",
                     "weights_in": "block", "tables_in": "block", "parameters_in": "block"}],
        "external_weights": False,
        "regions": [{"tensor": "input", "writer": "source", "reader": "e", "rows": 7, "memory_in": "block"}],
    }


def test_engines_count_their_positions():
    systolic = EnginePlan(name="", kind="systolic", lanes=4, columns=6, group=2, layers=())
    assert (systolic.positions, systolic.groups) == (24, 3)
    channel = EnginePlan(name="", kind="channel", lanes=8, columns=8, group=2, layers=())
    assert (channel.positions, channel.groups) == (8, 4)


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_everything_is_found_by_its_name(seed, style):
    made = make(seed, style)
    for layer in made.network.layers:
        assert layer.name in made.engine_of(layer.name).layers
        assert made.writer_of(layer.output) == made.engine_of(layer.name).name
        reader = made.engine_of(layer.name).name
        assert made.region(layer.inputs[0], reader).writer == made.writer_of(layer.inputs[0])
    assert made.writer_of(made.network.input) == SOURCE
    assert made.region(made.network.output, SINK).tensor == made.network.output


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_resources_are_those_of_the_hardware(seed, style):
    made = make(seed, style)
    built = parameters(made)
    systolic = [engine.array for engine in built.engines if isinstance(engine.array, SystolicParams)]
    expected = resources(made)
    # What is the same in every word is no memory.
    assert expected.weight_bits <= sum(8 * array.weights.size for array in systolic)
    assert expected.parameter_bits <= sum(
        Table.bits(engine.requantizer.rows(name)) for engine in built.engines for name in TABLES)
    assert expected.feature_bits == sum(8 * memory.params.words * memory.params.word_bytes
                                        for memory in built.memories)
    assert expected.requantizer_multipliers == sum(
        engine.requantizer.multiplier_parts for engine in built.engines)
    # The channel arrays of these networks add and compare.
    assert expected.multipliers == sum(array.lanes * array.columns for array in systolic)
    assert expected.memory_bits == expected.weight_bits + expected.parameter_bits + expected.feature_bits


@pytest.mark.parametrize("field", [*MULTIPLIERS_OF, *MEMORIES_OF, "memory_in"])
def test_resources_follow_the_kinds(field):
    """Everything else as it is."""
    made, memory = make(2, "folded"), field not in MULTIPLIERS_OF
    cells, luts = [], []
    for kind in ("block", "lut") if memory else ("dsp", "lut"):
        if field == "memory_in":
            changed = replace(made, regions=tuple(
                replace(region, memory_in=kind) for region in made.regions))
        else:
            changed = replace(made, engines=tuple(
                replace(engine, **{field: kind}) for engine in made.engines))
        taken = resources(changed)
        cells.append(taken.block_rams if memory else taken.dsps)
        luts.append(taken.luts)
        assert predict(changed) == predict(made)
    # These networks have no lookups.
    assert (cells[0] > cells[1] and luts[0] < luts[1]) or (field == "tables_in" and cells[0] == cells[1])


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_the_prediction_is_that_of_the_events(seed, style):
    made = make(seed, style)
    prediction = predict(made)
    steady = events.steady_state(schedule(made))
    latency, cycles, frames = steady.latency, steady.cycles, steady.frames
    assert (prediction.latency_cycles, prediction.cycles_per_inference) == (latency, cycles / frames)


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_the_bottleneck_is_the_busiest(seed, style):
    """Nothing is faster than its busiest part, be it a link or an engine with its holds and short jobs."""
    made = make(seed, style)
    prediction, built = predict(made), parameters(made)
    work = {"source": built.input_bytes, "sink": built.output_bytes}
    for engine, params in zip(made.engines, built.engines, strict=True):
        work[engine.name] = sum(
            layer.sequencer.jobs * layer.walk.columns * layer.walk.blocks * layer.walk.dot_taps
            for layer in params.layers)
    assert prediction.work == work
    occupied = dict(work)
    for engine, params in zip(made.engines, built.engines, strict=True):
        occupied[engine.name] = sum(layer.sequencer.jobs * max(layer.walk.job_cycles, Sequencer.START)
                                    for layer in params.layers)
    assert prediction.occupied == occupied
    if prediction.periodic:
        assert prediction.cycles_per_inference >= max(occupied.values())
    assert occupied[prediction.bottleneck] == max(occupied.values())
    for name, cycles in work.items():
        assert prediction.busy(name) == cycles / prediction.cycles_per_inference


@pytest.mark.parametrize("style", STYLES)
def test_short_jobs_are_paced_by_the_sequencer(style):
    """What the events say of an engine whose jobs are all shorter than START: a job each START cycles."""
    for seed in range(30):
        made = make(seed, style)
        busy = [sum(max(layer.walk.job_cycles, Sequencer.START) * layer.sequencer.jobs
                    for layer in params.layers) for params in parameters(made).engines]
        assert predict(made).cycles_per_inference >= max(busy)


def test_the_same_plan_twice():
    """From two readings of the same network, to the byte."""
    made = [plan(lower(network(4, layers=4)), Budget(multipliers=16)) for _ in range(2)]
    assert str(made[0]) == str(made[1])
    assert predict(made[0]) == predict(made[1])
