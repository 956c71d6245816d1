"""Channel arrays of random shapes: sums and maxima of every lane, at their own cycles."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hdl_bench import play, refusal

from gatecast.hdl.channel import ChannelArray, ChannelParams

OPERATIONS = ({"sum"}, {"max"}, {"sum", "max"})


def random_params(rng: random.Random, operations: set[str]) -> ChannelParams:
    group = rng.randrange(1, 4)
    return ChannelParams(lanes=group * rng.randrange(1, 5), group=group, operations=operations, sum_width=13)


def random_beats(params: ChannelParams, rng: random.Random, windows: int) -> list[dict[str, Any]]:
    """Windows whose last taps are at least ``groups`` cycles apart; idle beats in between hold anything."""
    beats: list[dict[str, Any]] = []

    def beat(tap: int, last: int, maximum: int) -> None:
        near = rng.choice(((-128, -127), (-128, 127), (120, 127), (-3, 3)))
        beats.append({"x": [rng.randint(*near) for _ in range(params.lanes)],
                      "tap": tap, "last": last, "maximum": maximum})

    for _ in range(windows):
        taps = rng.randrange(1, 2 * params.groups + 3)
        maximum = int("max" in params.operations and ("sum" not in params.operations or rng.random() < 0.5))
        for _ in range(max(params.groups - taps, 0)):
            beat(0, 0, rng.randrange(2))
        for tap in range(taps):
            while rng.random() < 0.1:
                beat(0, 0, maximum)
            beat(1, int(tap == taps - 1), maximum)
    return beats


def expected_slots(params: ChannelParams, beats: list[dict[str, Any]]) -> dict[int, tuple[int, ...]]:
    slots = {}
    taps: list[list[int]] = []
    for cycle, beat in enumerate(beats):
        if beat["tap"]:
            taps.append(beat["x"])
        if beat["last"]:
            lanes = [(max if beat["maximum"] else sum)(lane) for lane in zip(*taps, strict=True)]
            for order in range(params.groups):
                first = (params.groups - 1 - order) * params.group
                slots[cycle + ChannelArray.LATENCY + order] = tuple(lanes[first:first + params.group])
            taps = []
    return slots


def observed_slots(params: ChannelParams, beats: list[dict[str, Any]],
                   resets: tuple[int, ...] = ()) -> dict[int, tuple[int, ...]]:
    idle = {"x": [55] * params.lanes, "maximum": 0, "tap": 0, "last": 0}
    stimulus = [{"beat": beat} for beat in [*beats, *[idle] * (params.groups + 4)]]
    trace = play(ChannelArray(params), stimulus, ["slot", "slot_valid"], resets=resets)
    return {cycle: row["slot"] for cycle, row in enumerate(trace) if row["slot_valid"]}


@pytest.mark.parametrize("operations", OPERATIONS, ids="-".join)
@pytest.mark.parametrize("seed", range(6))
def test_every_slot_in_its_cycle(seed, operations):
    rng = random.Random(seed)
    params = random_params(rng, operations)
    beats = random_beats(params, rng, windows=20)
    assert params.latency == ChannelArray.LATENCY == 2
    assert observed_slots(params, beats) == expected_slots(params, beats)


@pytest.mark.parametrize("operations", OPERATIONS, ids="-".join)
@pytest.mark.parametrize("seed", range(3))
def test_reset_forgets_all_that_is_under_way(seed, operations):
    rng = random.Random(seed)
    params = random_params(rng, operations)
    before, after = random_beats(params, rng, windows=5), random_beats(params, rng, windows=5)
    cut = rng.randrange(1, len(before) + 1)
    observed = observed_slots(params, before[:cut] + after, resets=(cut - 1,))
    expected = {cycle + cut: slot for cycle, slot in expected_slots(params, after).items()}
    assert {cycle: slot for cycle, slot in observed.items() if cycle >= cut} == expected


def test_the_narrowest_sum_holds_every_maximum():
    params = ChannelParams(lanes=1, group=1, operations={"max"}, sum_width=8)
    beats = [{"x": [x], "maximum": 1, "tap": 1, "last": 1} for x in range(-128, 128)]
    assert list(observed_slots(params, beats).values()) == [(x,) for x in range(-128, 128)]


@pytest.mark.parametrize(("lanes", "group"), [(4, 3), (0, 1), (4, 0), (2, 4)])
def test_refuses_groups_that_do_not_divide(lanes, group):
    assert refusal(ChannelParams, lanes=lanes, group=group, operations={"sum"}, sum_width=16) == (
        f"Channel group must divide the {lanes} lanes, not {group}")


@pytest.mark.parametrize(("operations", "found"), [((), "[]"), (("sum", "mean"), "['mean', 'sum']")])
def test_refuses_operations(operations, found):
    assert refusal(ChannelParams, lanes=2, group=1, operations=operations, sum_width=16) == (
        f"Channel operations must be among 'sum' and 'max', not {found}")


def test_refuses_narrow_sums():
    assert refusal(ChannelParams, lanes=2, group=1, operations={"max"}, sum_width=7) == (
        "Channel sum width must be at least 8, not 7")
