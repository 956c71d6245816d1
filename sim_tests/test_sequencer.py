"""The sequencer against a small model of its rules, fed by neighbours that come and go at random."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from typing import Any

import pytest
from hdl_bench import Clocked, plain, play, refusal, simulate

from gatecast.hdl.sequencer import Job, Sequencer, SequencerLayer

WATCH = ("layer", "row", "padding_top", "valid_rows", "load", "issue", "running_layer", "last", "released",
         "released_layer", "released_rows")


def random_layer(rng: random.Random, base: int) -> SequencerLayer:
    region_rows = rng.randrange(1, 7)
    jobs = []
    for _ in range(rng.randrange(1, 6)):
        want = rng.randrange(0, region_rows + 1)
        jobs.append(Job(want=want, release=rng.randrange(0, want + 1), padding_top=rng.randrange(0, 3),
                        valid_rows=rng.randrange(0, 4), skip=rng.randrange(0, want + 1)))
    return SequencerLayer(
        job_cycles=rng.choice((1, 2, 3, 4, 5, 6, 9, 17)), jobs=tuple(jobs), region_base=base,
        region_rows=region_rows, row_reads=rng.randrange(1, 9),
        credits=tuple(rng.randrange(1, 5) for _ in range(rng.randrange(1, 3))))


def random_layers(rng: random.Random) -> list[SequencerLayer]:
    layers: list[SequencerLayer] = []
    base = 0
    for _ in range(rng.randrange(1, 5)):
        layers.append(random_layer(rng, base))
        base += layers[-1].region_rows * layers[-1].row_reads + rng.randrange(0, 4)
    return layers


@dataclass
class Neighbours:
    """Who fills and empties the regions: at random times, never more than fits.

    ``rows`` counts what lies in the region of each layer's input, ``done`` the rows of each output that its
    reader has not freed.
    """

    layers: list[SequencerLayer]
    rng: random.Random
    rows: Counter[int] = field(default_factory=Counter)
    done: Counter[tuple[int, int]] = field(default_factory=Counter)

    def __post_init__(self) -> None:
        self.eagerness = [self.rng.choice((0.05, 0.3, 0.9)) for _ in self.layers]

    def act(self) -> dict[str, int]:
        """The inputs of the next cycle."""
        inputs: dict[str, int] = {"row_produced": 0}
        for index, layer in enumerate(self.layers):
            produced = self.rows[index] < layer.region_rows and self.rng.random() < self.eagerness[index]
            self.rows[index] += produced
            inputs["row_produced"] |= produced << index
            for reader in range(len(layer.credits)):
                waiting = self.done[index, reader]
                freed = self.rng.randint(0, waiting) if self.rng.random() < self.eagerness[-index - 1] else 0
                self.done[index, reader] -= freed
                inputs[f"rows_freed_{index}_{reader}"] = freed
        return inputs

    def see(self, outputs: dict[str, Any]) -> None:
        """What the sequencer has released and finished in this cycle."""
        if outputs["released"]:
            self.rows[outputs["released_layer"]] -= outputs["released_rows"]
        if outputs["last"]:
            layer = outputs["running_layer"]
            for reader in range(len(self.layers[layer].credits)):
                self.done[layer, reader] += 1


def run(layers: list[SequencerLayer], rng: random.Random, cycles: int,
        reset: int | None = None) -> tuple[list[dict[str, int]], list[dict[str, int]]]:
    """Inputs and outputs, cycle by cycle, of all cycles after the ``reset``."""
    dut = Sequencer(layers)
    clocked = Clocked(dut)
    inputs: list[dict[str, int]] = []
    outputs: list[dict[str, int]] = []

    async def bench(ctx: Any) -> None:
        neighbours = Neighbours(layers, rng)
        for cycle in range(cycles + (0 if reset is None else reset + 1)):
            inputs.append(neighbours.act())
            for name, value in inputs[-1].items():
                ctx.set(getattr(dut, name), value)
            ctx.set(clocked.domain.rst, cycle == reset)
            outputs.append({name: plain(ctx.get(getattr(dut, name))) for name in WATCH})
            neighbours.see(outputs[-1])
            await ctx.tick()
            if cycle == reset:
                neighbours = Neighbours(layers, rng)
                inputs.clear()
                outputs.clear()

    simulate(clocked, bench)
    return inputs, outputs


def model(layers: list[SequencerLayer], inputs: list[dict[str, int]]) -> dict[int, dict[str, int]]:
    """What the outputs show in the cycles in which they mean something, from the rules alone."""
    shown: dict[int, dict[str, int]] = defaultdict(dict)
    kept = [0] * len(layers)
    jobs = [0] * len(layers)
    released = [0] * len(layers)
    free = {(index, reader): rows for index, layer in enumerate(layers)
            for reader, rows in enumerate(layer.credits)}
    may_decide = 1
    latest: int | None = None
    for cycle in range(len(inputs)):
        if cycle >= Sequencer.EVENT:
            event = inputs[cycle - Sequencer.EVENT]
            for index in range(len(layers)):
                kept[index] += event["row_produced"] >> index & 1
            for index, reader in free:
                free[index, reader] += event[f"rows_freed_{index}_{reader}"]
        if latest is not None:
            shown[cycle]["layer"] = latest
        ready = [index for index, layer in enumerate(layers)
                 if kept[index] >= layer.jobs[jobs[index] % len(layer.jobs)].want
                 and all(free[index, reader] for reader in range(len(layer.credits)))]
        if cycle < may_decide or not ready:
            continue
        latest = ready[-1]
        layer = layers[latest]
        job = layer.jobs[jobs[latest] % len(layer.jobs)]
        first_tap = cycle + Sequencer.START
        end = first_tap + layer.job_cycles
        shown[first_tap - 1].update(
            load=1, padding_top=job.padding_top, valid_rows=job.valid_rows,
            row=layer.region_base + (released[latest] + job.skip) % layer.region_rows * layer.row_reads)
        for issuing in range(first_tap, end):
            shown[issuing].update(issue=1, running_layer=latest, last=int(issuing == end - 1))
        shown[end].update(released=1, released_layer=latest, released_rows=job.release)
        may_decide = cycle + max(layer.job_cycles, Sequencer.START)
        jobs[latest] += 1
        released[latest] += job.release
        kept[latest] -= job.release
        for reader in range(len(layer.credits)):
            free[latest, reader] -= 1
    return shown


def compare(outputs: list[dict[str, int]], shown: dict[int, dict[str, int]]) -> None:
    for cycle, row in enumerate(outputs):
        expected = {"load": 0, "issue": 0, "last": 0, "released": 0, **shown.get(cycle, {})}
        assert {name: row[name] for name in expected} == expected, f"cycle {cycle}"


@pytest.mark.parametrize("seed", range(30))
def test_every_decision(seed):
    rng = random.Random(seed)
    layers = random_layers(rng)
    inputs, outputs = run(layers, rng, 400)
    shown = model(layers, inputs)
    assert sum(row.get("load", 0) for row in shown.values()) > 3
    compare(outputs, shown)


@pytest.mark.parametrize("seed", range(200, 210))
def test_as_from_the_start_after_reset(seed):
    rng = random.Random(seed)
    layers = random_layers(rng)
    inputs, outputs = run(layers, rng, 200, reset=rng.randrange(5, 120))
    compare(outputs, model(layers, inputs))


def script(layers: list[SequencerLayer], events: dict[int, dict[str, int]],
           cycles: int) -> list[dict[str, int]]:
    """The outputs with the inputs of ``events`` in their cycles, and zeros in all others."""
    quiet = {name: 0 for inputs in events.values() for name in inputs}
    return play(Sequencer(layers), [{**quiet, **events.get(cycle, {})} for cycle in range(cycles)], WATCH)


ROW = Job(want=1, release=1, padding_top=0, valid_rows=1)


def loads(outputs: list[dict[str, int]]) -> list[tuple[int, int]]:
    """Cycle of the first tap and layer of each job."""
    return [(cycle + 1, row["layer"]) for cycle, row in enumerate(outputs) if row["load"]]


def test_a_row_starts_a_job_after_six_cycles():
    """EVENT to the decision, START to the first tap."""
    assert (Sequencer.START, Sequencer.EVENT) == (4, 2)
    layer = SequencerLayer(job_cycles=3, jobs=(ROW,), region_base=0, region_rows=2, row_reads=1, credits=(1,))
    outputs = script([layer], {5: {"row_produced": 1}}, 30)
    assert [cycle for cycle, row in enumerate(outputs) if row["issue"]] == [11, 12, 13]
    assert [cycle for cycle, row in enumerate(outputs) if row["last"]] == [13]
    assert [cycle for cycle, row in enumerate(outputs) if row["released"]] == [14]


@pytest.mark.parametrize(("job_cycles", "apart"), [(1, 4), (3, 4), (4, 4), (5, 5), (20, 20)])
def test_jobs_follow_without_a_gap_or_after_start_cycles(job_cycles, apart):
    layer = SequencerLayer(job_cycles=job_cycles, jobs=(ROW,), region_base=0, region_rows=4, row_reads=1,
                           credits=(4,))
    outputs = script([layer], {cycle: {"row_produced": 1} for cycle in range(4)}, 90)
    assert loads(outputs) == [(6 + apart * job, 0) for job in range(4)]


def test_the_latest_layer_goes_first():
    layers = [SequencerLayer(job_cycles=8, jobs=(ROW,), region_base=index, region_rows=2, row_reads=1,
                             credits=(2,)) for index in range(3)]
    outputs = script(layers, {0: {"row_produced": 0b011}, 3: {"row_produced": 0b110}}, 60)
    # Decisions in cycles 2, 10, 18 and 26: layer 1 first, the rows of cycle 3 go before layer 0.
    assert loads(outputs) == [(6, 1), (14, 2), (22, 1), (30, 0)]


def test_without_a_free_row_nothing_starts():
    layer = SequencerLayer(job_cycles=4, jobs=(ROW,), region_base=0, region_rows=4, row_reads=1,
                           credits=(3, 1))
    events = {cycle: {"row_produced": 1} for cycle in range(3)} | {20: {"rows_freed_0_1": 1}}
    assert loads(script([layer], events, 50)) == [(6, 0), (26, 0)]


@pytest.mark.parametrize(("want", "release"), [(5, 0), (2, 3), (1, -1)])
def test_refuses_jobs_that_cannot_be(want, release):
    job = Job(want=want, release=release, padding_top=0, valid_rows=1)
    assert refusal(SequencerLayer, job_cycles=1, jobs=(ROW, job), region_base=0, region_rows=4, row_reads=1,
                   credits=(1,)) == (
        f"A job must have 0 <= release <= want <= 4 rows, not Job(want={want}, release={release}, "
        f"padding_top=0, valid_rows=1, skip=0)")
