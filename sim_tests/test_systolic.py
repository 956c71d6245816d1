"""Systolic arrays of random shapes: every slot right, at its own cycle, in the stated order."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.hdl.dot_product import DotProduct
from gatecast.hdl.systolic import SystolicArray, SystolicGroup, SystolicParams


def wrapped(value: int, width: int) -> int:
    """The two's complement of ``width`` bits."""
    return (value + (1 << (width - 1))) % (1 << width) - (1 << (width - 1))


def random_params(rng: np.random.Generator, sum_width: int = 24, **kinds: Any) -> SystolicParams:
    group, groups, lanes, depth = (int(rng.integers(1, 5)) for _ in range(4))
    dtype, least = (np.int8, -128) if rng.integers(2) else (np.int16, -256)
    weights = rng.integers(least, -least, (depth + 3, group * groups, lanes)).astype(dtype)
    weights[rng.random(weights.shape) < 0.2] = least
    return SystolicParams(weights=weights, group=group, sum_width=sum_width, **kinds)


def random_beats(params: SystolicParams, rng: random.Random, dots: int) -> list[dict[str, Any]]:
    """Dot products of random length whose last taps are at least ``groups`` cycles apart, mostly just so.

    Between the taps pass idle beats that hold anything.
    """
    beats: list[dict[str, Any]] = []

    def beat(tap: int, last: int) -> None:
        beats.append({"x": [rng.choice((-128, 127, rng.randrange(-128, 128))) for _ in range(params.lanes)],
                      "weight": rng.randrange(params.depth), "tap": tap, "last": last})

    for _ in range(dots):
        taps = rng.randrange(1, 2 * params.groups + 2)
        for _ in range(max(params.groups - taps, 0)):
            beat(0, 0)
        for tap in range(taps):
            while rng.random() < 0.1:
                beat(0, 0)
            beat(1, int(tap == taps - 1))
    return beats


def expected_slots(params: SystolicParams, beats: list[dict[str, Any]]) -> dict[int, tuple[int, ...]]:
    """Cycle and sums of each slot, straight from the contract."""
    slots = {}
    sums = np.zeros(params.columns, np.int64)
    for cycle, beat in enumerate(beats):
        if beat["tap"]:
            sums += params.weights[beat["weight"]].astype(np.int64) @ np.array(beat["x"], np.int64)
        if beat["last"]:
            of_groups = sums.reshape(params.groups, params.group)
            for order in range(params.groups):
                slots[cycle + params.latency + order] = tuple(
                    wrapped(int(value), params.sum_width) for value in of_groups[params.groups - 1 - order])
            sums[:] = 0
    return slots


def observed_slots(params: SystolicParams, beats: list[dict[str, Any]],
                   resets: tuple[int, ...] = ()) -> dict[int, tuple[int, ...]]:
    idle = {"x": [0] * params.lanes, "weight": 0, "tap": 0, "last": 0}
    stimulus = [{"beat": beat} for beat in [*beats, *[idle] * (params.latency + params.groups + 2)]]
    trace = play(SystolicArray(params), stimulus, ["slot", "slot_valid"], resets=resets)
    return {cycle: row["slot"] for cycle, row in enumerate(trace) if row["slot_valid"]}


@pytest.mark.parametrize("seed", range(10))
def test_every_slot_in_its_cycle(seed):
    params = random_params(np.random.default_rng(seed))
    beats = random_beats(params, random.Random(seed), dots=12)
    assert observed_slots(params, beats) == expected_slots(params, beats)


@pytest.mark.parametrize("seed", range(4))
def test_a_kind_changes_no_bit_and_no_cycle(seed):
    params = random_params(np.random.default_rng(seed), weights_in="lut", multipliers_in="lut")
    beats = random_beats(params, random.Random(seed), dots=12)
    assert observed_slots(params, beats) == expected_slots(params, beats)


@NEEDS_YOSYS
@pytest.mark.parametrize(("weights_in", "multipliers_in"), [("block", "lut"), ("lut", "dsp")])
def test_what_becomes_of_each_kind(weights_in, multipliers_in):
    """A word of 4 weights for each of 2 groups, 8 multipliers."""
    weights = np.random.default_rng(0).integers(-128, 128, (20, 4, 2)).astype(np.int8)
    params = SystolicParams(weights=weights, group=2, sum_width=20, weights_in=weights_in,
                            multipliers_in=multipliers_in)
    cells = counts(SystolicArray(params), ECP5)
    assert cells["MULT18X18D"] == (8 if multipliers_in == "dsp" else 0)
    assert cells["DP16KD"] + cells["PDPW16KD"] == (2 if weights_in == "block" else 0)


