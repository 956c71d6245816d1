"""Drain and write walk against nested loops over jobs, columns, blocks and slots."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from typing import Any

import pytest
from hdl_bench import play, refusal

from gatecast.hdl.drain import Drain, DrainLayer, WriteLayer, WriteWalk

MARKS = ("job_first", "column_first", "dot_first", "enabled", "job_last", "layer")


@dataclass(frozen=True)
class Scene:
    """Layers of an engine of ``groups`` groups of columns, and where they write in one memory."""

    groups: int
    drains: list[DrainLayer]
    writes: list[WriteLayer]


def random_scene(rng: random.Random) -> Scene:
    groups = rng.randrange(1, 5)
    drains: list[DrainLayer] = []
    writes: list[WriteLayer] = []
    parameters, base = rng.randrange(0, 3), rng.randrange(0, 3)
    parts = rng.choice((1, 2, 3, 4, 5, 6, 7, 8, 12))
    for _ in range(rng.randrange(1, 4)):
        blocks, columns = rng.randrange(1, 4), rng.randrange(1, 4)
        slots = (blocks - 1) * groups + rng.randrange(1, groups + 1)
        drains.append(DrainLayer(columns=columns, blocks=blocks, slots=slots, parameter_base=parameters))
        parameters += blocks * groups
        pixel_words = -(-slots // parts) + rng.choice((0, 0, 1))
        row_words, region_rows = columns * pixel_words, rng.randrange(1, 5)
        if rng.random() < 0.25:
            writes.append(WriteLayer(writes=False, writes_per_word=parts, blocks=1, pixel_words=0,
                                     row_words=0, region_base=0, region_rows=1))
            continue
        writes.append(WriteLayer(writes=True, writes_per_word=parts, blocks=blocks, pixel_words=pixel_words,
                                 row_words=row_words, region_base=base, region_rows=region_rows))
        base += region_rows * row_words
    if not any(write.writes for write in writes):
        return random_scene(rng)
    return Scene(groups=groups, drains=drains, writes=writes)


@dataclass(frozen=True)
class Slot:
    """All that a slot should show, and the slot of the row that it is."""

    marks: dict[str, int]
    parameter: int
    place: int | None
    """Address in the memory, or none if it is not written."""


def power_of_two(parts: int) -> int:
    """The next one, from one word to the next."""
    return next(power for power in (1, 2, 4, 8, 16) if power >= parts)


def slots(scene: Scene, jobs: list[int]) -> list[list[Slot]]:
    """The slots of each dot product of ``jobs``, given by their layers."""
    rows = [0] * len(scene.drains)
    dots = []
    for layer in jobs:
        drain, write = scene.drains[layer], scene.writes[layer]
        for column in range(drain.columns):
            for block in range(drain.blocks):
                job_end = column == drain.columns - 1 and block == drain.blocks - 1
                dot = []
                for order, group in enumerate(reversed(range(scene.groups))):
                    of_pixel = block * scene.groups + group
                    enabled = of_pixel < drain.slots
                    marks = {
                        "job_first": int(column == block == order == 0),
                        "column_first": int(block == order == 0),
                        "dot_first": int(order == 0),
                        "enabled": int(enabled),
                        "job_last": int(job_end and group == 0),
                        "layer": layer,
                    }
                    word = (write.region_base + rows[layer] % write.region_rows * write.row_words
                            + column * write.pixel_words + of_pixel // write.writes_per_word)
                    place = (word * power_of_two(write.writes_per_word)
                             + of_pixel % write.writes_per_word) if enabled and write.writes else None
                    dot.append(Slot(marks=marks, place=place,
                                    parameter=drain.parameter_base + block * scene.groups + order))
                dots.append(dot)
        rows[layer] += 1
    return dots


def drain_stimulus(scene: Scene, dots: list[list[Slot]],
                   rng: random.Random) -> tuple[list[dict[str, int]], dict[int, Slot]]:
    """Announcements ``groups`` cycles apart or more, the layer a cycle before; and the slots that follow."""
    stimulus: list[dict[str, int]] = [{"dot": 0, "layer": rng.randrange(len(scene.drains))}]
    expected: dict[int, Slot] = {}
    for dot in dots:
        while rng.random() < 0.3:
            stimulus.append({"dot": 0, "layer": rng.randrange(len(scene.drains))})
        stimulus[-1]["layer"] = dot[0].marks["layer"]
        expected |= {len(stimulus) + 1 + order: slot for order, slot in enumerate(dot)}
        stimulus.append({"dot": 1, "layer": rng.randrange(len(scene.drains))})
        stimulus += [{"dot": 0, "layer": rng.randrange(len(scene.drains))} for _ in range(scene.groups - 1)]
    stimulus += [{"dot": 0, "layer": 0}] * (scene.groups + 3)
    return stimulus, expected


def compare_drain(trace: list[dict[str, Any]], expected: dict[int, Slot]) -> None:
    for cycle, row in enumerate(trace):
        slot = expected.get(cycle)
        assert row["marks"]["valid"] == (slot is not None), f"cycle {cycle}"
        if slot is not None:
            assert {name: row["marks"][name] for name in MARKS} == slot.marks, f"cycle {cycle}"
            assert row["parameter"] == slot.parameter, f"cycle {cycle}"
        else:
            # A row is produced by this mark alone.
            assert not row["marks"]["job_last"], f"cycle {cycle}"


def random_jobs(scene: Scene, rng: random.Random, count: int = 8) -> list[int]:
    return [rng.randrange(len(scene.drains)) for _ in range(count)]


@pytest.mark.parametrize("seed", range(12))
def test_every_slot_has_its_marks_and_parameters(seed):
    rng = random.Random(seed)
    scene = random_scene(rng)
    stimulus, expected = drain_stimulus(scene, slots(scene, random_jobs(scene, rng)), rng)
    trace = play(Drain(scene.drains, groups=scene.groups), stimulus, ["marks", "parameter"])
    compare_drain(trace, expected)


@pytest.mark.parametrize("seed", range(6))
def test_drain_starts_afresh_after_reset(seed):
    rng = random.Random(seed)
    scene = random_scene(rng)
    before, _ = drain_stimulus(scene, slots(scene, random_jobs(scene, rng)), rng)
    after, expected = drain_stimulus(scene, slots(scene, random_jobs(scene, rng)), rng)
    cut = rng.randrange(1, len(before))
    trace = play(Drain(scene.drains, groups=scene.groups), before[:cut] + after, ["marks", "parameter"],
                 resets={cut - 1})
    compare_drain(trace[cut:], expected)


@pytest.mark.parametrize("seed", range(6))
def test_offsets_move_the_parameters_of_whole_columns(seed):
    rng = random.Random(seed)
    scene = random_scene(rng)
    dots = slots(scene, random_jobs(scene, rng))
    stimulus, expected = drain_stimulus(scene, dots, rng)
    # The offset counts with the first block of a column; before, and with other blocks, it may be anything.
    for row in stimulus:
        row["offset"] = rng.randrange(8)
    offset = 0
    for cycle, slot in expected.items():
        if slot.marks["column_first"]:
            offset = stimulus[cycle - 1]["offset"]
        expected[cycle] = replace(slot, parameter=slot.parameter + offset)
    trace = play(Drain(scene.drains, groups=scene.groups, offsets=8), stimulus, ["marks", "parameter"])
    compare_drain(trace, expected)


def write_stimulus(scene: Scene, dots: list[list[Slot]],
                   rng: random.Random) -> tuple[list[dict[str, Any]], dict[int, int]]:
    """Marks as the drain gives them; and the writes that follow."""
    idle = dict.fromkeys(("valid", "job_first", "column_first", "dot_first", "job_last", "layer"), 0)
    stimulus: list[dict[str, Any]] = [{"marks": {**idle, "enabled": 0}}]
    expected: dict[int, int] = {}
    for dot in dots:
        while rng.random() < 0.3:
            # Between dot products nothing but `enabled` may be on.
            stimulus.append({"marks": {**idle, "enabled": rng.randrange(2)}})
        for slot in dot:
            if slot.place is not None:
                expected[len(stimulus) + WriteWalk.LATENCY] = slot.place
            stimulus.append({"marks": {"valid": 1, **slot.marks}})
    stimulus += [{"marks": {**idle, "enabled": 1}}] * (WriteWalk.LATENCY + 2)
    return stimulus, expected


def written(trace: list[dict[str, Any]]) -> dict[int, int]:
    return {cycle: row["address"] for cycle, row in enumerate(trace) if row["enable"]}


@pytest.mark.parametrize("seed", range(40))
def test_every_slot_goes_to_its_place(seed):
    rng = random.Random(seed)
    scene = random_scene(rng)
    stimulus, expected = write_stimulus(scene, slots(scene, random_jobs(scene, rng, 12)), rng)
    assert WriteWalk.LATENCY == 4
    trace = play(WriteWalk(scene.writes, groups=scene.groups), stimulus, ["enable", "address"])
    assert written(trace) == expected


@pytest.mark.parametrize("seed", range(6))
def test_write_walk_starts_afresh_after_reset(seed):
    rng = random.Random(seed)
    scene = random_scene(rng)
    before, _ = write_stimulus(scene, slots(scene, random_jobs(scene, rng)), rng)
    after, expected = write_stimulus(scene, slots(scene, random_jobs(scene, rng)), rng)
    cut = rng.randrange(1, len(before))
    trace = play(WriteWalk(scene.writes, groups=scene.groups), before[:cut] + after, ["enable", "address"],
                 resets={cut - 1})
    assert written(trace[cut:]) == expected


def test_rows_wrap_at_the_end_of_the_region():
    """Two columns of one slot in a ring of three rows that begins at slot 5."""
    scene = Scene(groups=1, drains=[DrainLayer(columns=2, blocks=1, slots=1, parameter_base=0)],
                  writes=[WriteLayer(writes=True, writes_per_word=1, blocks=1, pixel_words=1, row_words=2,
                                     region_base=5, region_rows=3)])
    stimulus, _ = write_stimulus(scene, slots(scene, [0] * 4), random.Random(0))
    trace = play(WriteWalk(scene.writes, groups=1), stimulus, ["enable", "address"])
    assert list(written(trace).values()) == [5, 6, 7, 8, 9, 10, 5, 6]


WRITE = WriteLayer(writes=True, writes_per_word=3, blocks=2, pixel_words=2, row_words=4, region_base=0,
                   region_rows=2)


def test_refuses_words_of_different_sizes():
    assert refusal(WriteWalk, [WRITE, replace(WRITE, writes_per_word=4)], groups=3) == (
        "All layers must have the same writes_per_word in a memory, not [3, 4]")


def test_refuses_words_without_parts():
    assert refusal(WriteWalk, [replace(WRITE, writes_per_word=0)], groups=3) == (
        "A word must have at least one part, not 0")


def test_refuses_columns_that_meet():
    assert refusal(WriteWalk, [WRITE, replace(WRITE, pixel_words=1)], groups=3) == (
        "A column of layer 1 must have words for 2 blocks of 3 slots, not 1 of 3")
