"""The walk against nested loops: every address, padding mark and weight of random layers, cycle by cycle."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import pytest
from hdl_bench import play

from gatecast.hdl.walk import Walk, WalkLayer

WATCH = ("tap", "last", "address", "padding", "weight")


@dataclass(frozen=True)
class Job:
    """One job as the sequencer orders it: the region row that the first valid kernel row reads, and more."""

    layer: int
    region_row: int
    padding_top: int
    valid_rows: int


@dataclass(frozen=True)
class Geometry:
    """What the loops below know of a layer beyond the numbers of the walk."""

    row_dilation: int
    region_rows: int
    row_reads: int


def random_layer(rng: random.Random, base: int, weight_base: int) -> tuple[WalkLayer, Geometry]:
    channel = rng.random() < 0.4
    words = 1 if channel else rng.randrange(1, 4)
    blocks = rng.randrange(1, 4)
    kernel = rng.randrange(1, 4), rng.randrange(1, 4)
    dilation = rng.randrange(1, 3), rng.randrange(1, 3)
    stride = rng.randrange(1, 4)
    left = rng.randrange(0, (kernel[1] - 1) * dilation[1] + 1)
    # Taps beyond the right end of the input are padding too, whole dot products even.
    input_columns = rng.randrange(1, 7)
    columns = rng.randrange(1, (input_columns + left) // stride + 3)
    pixel_reads = max(words, blocks if channel else 1) + rng.randrange(0, 2)
    row_reads = input_columns * pixel_reads
    region_rows = (kernel[0] - 1) * dilation[0] + 1 + rng.randrange(0, 4)
    return WalkLayer(
        columns=columns, blocks=blocks, kernel_height=kernel[0], kernel_width=kernel[1], words=words,
        hold=rng.choice((0, 0, 1, 3)), input_columns=input_columns, padding_left=left, column_stride=stride,
        column_dilation=dilation[1], pixel_reads=pixel_reads, block_reads=1 if channel else 0,
        row_reads=row_reads * dilation[0], region_base=base, region_reads=region_rows * row_reads,
        weight_base=weight_base,
    ), Geometry(row_dilation=dilation[0], region_rows=region_rows, row_reads=row_reads)


def random_walk(rng: random.Random) -> tuple[list[WalkLayer], list[Geometry], int, int]:
    """Layers one behind the other in the memory and in the weights; addresses and weights in all."""
    layers, geometries = [], []
    base, weight_base = rng.randrange(0, 5), 0
    for _ in range(rng.randrange(1, 4)):
        layer, geometry = random_layer(rng, base, weight_base)
        layers.append(layer)
        geometries.append(geometry)
        base += layer.region_reads + rng.randrange(0, 3)
        weight_base += layer.blocks * layer.dot_taps
    return layers, geometries, base, weight_base


def random_job(rng: random.Random, layers: list[WalkLayer], geometries: list[Geometry]) -> Job:
    index = rng.randrange(len(layers))
    height = layers[index].kernel_height
    valid = rng.randrange(0, height + 1)
    return Job(layer=index, region_row=rng.randrange(geometries[index].region_rows),
               padding_top=rng.randrange(0, height - valid + 1), valid_rows=valid)


def beats(layer: WalkLayer, geometry: Geometry, job: Job) -> list[dict[str, Any]]:
    """The beats of a job by nested loops. Addresses of padding and weights of channel arrays are free."""
    result: list[dict[str, Any]] = []
    for column in range(layer.columns):
        for block in range(layer.blocks):
            result += [{"tap": 0}] * layer.hold
            for kernel_row in range(layer.kernel_height):
                for kernel_column in range(layer.kernel_width):
                    for word in range(layer.words):
                        valid_row = kernel_row - job.padding_top
                        x = (column * layer.column_stride + kernel_column * layer.column_dilation
                             - layer.padding_left)
                        row = (job.region_row + valid_row * geometry.row_dilation) % geometry.region_rows
                        inside = 0 <= valid_row < job.valid_rows and 0 <= x < layer.input_columns
                        tap = (kernel_row * layer.kernel_width + kernel_column) * layer.words + word
                        beat = {"tap": 1, "last": int(tap == layer.dot_taps - 1), "padding": int(not inside)}
                        if inside:
                            beat["address"] = (layer.region_base + row * geometry.row_reads
                                               + x * layer.pixel_reads + block * layer.block_reads + word)
                        if layer.block_reads == 0:
                            beat["weight"] = layer.weight_base + block * layer.dot_taps + tap
                        result.append(beat)
    return result


def compare(trace: list[dict[str, Any]], expected: dict[int, dict[str, Any]]) -> None:
    """Beats at their cycles and nothing in any other; only what a beat names counts."""
    for cycle, row in enumerate(trace):
        beat = expected.get(cycle, {"tap": 0})
        beat = {"last": 0, **beat}
        assert {name: row[name] for name in beat} == beat, f"cycle {cycle}"


def schedule(rng: random.Random, layers: list[WalkLayer], geometries: list[Geometry], jobs: list[Job],
             *, stops: float = 0.0) -> tuple[list[dict[str, Any]], dict[int, dict[str, Any]]]:
    """Stimulus that runs ``jobs`` with random gaps or none, and the beats that it should give.

    The next job is loaded in the last cycle of the one before or later; its layer shows from two cycles
    before. With ``stops``, ``issue`` falls at random cycles within a job too.
    """
    stimulus: list[dict[str, Any]] = [{"load": 0, "issue": 0}]
    expected: dict[int, dict[str, Any]] = {}
    for job in jobs:
        # Jobs may be shorter than the cycles in which the layer has to be steady.
        while len(stimulus) < 3 or rng.random() < 0.3 or any(row["load"] for row in stimulus[-3:]):
            stimulus.append({"load": 0, "issue": 0})
        for row in stimulus[-3:]:
            row["layer"] = job.layer
        geometry = geometries[job.layer]
        stimulus[-1].update(
            load=1, padding_top=job.padding_top, valid_rows=job.valid_rows,
            row=layers[job.layer].region_base + job.region_row * geometry.row_reads)
        for beat in beats(layers[job.layer], geometry, job):
            while rng.random() < stops:
                stimulus.append({"load": 0, "issue": 0})
            expected[len(stimulus) + Walk.LATENCY] = beat
            stimulus.append({"load": 0, "issue": 1})
    stimulus += [{"load": 0, "issue": 0}] * 3
    return stimulus, expected


@pytest.mark.parametrize("seed", range(25))
def test_every_beat_in_its_cycle(seed):
    rng = random.Random(seed)
    layers, geometries, addresses, weights = random_walk(rng)
    jobs = [random_job(rng, layers, geometries) for _ in range(7)]
    stimulus, expected = schedule(rng, layers, geometries, jobs, stops=0.0 if seed % 3 else 0.2)
    compare(play(Walk(layers, addresses=addresses, weights=weights), stimulus, WATCH), expected)


@pytest.mark.parametrize("seed", range(100, 105))
def test_reset_in_the_middle_of_a_job(seed):
    rng = random.Random(seed)
    layers, geometries, addresses, weights = random_walk(rng)
    before, _ = schedule(rng, layers, geometries, [random_job(rng, layers, geometries) for _ in range(3)])
    cut = rng.randrange(4, len(before))
    after, expected = schedule(rng, layers, geometries,
                               [random_job(rng, layers, geometries) for _ in range(3)])
    trace = play(Walk(layers, addresses=addresses, weights=weights), before[:cut] + after, WATCH,
                 resets={cut - 1})
    compare(trace[cut:], expected)


@pytest.mark.parametrize("seed", range(10))
def test_a_job_takes_its_closed_formula(seed):
    layer, geometry = random_layer(random.Random(seed), 0, 0)
    job = Job(layer=0, region_row=0, padding_top=0, valid_rows=layer.kernel_height)
    taps = layer.kernel_height * layer.kernel_width * layer.words
    assert layer.dot_taps == taps
    assert layer.job_cycles == layer.columns * layer.blocks * (layer.hold + taps)
    assert len(beats(layer, geometry, job)) == layer.job_cycles


def test_the_ring_wraps_within_a_kernel():
    """Rows 2, 0 and 1 of a ring of three rows of two reads, that begins at read 4."""
    layer = WalkLayer(columns=1, blocks=1, kernel_height=3, kernel_width=2, words=1, hold=0, input_columns=2,
                      padding_left=0, column_stride=1, column_dilation=1, pixel_reads=1, block_reads=0,
                      row_reads=2, region_base=4, region_reads=6, weight_base=0)
    stimulus = [{"layer": 0}, {}, {"load": 1, "row": 8, "padding_top": 0, "valid_rows": 3},
                *[{"load": 0, "issue": 1}] * 6, {"issue": 0}]
    trace = play(Walk([layer], addresses=10, weights=6), stimulus, WATCH)
    assert [row["address"] for row in trace if row["tap"]] == [8, 9, 4, 5, 6, 7]
    assert [row["last"] for row in trace if row["tap"]] == [0, 0, 0, 0, 0, 1]
