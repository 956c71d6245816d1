"""Ties as float32 has them: the golden model of requantization against NumPy's float32."""

from __future__ import annotations

import numpy as np
import pytest

from gatecast.bounds import Bounds
from gatecast.hdl.requantization import TIE_BITS, Requantization, first_fractions, settled
from gatecast.staircase import fit

# Odd steps on both sides of every size of a float32, and even ones.
STEPS = np.array([step for step in range(-300, 301) if step not in (0, 1)])


def near_ties(rng: np.random.Generator) -> np.ndarray:
    """Fractions within some of the last bits of each tie, half a step too great."""
    reach = np.concatenate([np.arange(-600, 601), rng.integers(-(1 << TIE_BITS - 1), 1 << TIE_BITS - 1, 200)])
    return ((STEPS[:, np.newaxis] << TIE_BITS) + reach).reshape(-1)


def test_what_is_near_a_tie_goes_where_float32_takes_it():
    fractions = near_ties(np.random.default_rng(0))
    # The middle of what a fraction stands for, so that no number is as far from a tie as float32's own next.
    numbers = (fractions + 0.5) / (1 << TIE_BITS) - 0.5
    steps = np.rint(numbers.astype(np.float32)).astype(np.int64)
    # Beside 0 a float32 is finer than a fraction: there the fraction decides.
    coarse = np.abs(numbers) > 1
    np.testing.assert_array_equal(settled(fractions)[coarse], steps[coarse])


def test_the_first_fraction_of_a_step():
    steps = np.arange(-300, 301)
    first = first_fractions(steps)
    np.testing.assert_array_equal(settled(first), steps)
    np.testing.assert_array_equal(settled(first - 1), steps - 1)


@pytest.mark.parametrize("seed", range(4))
def test_fit_meets_products_in_float32(seed):
    """Scales of all sizes, powers of two among them, where every half is a tie."""
    rng = np.random.default_rng(seed)
    channels = 12
    scale = (2.0 ** rng.uniform(-14, -4, channels)).astype(np.float32)
    scale[:4] = 2.0 ** -rng.integers(4, 14, 4)
    zero = int(rng.integers(-128, 128))
    reach = np.minimum(300 / scale.astype(np.float64), 2**23).astype(np.int64)
    bounds, bias = Bounds(lowest=-reach, highest=reach), rng.integers(-reach // 8, reach // 8 + 1)

    def reference(sums):
        products = (sums + bias).astype(np.float32) * scale
        return np.clip(np.rint(products) + zero, -128, 127).astype(np.int8)

    result = fit(reference, bounds, bias=bias, low=-128, high=127, zero=zero)
    assert result.ties[:4].all()
    sums = rng.integers(-reach, reach + 1, (20000, channels))
    np.testing.assert_array_equal(result.compute(sums), reference(sums))
    with pytest.raises(ValueError, match="no multiplier meets exactly"):
        fit(reference, bounds, bias=bias, low=-128, high=127)


@pytest.mark.parametrize(("changed", "message"), [
    ({"ties": [2]}, "ties must be 0 or 1, not 2..2"),
    ({"zero": [3]}, "zero must be in [-128, 128], and 0 where ties is 0"),
    ({"ties": [1], "zero": [129]}, "zero must be in [-128, 128], and 0 where ties is 0"),
])
def test_refused(changed, message):
    numbers = {"bias": [0], "multiplier": [1], "offset_negative": [0], "offset_positive": [0], "shift": [0],
               "low": [-128], "high": [127], **changed}
    with pytest.raises(ValueError, match="^" + message.replace("[", r"\[")):
        Requantization(**{name: np.array(values) for name, values in numbers.items()})
