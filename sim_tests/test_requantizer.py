"""Requantization, on paper and in hardware: both sides of every step of every channel's staircase."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import numpy as np
import pytest
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.bounds import Bounds
from gatecast.hdl.requantization import Requantization
from gatecast.hdl.requantizer import FIELDS, Requantizer, RequantizerParams
from gatecast.staircase import fit


def made(requantization, *, lanes, low, high, **kinds):
    """Parameters for sums from ``low`` to ``high``, whichever channel they are for."""
    return RequantizerParams(requantization=requantization, lanes=lanes, sums=(low, high),
                             x=(low + int(requantization.bias.min()), high + int(requantization.bias.max())),
                             **kinds)


def table(**columns: list[int]) -> Requantization:
    """A channel for each entry; fields not given are those of an identity."""
    channels = len(next(iter(columns.values())))
    fields = {"bias": 0, "multiplier": 1, "offset_negative": 0, "offset_positive": 0, "shift": 0,
              "low": -128, "high": 127, "ties": 0, "zero": 0}
    return Requantization(**{name: np.array(columns.get(name, [value] * channels), np.int64)
                             for name, value in fields.items()})


def channel_value(requantization: Requantization, channel: int, total: int) -> int:
    """The contract in Python's unbounded integers."""
    of = {name: int(getattr(requantization, name)[channel]) for name in FIELDS}
    x = total + of["bias"]
    offset = of["offset_negative"] if x < 0 else of["offset_positive"]
    step = (x * of["multiplier"] + offset) // 2 ** of["shift"]
    return max(of["low"], min(of["high"], step))


def step_sums(requantization: Requantization, channel: int, low: int, high: int) -> list[int]:
    """Every sum where the channel's value changes, with its neighbour, and the extremes.

    Found from the values by bisection, on each side of zero for itself, for the offset changes there.
    """
    def value(total: int) -> int:
        return channel_value(requantization, channel, total)

    zero = min(max(-int(requantization.bias[channel]), low), high)
    sums = {low, high, zero, max(zero - 1, low)}
    for begin, end in ((low, max(zero - 1, low)), (zero, high)):
        at = begin
        while value(at) != value(end):
            left, right = at, end
            while right - left > 1:
                middle = (left + right) // 2
                left, right = (middle, right) if value(middle) == value(at) else (left, middle)
            sums |= {left, right}
            at = right
    return sorted(sums)


