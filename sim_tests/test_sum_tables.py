"""Narrow tables whose sums decide an output, beyond what additions need of them."""

import numpy as np
import pytest

from gatecast.operators.add_tables import AddTables
from gatecast.operators.sum_tables import sum_tables


def away(zero_point):
    """Ties go away from the zero point."""
    return lambda values: values > zero_point


def even(zero_point):
    """Ties go to the value at an even distance from the zero point."""
    return lambda values: (values - zero_point) % 2 == 0


@pytest.mark.parametrize("seed", range(8))
def test_any_rounded_sum(seed):
    rng = np.random.default_rng(seed)
    first, second = (np.sort(rng.uniform(-60, 60, size)) for size in (50, 90))
    zero_point, low, high = int(rng.integers(-100, 100)), -100, int(rng.integers(0, 128))
    outputs = np.clip(np.rint(first[:, np.newaxis] + second).astype(np.int64) + zero_point, low, high)
    found = sum_tables(outputs, first, second, zero_point=zero_point, ties=away(zero_point), low=low,
                       high=high)
    assert found is not None
    assert np.array_equal(found.outputs(found.first[:, np.newaxis] + found.second), outputs)
    assert np.abs(found.first).max() < 2**14


@pytest.mark.parametrize("ties", [away, even])
@pytest.mark.parametrize("zero_point", [0, 3, -50])
def test_sums_that_are_ties(ties, zero_point):
    """Of halves and quarters every other sum lies between two values."""
    first, second = np.arange(-100, 100) / 4, np.arange(-60, 60) / 2
    sums = first[:, np.newaxis] + second
    rounded = np.rint(sums) if ties is even else np.trunc(sums + np.copysign(0.5, sums))
    outputs = np.clip(rounded.astype(np.int64) + zero_point, -128, 127)
    found = sum_tables(outputs, first, second, zero_point=zero_point, ties=ties(zero_point), low=-128,
                       high=127)
    assert found is not None
    assert np.array_equal(found.outputs(found.first[:, np.newaxis] + found.second), outputs)
    assert np.abs(found.first).max() < 2**8


def test_constant_outputs():
    found = sum_tables(np.full((3, 2), 5), np.zeros(3), np.zeros(2), zero_point=0, ties=away(0), low=5,
                       high=5)
    assert found is not None
    assert found.outputs(np.array([-1000, 0, 1000])).tolist() == [5, 5, 5]


def test_outputs_that_no_sum_decides():
    crossed, steps = np.array([[0, 1], [1, 0]]), np.array([0.0, 1.0])
    assert sum_tables(crossed, steps, steps, zero_point=0, ties=away(0), low=0, high=1) is None


@pytest.mark.parametrize(("large", "small", "scale"), [
    (1e30, 1e-30, 1e-9), (3e38, 3e38, 1e-44), (1e30, 1, 1e29)])
def test_additions_of_scales_far_apart_are_exact_or_refused(large, small, scale):
    integers = np.arange(-128, 128).astype(np.float32) / 128
    operator = AddTables(first=integers * np.float32(large), second=-integers * np.float32(small),
                         scale=scale)
    try:
        window = operator.lower([(1, 256, 1), (1, 256, 1)])
    except ValueError as error:
        assert "no pair of tables" in str(error)
        return
    x = np.random.default_rng(0).integers(-128, 128, (2, 40, 1, 256, 1)).astype(np.int8)
    np.testing.assert_array_equal(window.compute(list(x)), operator.compute(list(x)))