@NEEDS_YOSYS
@pytest.mark.parametrize("weights_in", ["block", "lut"])
def test_weights_that_are_all_zero_need_no_multiplier(weights_in):
    weights = np.random.default_rng(0).integers(1, 128, (20, 4, 3)).astype(np.int8)
    weights[:, 1, 2] = weights[:, 2, 0] = weights[1:, 3, 1] = 0
    params = SystolicParams(weights=weights, group=2, sum_width=20, weights_in=weights_in)
    assert counts(SystolicArray(params), ECP5)["MULT18X18D"] == params.used.sum() == 10
    beats = random_beats(params, random.Random(0), dots=12)
    assert observed_slots(params, beats) == expected_slots(params, beats)


@pytest.mark.parametrize(("columns", "group", "lanes"), [
    (1, 1, 1), (4, 1, 1), (4, 4, 1), (6, 3, 5), (3, 1, 8)])
def test_every_slot_in_arrays_of_chosen_shapes(columns, group, lanes):
    weights = np.random.default_rng(columns).integers(-128, 128, (5, columns, lanes)).astype(np.int8)
    params = SystolicParams(weights=weights, group=group, sum_width=21)
    beats = random_beats(params, random.Random(lanes), dots=10)
    assert observed_slots(params, beats) == expected_slots(params, beats)


@pytest.mark.parametrize("seed", range(4))
def test_sums_in_between_may_wrap(seed):
    """Of 14 bits, far too narrow for the sums: what comes out is right modulo 2**14."""
    params = random_params(np.random.default_rng(seed), sum_width=14)
    beats = random_beats(params, random.Random(seed), dots=10)
    expected = expected_slots(params, beats)
    wide = SystolicParams(weights=params.weights, group=params.group, sum_width=24)
    assert observed_slots(params, beats) == expected
    assert list(expected_slots(wide, beats).values()) != list(expected.values())


@pytest.mark.parametrize("seed", range(4))
def test_reset_forgets_all_that_is_under_way(seed):
    params = random_params(np.random.default_rng(seed))
    rng = random.Random(seed)
    before = random_beats(params, rng, dots=rng.randrange(1, 6))
    cut = rng.randrange(1, len(before) + 1)
    after = random_beats(params, rng, dots=5)
    # The beat of the reset's own cycle is lost with all before it; the next cycle starts afresh.
    observed = observed_slots(params, before[:cut] + after, resets=(cut - 1,))
    expected = {cycle + cut: slot for cycle, slot in expected_slots(params, after).items()}
    assert {cycle: slot for cycle, slot in observed.items() if cycle >= cut} == expected


@pytest.mark.parametrize(("lanes", "groups", "cycles"), [
    (1, 1, 9), (4, 1, 11), (1, 5, 13), (5, 3, 14), (16, 8, 20)])
def test_latency(lanes, groups, cycles):
    """Three of the weight memory, the dot product's, the accumulator, a hop for each group and one more."""
    assert SystolicGroup.latency(lanes) == 3 + DotProduct.latency(lanes) + 1
    assert SystolicArray.latency(lanes, groups) == SystolicGroup.latency(lanes) + groups + 1 == cycles
    params = SystolicParams(weights=np.zeros((2, 2 * groups, lanes), np.int8), group=2, sum_width=20)
    assert params.latency == cycles


@pytest.mark.parametrize(("weights", "found"), [
    (np.zeros((4, 4), np.int8), "int8 [4, 4]"),
    (np.zeros((4, 4, 2), np.int32), "int32 [4, 4, 2]"),
    (np.zeros((0, 4, 2), np.int8), "int8 [0, 4, 2]"),
])
def test_refuses_weights(weights, found):
    assert refusal(SystolicParams, weights=weights, group=2, sum_width=20) == (
        f"Systolic weights must be int8 or int16 of shape [depth, columns, lanes], not {found}")


@pytest.mark.parametrize("group", [0, -1, 4, 12])
def test_refuses_groups_that_do_not_divide(group):
    assert refusal(SystolicParams, weights=np.zeros((2, 6, 1), np.int8), group=group, sum_width=20) == (
        f"Systolic group must divide the 6 columns, not {group}")


def test_refuses_kinds():
    weights = np.zeros((2, 6, 1), np.int8)
    assert refusal(SystolicParams, weights=weights, group=2, sum_width=20, weights_in="auto") == (
        "Systolic weights_in must be 'block' or 'lut', not 'auto'")
    assert refusal(SystolicParams, weights=weights, group=2, sum_width=20, multipliers_in="block") == (
        "Systolic multipliers_in must be 'dsp' or 'lut', not 'block'")
