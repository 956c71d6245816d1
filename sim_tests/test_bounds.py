"""Accumulator bounds against every possible input."""

from itertools import product

import numpy as np
import pytest

from gatecast.bounds import Bounds, dot_bounds, sum_bounds


def bounds(lowest, highest):
    return Bounds(lowest=np.array(lowest), highest=np.array(highest))


def test_dot_bounds_are_reached_and_never_left():
    weights = np.array([[3, -5, 0], [-128, -128, -128], [127, 127, 127], [0, 0, 0]], np.int8)
    corners = np.array(list(product((-128, 127), repeat=3)))
    sums = corners @ weights.T.astype(np.int64)
    found = dot_bounds(weights.reshape(4, 3, 1, 1))
    assert found.lowest.tolist() == sums.min(axis=0).tolist() == [-1019, -48768, -48768, 0]
    assert found.highest.tolist() == sums.max(axis=0).tolist() == [1021, 49152, 48387, 0]
    assert found.lowest.dtype == found.highest.dtype == np.int64


def test_dot_bounds_of_many_terms_do_not_wrap():
    found = dot_bounds(np.full((1, 2**18), -128, np.int8))
    assert found.highest.tolist() == [2**32]


def test_sum_bounds():
    found = sum_bounds(9, 2)
    assert found.lowest.tolist() == [-1152, -1152]
    assert found.highest.tolist() == [1143, 1143]


def test_bias_shifts_both_ends():
    found = bounds([-5, 0], [7, 0]).plus(np.array([10, -1]))
    assert (found.lowest.tolist(), found.highest.tolist()) == ([5, -1], [17, -1])


@pytest.mark.parametrize(("lowest", "highest", "width"), [
    ([0], [0], 1), ([-1], [0], 1), ([0], [1], 2), ([-128], [127], 8), ([-129], [127], 9), ([-128], [128], 9),
    ([5], [6], 4), ([-6], [-5], 4), ([-128, 0], [0, 128], 9), ([-2**31], [2**31 - 1], 32)])
def test_width_is_that_of_the_least_signed_number_that_holds_all(lowest, highest, width):
    assert bounds(lowest, highest).width == width


def test_refuses_crossed_bounds():
    with pytest.raises(ValueError, match=r"^lowest must not exceed highest$"):
        bounds([1], [0])