def random_requantization(rng: random.Random, channels: int, low: int, high: int) -> Requantization:
    """Channels whose sums reach over all of int8 and beyond, or over a part, or are constant."""
    columns: dict[str, list[int]] = {name: [] for name in FIELDS}
    for _ in range(channels):
        shift = rng.randrange(0, 40)
        reach = rng.choice((20, 256, 700))      # steps between the lowest and the highest sum
        multiplier = 0 if rng.random() < 0.1 else max(1, (reach << shift) // (high - low))
        bias = rng.choice((0, -low - 1, -high, rng.randint(low, high)))
        half, zero_point = (1 << shift) // 2, rng.randint(-128, 127) << shift
        clamp = sorted((rng.randint(-128, 127), rng.randint(-128, 127)))
        columns["bias"].append(bias)
        columns["multiplier"].append(multiplier)
        columns["offset_negative"].append(zero_point + half - rng.randrange(half + 1))
        columns["offset_positive"].append(zero_point + half)
        columns["shift"].append(shift)
        columns["low"].append(-128 if rng.random() < 0.5 else clamp[0])
        columns["high"].append(127 if rng.random() < 0.5 else clamp[1])
    return table(**columns)


def run(params: RequantizerParams, slots: list[tuple[int, list[int]]],
        *, resets: tuple[int, ...] = ()) -> list[tuple[int, ...]]:
    """The values of ``slots`` (address and sums), a slot a cycle."""
    stimulus: list[dict[str, Any]] = [{"address": address, "sums": sums} for address, sums in slots]
    trace = play(Requantizer(params), stimulus + [{}] * params.latency, ["values"], resets=resets)
    return [row["values"] for row in trace[params.latency:]]


def all_steps(params: RequantizerParams, low: int, high: int,
              rng: random.Random) -> list[tuple[int, list[int]]]:
    """Slots that take every channel over all of its steps, in random order."""
    slots = []
    for address in range(params.slots):
        lanes = [step_sums(params.requantization, address * params.lanes + lane, low, high)
                 for lane in range(params.lanes)]
        for index in range(max(map(len, lanes))):
            slots.append((address, [lane[index % len(lane)] for lane in lanes]))
    rng.shuffle(slots)
    return slots


def expected(params: RequantizerParams, slots: list[tuple[int, list[int]]]) -> list[tuple[int, ...]]:
    return [tuple(channel_value(params.requantization, address * params.lanes + lane, total)
                  for lane, total in enumerate(sums)) for address, sums in slots]


RANGES = [(-2**19, 2**19 - 1), (-70000, 300000), (-2**25, 2**26), (-128, 127), (-9000, -2), (0, 5000), (3, 3)]


@pytest.mark.parametrize(("low", "high"), RANGES)
@pytest.mark.parametrize("lanes", [1, 2])
def test_both_sides_of_every_step(low, high, lanes):
    rng = random.Random(f"{low} {high} {lanes}")
    if low == high:
        requantization = table(multiplier=[1, 0], bias=[-5, 7], offset_positive=[0, 90], shift=[0, 0])
    else:
        requantization = random_requantization(rng, 4, low, high)
    params = made(requantization, lanes=lanes, low=low, high=high)
    slots = all_steps(params, low, high, rng)
    assert run(params, slots) == expected(params, slots)


@pytest.mark.parametrize(("low", "high"), RANGES[:-1])
def test_a_kind_changes_no_value_and_no_cycle(low, high):
    rng = random.Random(f"{low} {high}")
    requantization = random_requantization(rng, 4, low, high)
    params = made(requantization, lanes=2, low=low, high=high, parameters_in="lut", multipliers_in="lut")
    assert params.latency == made(requantization, lanes=2, low=low, high=high).latency
    slots = all_steps(params, low, high, rng)
    assert run(params, slots) == expected(params, slots)


def tied_requantization(rng: random.Random, low: int, high: int) -> tuple[Requantization, Any]:
    """Channels that round as float32 does, beside one that does not, and their reference."""
    scale = np.array([2.0 ** -rng.randint(7, 10), 2.0 ** rng.uniform(-12, -9), 2.0 ** rng.uniform(-9, -7)],
                     np.float32)
    zero = rng.randint(-128, 127)
    bias = np.array([rng.randint(-200, 200) for _ in scale])

    def reference(sums):
        return np.clip(np.rint((sums + bias).astype(np.float32) * scale) + zero, -128, 127).astype(np.int8)

    ends = np.full(len(scale), low), np.full(len(scale), high)
    tied = fit(reference, Bounds(lowest=ends[0], highest=ends[1]), bias=bias, low=-128, high=127, zero=zero)
    plain = table(multiplier=[3], shift=[rng.randint(0, 30)], offset_positive=[5], bias=[-7])
    joined = {f.name: np.concatenate([getattr(tied, f.name), getattr(plain, f.name)])
              for f in dataclasses.fields(Requantization)}

    def both(sums):
        return np.concatenate([reference(sums[..., :3]), plain.compute(sums[..., 3:])], axis=-1)

    return Requantization(**joined), both


@pytest.mark.parametrize("lanes", [1, 4])
@pytest.mark.parametrize("seed", range(3))
def test_ties_as_float32_has_them(seed, lanes):
    """Both sides of every step, of every channel's sums."""
    rng = random.Random(seed)
    low, high = -300000, 300000
    requantization, reference = tied_requantization(rng, low, high)
    params = made(requantization, lanes=lanes, low=low, high=high)
    assert params.ties
    sums = np.array([rng.randint(low, high) for _ in range(8000)])
    every = reference(np.repeat(np.arange(low, high + 1)[:, np.newaxis], 4, axis=1)).astype(int)
    steps = [np.flatnonzero(np.diff(every[:, channel])) + low for channel in range(4)]
    longest = max(map(len, steps))
    columns = np.stack([np.resize(np.concatenate([step, step + 1, sums[:50]]), 2 * longest + 50)
                        for step in steps], axis=1)
    slots = [(address, columns[row, address * lanes:(address + 1) * lanes].tolist())
             for row in range(len(columns)) for address in range(params.slots)]
    found = np.array(run(params, slots)).reshape(len(columns), 4)
    np.testing.assert_array_equal(found, reference(columns))


@pytest.mark.parametrize("zero", [-128, 0, 5])
def test_ties_go_up_and_down(zero):
    """Offsets of half a step, a little less and a little more: odd steps are left to both sides."""
    half = 1 << 23
    channels = {"multiplier": [1 << 17] * 4, "offset_positive": [half, half - 1, half + 9, half],
                "offset_negative": [half, half - 5, half, half + 1], "ties": [1, 1, 1, 0],
                "zero": [zero] * 3 + [0], "shift": [0, 0, 0, 24]}
    requantization = table(**channels)
    params = made(requantization, lanes=4, low=-40000, high=40000)
    # Each half step of a scale of 1/128, and its neighbours.
    sums = [step * 64 + beside for step in range(-530, 531) for beside in (-1, 0, 1)]
    expected_values = requantization.compute(np.repeat(np.array(sums)[:, np.newaxis], 4, axis=1))
    np.testing.assert_array_equal(np.array(run(params, [(0, [each] * 4) for each in sums])), expected_values)


@pytest.mark.parametrize("columns", [
    {"multiplier": [1, 1]},                                                    # no shift at all
    {"multiplier": [1, 1], "shift": [3, 3]},                                   # the same for all channels
    {"multiplier": [1, 3], "shift": [0, 1]},                                   # one stage
    {"multiplier": [5, 7], "shift": [9, 40], "offset_negative": [-3, 2**46]},  # three stages
    {"multiplier": [0, 0], "offset_positive": [-128, 127], "offset_negative": [-128, 127]},
    {"multiplier": [2**20, 2**20], "offset_negative": [-1, 0]},                # nothing but clamps
    {"multiplier": [1, 1], "low": [-1, 127], "high": [0, 127]},
    {"multiplier": [1, 1], "low": [-128, -128], "high": [-128, -100]},
])
def test_odd_parameters(columns):
    params = made(table(**columns), lanes=1, low=-700, high=900)
    slots = all_steps(params, -700, 900, random.Random(1))
    assert run(params, slots) == expected(params, slots)


def test_steps_are_found_on_both_sides():
    """The stimulus itself: an identity has 256 values, so 255 steps, each with both of its sides."""
    assert step_sums(table(bias=[0]), 0, -200, 200) == [-200, *range(-128, 128), 200]


def test_values_that_fit_in_less_than_a_byte():
    params = made(table(low=[-2], high=[1]), lanes=1, low=-3, high=2)
    assert params.product_shape.width < 8
    slots = [(0, [total]) for total in range(-3, 3)]
    assert run(params, slots) == [(-2,), (-2,), (-1,), (0,), (1,), (1,)]


@pytest.mark.parametrize(("low", "high"), [(-9000, 2), (-2**21, 9), (-3, 9000)])
def test_sums_that_reach_much_further_on_one_side(low, high):
    shift = (max(high, -low) >> 8).bit_length()
    params = made(table(multiplier=[1, 3], shift=[shift, shift + 1]), lanes=1,
                               low=low, high=high)
    slots = all_steps(params, low, high, random.Random(low))
    assert run(params, slots) == expected(params, slots)


def test_right_again_after_reset():
    rng = random.Random(8)
    params = made(random_requantization(rng, 6, -2**19, 2**19), lanes=3,
                               low=-2**19, high=2**19)
    slots = all_steps(params, -2**19, 2**19, rng)[:60]
    assert run(params, slots, resets=(7, 30))[31:] == expected(params, slots)[31:]


@pytest.mark.parametrize(("low", "high", "columns", "latency"), [
    # The way to the table 1, table, two registers, the way to the multiplier 1, product 3, offset 1, no
    # shifter, clamp 3.
    (-2**16, 2**16, {"multiplier": [2**17 - 1]}, 12),
    # The shifter takes two bits of the range of shifts a stage.
    (-2**16, 2**16, {"multiplier": [1, 1], "shift": [8, 11]}, 13),
    (-2**16, 2**16, {"multiplier": [1, 1], "shift": [8, 12]}, 14),
    (-2**16, 2**16, {"multiplier": [1, 1], "shift": [8, 24]}, 15),
    # Sums of 20 bits and multipliers of 18 take four parts.
    (-2**19, 2**19 - 1, {"multiplier": [2**18 - 1]}, 15),
    # The bias counts: with it the sums need a bit more.
    (-2**17, 2**17 - 1, {"multiplier": [1], "bias": [0]}, 12),
    (-2**17, 2**17 - 1, {"multiplier": [1], "bias": [1]}, 13),
])
def test_latency(low, high, columns, latency):
    requantization = table(**columns)
    params = made(requantization, lanes=1, low=low, high=high)
    assert params.latency == latency
    slots = [(0, [low]), (0, [high])]
    assert run(params, slots) == expected(params, slots)


def test_table_has_a_row_for_each_slot():
    params = made(table(bias=[1, 2, 3, 4], shift=[5, 6, 7, 9]), lanes=2,
                               low=-100, high=100)
    assert (params.slots, params.shift_min) == (2, 5)
    assert [(row["bias_0"], row["bias_1"]) for row in params.rows("factors")] == [(1, 2), (3, 4)]
    assert [(row["shift_0"], row["shift_1"]) for row in params.rows("limits")] == [(0, 1), (2, 4)]


@pytest.mark.parametrize(("lanes", "multiplier", "multipliers"), [(1, 2**17 - 1, 1), (4, 2**17 - 1, 4),
                                                                  (4, 2**17, 8)])
def test_multipliers_are_counted_for_all_lanes(lanes, multiplier, multipliers):
    params = made(table(multiplier=[multiplier] * 4), lanes=lanes,
                               low=-2**17, high=2**17 - 1)
    assert params.multipliers == params.multiplier_parts == multipliers
    in_luts = made(table(multiplier=[multiplier] * 4), lanes=lanes, low=-2**17, high=2**17 - 1,
                   multipliers_in="lut")
    assert (in_luts.multipliers, in_luts.multiplier_parts) == (0, multipliers)


@NEEDS_YOSYS
@pytest.mark.parametrize(("parameters_in", "multipliers_in"), [("block", "lut"), ("lut", "dsp")])
def test_what_becomes_of_each_kind(parameters_in, multipliers_in):
    requantization = random_requantization(random.Random(2), 40, -2**19, 2**19)
    params = made(requantization, lanes=2, low=-2**19, high=2**19, parameters_in=parameters_in,
                  multipliers_in=multipliers_in)
    cells = counts(Requantizer(params), ECP5)
    assert params.multiplier_parts > 2
    assert cells["MULT18X18D"] == params.multipliers
    assert (cells["DP16KD"] + cells["PDPW16KD"] > 0) == (parameters_in == "block")


def test_refuses_kinds():
    assert refusal(made, table(bias=[0]), lanes=1, low=0, high=1, parameters_in="dsp") == (
        "Requantizer parameters_in must be 'block' or 'lut', not 'dsp'")
    assert refusal(made, table(bias=[0]), lanes=1, low=0, high=1, multipliers_in="block") == (
        "Requantizer multipliers_in must be 'dsp' or 'lut', not 'block'")


@pytest.mark.parametrize("seed", range(5))
def test_compute_is_the_contract(seed):
    rng = random.Random(seed)
    requantization = random_requantization(rng, 5, -2**20, 2**20)
    steps = [step_sums(requantization, channel, -2**20, 2**20) for channel in range(5)]
    sums = np.array([[of_channel[index % len(of_channel)] for of_channel in steps]
                     for index in range(max(map(len, steps)))])
    values = requantization.compute(sums)
    assert values.dtype == np.int8
    assert values.tolist() == [[channel_value(requantization, channel, int(total))
                                for channel, total in enumerate(row)] for row in sums]


def test_the_offset_changes_at_zero():
    requantization = table(bias=[3], offset_negative=[10], offset_positive=[20])
    assert requantization.compute(np.array([[-4], [-3], [-2]])).tolist() == [[9], [20], [21]]


def test_the_largest_numbers_are_taken():
    requantization = table(shift=[0, 62], low=[-128, 127], high=[-128, 127])
    assert requantization.compute(np.array([[5, 5]])).tolist() == [[-128, 127]]


def test_requantizations_compare_by_their_numbers():
    first, same = table(bias=[1, 2]), table(bias=[1, 2])
    assert first == same
    assert hash(first) == hash(same)
    assert first != table(bias=[1, 3])
    assert first != table(bias=[1, 2], shift=[0, 1])
    assert first != "something else"
    assert first.channels == 2


@pytest.mark.parametrize(("columns", "message"), [
    ({"multiplier": [1, -3]}, "multiplier must not be negative, not -3"),
    ({"shift": [-1, 4]}, "shift must be in [0, 62], not -1..4"),
    ({"shift": [2, 63]}, "shift must be in [0, 62], not 2..63"),
    ({"low": [-129]}, "low and high must be ordered int8 values"),
    ({"high": [128]}, "low and high must be ordered int8 values"),
    ({"low": [5], "high": [4]}, "low and high must be ordered int8 values"),
])
def test_refuses_numbers(columns, message):
    assert refusal(table, **columns) == message


@pytest.mark.parametrize(("shift", "found"), [
    (np.zeros(2, np.int32), "int32 (2,)"), (np.zeros(3, np.int64), "int64 (3,)"),
    (np.zeros((2, 1), np.int64), "int64 (2, 1)")])
def test_refuses_arrays(shift, found):
    fields = {name: np.zeros(2, np.int64) for name in FIELDS}
    assert refusal(Requantization, **{**fields, "shift": shift}) == (
        f"shift must be int64 of shape [2], not {found}")


@pytest.mark.parametrize("lanes", [0, 2])
def test_refuses_parts_of_slots(lanes):
    assert refusal(made, table(bias=[0, 0, 0]), lanes=lanes, low=0, high=1) == (
        f"Requantizer needs a whole number of slots of {lanes} lanes, not 3 channels")
