"""Fitted staircases against their references, sum by sum."""

from dataclasses import fields

import numpy as np
import pytest

from gatecast.bounds import Bounds
from gatecast.operators.arithmetic import multiply, quantize_multiplier
from gatecast.staircase import fit, thresholds


def double_rounding(m, s, bias, zero_point, low, high):
    """The reference of convolutions on sums without bias."""
    return lambda sums: np.clip(multiply(sums + bias, m, s) + zero_point, low, high).astype(np.int8)


def brute_force(reference, result, bounds):
    """Compare on every sum of every channel."""
    span = int((bounds.highest - bounds.lowest).max())
    sums = np.minimum(bounds.lowest + np.arange(span + 1)[:, np.newaxis], bounds.highest)
    assert np.array_equal(result.compute(sums), reference(sums))


def fits_in_63_bits(result, bounds):
    """By Python integers, at both ends and on both sides of zero."""
    for channel in range(result.channels):
        low, high = (int(end[channel]) + int(result.bias[channel]) for end in (bounds.lowest, bounds.highest))
        for x in (low, high, 0, -1):
            offset = (result.offset_negative if x < 0 else result.offset_positive)[channel]
            assert -2**62 <= x * int(result.multiplier[channel]) + int(offset) < 2**62


def random_case(rng, channels, spread):
    """Multipliers of every size for sums up to ``2**spread``, zero points and clamps at random."""
    span = (2.0 ** rng.uniform(0, spread, channels)).astype(np.int64)
    m, s = quantize_multiplier(2.0 ** rng.uniform(0, 9, channels) / span)
    wild = rng.random(channels) < 0.3
    m = np.where(wild, rng.choice([0, 2**30, 2**30 + 1, 2**31 - 1, 0x5A5A5A5A], channels), m)
    s = np.where(wild, rng.choice([0, -1, 3, -31, -30, -17], channels), s)
    bias = np.where(rng.random(channels) < 0.5, rng.integers(-span // 2 - 1, span // 2 + 1),
                    rng.choice([-1, 0, 1, 2**31 - 2**29, -2**31 + 2**29], channels))
    zero_point = int(rng.choice([-128, 127, 0, rng.integers(-128, 128)]))
    low = max(-128, int(rng.choice([-128, zero_point])))
    high = max(low, int(rng.choice([127, rng.integers(-128, 128)])))
    reference = double_rounding(m, s, bias, zero_point, low, high)
    return reference, Bounds(lowest=-rng.integers(0, span + 1), highest=span), bias, low, high


@pytest.mark.parametrize("seed", range(20))
def test_equals_double_rounding_on_every_sum(seed):
    reference, bounds, bias, low, high = random_case(np.random.default_rng(seed), 40, 13)
    result = fit(reference, bounds, bias=bias, low=low, high=high)
    brute_force(reference, result, bounds)
    fits_in_63_bits(result, bounds)


@pytest.mark.parametrize("seed", range(20))
def test_equals_double_rounding_around_every_step_of_large_sums(seed):
    rng = np.random.default_rng(100 + seed)
    reference, bounds, bias, low, high = random_case(rng, 100, 27)
    result = fit(reference, bounds, bias=bias, low=low, high=high)
    steps = thresholds(reference, bounds, np.arange(-127, 128)[:, np.newaxis])
    near = np.arange(-3, 4)[:, np.newaxis]
    probes = np.concatenate([*(steps + distance for distance in near), -bias + near,
                             rng.integers(bounds.lowest, bounds.highest + 1, (2000, 100))])
    probes = np.clip(probes, bounds.lowest, bounds.highest)
    assert np.array_equal(result.compute(probes), reference(probes))
    assert result.multiplier.max() < 2**31
    fits_in_63_bits(result, bounds)


def one_channel(lowest, highest):
    return Bounds(lowest=np.array([lowest]), highest=np.array([highest]))


def some_offsets_fit(outputs, x, m, s):
    """Whether offsets for both signs make ``m`` and ``s`` right, looked up sum by sum (clamp to int8)."""
    for sign in (x < 0, x >= 0):
        least = ((outputs << s) - x * m)[sign & (outputs > -128)]
        greatest = (((outputs + 1) << s) - 1 - x * m)[sign & (outputs < 127)]
        if least.size and greatest.size and least.max() > greatest.min():
            return False
    return True


@pytest.mark.parametrize(("scale", "zero_point"), [(0.17, 3), (0.031, -128), (0.47, 100), (0.77, 0)])
def test_no_narrower_multiplier_exists(scale, zero_point):
    m, s = quantize_multiplier(np.array([scale]))
    bounds, bias = one_channel(-400, 500), np.array([-20])
    reference = double_rounding(m, s, bias, zero_point, -128, 127)
    result = fit(reference, bounds, bias=bias, low=-128, high=127)
    sums = np.arange(-400, 501)
    outputs = reference(sums[:, np.newaxis])[:, 0].astype(np.int64)
    m, s = result.multiplier.item(), result.shift.item()
    assert some_offsets_fit(outputs, sums - 20, m, s)
    assert m > 3
    assert not any(some_offsets_fit(outputs, sums - 20, narrower, shift)
                   for narrower in range(1, m) for shift in range(s + 2))


def test_multipliers_are_as_wide_as_the_sums_and_not_as_the_reference():
    rng = np.random.default_rng(0)
    m, s = quantize_multiplier(2.0 ** rng.uniform(-13, -11, 200))
    bias, span = np.zeros(200, np.int64), np.full(200, 2**19)
    result = fit(double_rounding(m, s, bias, -5, -128, 127), Bounds(lowest=-span, highest=span), bias=bias,
                 low=-128, high=127)
    assert 17 <= np.median([m.bit_length() for m in result.multiplier.tolist()]) <= 22


def test_two_offsets_only_where_both_signs_need_them():
    m, s = quantize_multiplier(np.array([0.013, 0.013]))
    bias = np.array([0, 0])
    result = fit(double_rounding(m, s, bias, 0, -128, 127), Bounds(lowest=np.array([0, -10000]),
                 highest=np.array([10000, 10000])), bias=bias, low=-128, high=127)
    assert (result.offset_negative == result.offset_positive).tolist() == [True, False]


@pytest.mark.parametrize("divisor", range(1, 50))
def test_equals_division_rounded_half_away_from_zero(divisor):
    def mean(sums):
        return (np.sign(sums) * ((abs(sums) + divisor // 2) // divisor)).astype(np.int8)

    bounds = one_channel(-128 * divisor, 127 * divisor)
    result = fit(mean, bounds, bias=np.array([0]), low=-128, high=127)
    brute_force(mean, result, bounds)


def test_the_signs_share_nothing_but_the_slope():
    def jumps_at_zero(sums):
        return np.clip(sums + np.where(sums + 7 < 0, -10, 10), -128, 127).astype(np.int8)

    bounds = one_channel(-300, 300)
    result = fit(jumps_at_zero, bounds, bias=np.array([7]), low=-128, high=127)
    brute_force(jumps_at_zero, result, bounds)
    assert (result.multiplier.item(), result.shift.item()) == (1, 0)
    assert (result.offset_negative.item(), result.offset_positive.item()) == (-17, 3)


def test_identity_needs_no_multiplier_and_no_offset():
    result = fit(lambda x: np.clip(x, -7, 100).astype(np.int8), one_channel(-128, 127), bias=np.array([0]),
                 low=-7, high=100)
    assert [getattr(result, field.name).item() for field in fields(result)] == [0, 1, 0, 0, 0, -7, 100, 0, 0]


def test_constant_channels_fold():
    m, s = quantize_multiplier(np.array([1e-12, 0.5, 0.001, 2.0]))
    bias = np.array([2**31 - 1, 1000, 5, 0])
    bounds = Bounds(lowest=np.array([-9, -9, -9, 0]), highest=np.array([9, 9, 9, 0]))
    result = fit(double_rounding(m, s, bias, 7, -100, 100), bounds, bias=bias, low=-100, high=100)
    assert [field.tolist() for field in (result.multiplier, result.shift, result.bias)] == [[0] * 4] * 3
    assert result.offset_negative.tolist() == result.offset_positive.tolist() == [7, 100, 7, 7]
    brute_force(double_rounding(m, s, bias, 7, -100, 100), result, bounds)


def test_a_clamp_to_one_value_is_constant():
    result = fit(lambda x: np.full_like(x, 127, np.int8), one_channel(-1000, 1000), bias=np.array([3]),
                 low=127, high=127)
    assert (result.multiplier.item(), result.offset_positive.item()) == (0, 127)


def test_thresholds_are_the_first_sums_that_reach_a_value():
    found = thresholds(lambda x: np.clip(x // 10, -2, 2).astype(np.int8), one_channel(-15, 19),
                       np.array([[-2], [-1], [0], [1], [2]]))
    assert found.ravel().tolist() == [-15, -10, 0, 10, 20]


def refused(reference, bounds):
    with pytest.raises(ValueError) as caught:
        fit(reference, bounds, bias=np.zeros(len(bounds.lowest), np.int64), low=-128, high=127)
    return str(caught.value)


def stairs(firsts):
    """A reference that climbs from 0 by one at each of ``firsts``."""
    return lambda x: np.searchsorted(firsts, x, side="right").astype(np.int8)


def test_refuses_what_is_no_straight_staircase():
    straight_then_not = stairs([10, 20, 300])

    def second_is_crooked(x):
        straight = np.clip(x[..., :1], -128, 127)
        return np.concatenate([straight, straight_then_not(x[..., 1:])], axis=-1).astype(np.int8)

    bounds = Bounds(lowest=np.array([-5, -5]), highest=np.array([400, 400]))
    assert refused(second_is_crooked, bounds) == (
        "channel 1 needs a requantization that no multiplier meets exactly")


@pytest.mark.parametrize("width", [36_000_001, 45_000_017])
def test_refuses_numbers_that_overflow(width):
    firsts = np.arange(1, 101) * width
    assert refused(stairs(firsts), one_channel(0, int(firsts[-1]) + 1)) == (
        "channel 0 needs a requantization of more than 63 bits")


def test_takes_numbers_that_just_fit():
    firsts = np.arange(1, 101) * 40_000_003
    bounds = one_channel(0, int(firsts[-1]) + 1)
    fits_in_63_bits(fit(stairs(firsts), bounds, bias=np.array([0]), low=-128, high=127), bounds)


def test_refuses_references_that_leave_the_clamp():
    with pytest.raises(ValueError) as caught:
        fit(lambda x: np.clip(x, -11, 10).astype(np.int8), one_channel(-20, 20), bias=np.array([0]),
            low=-10, high=10)
    assert str(caught.value) == (
        "channel 0 has no staircase that equals its reference, which must be monotone and clamped")
