"""Dot products of any number of lanes, exact to the extremes."""

import numpy as np
import pytest
from hdl_bench import play, refusal

from gatecast.hdl.dot_product import DotProduct


@pytest.mark.parametrize("kind", ["dsp", "lut"])
@pytest.mark.parametrize(("lanes", "latency"), [(1, 3), (2, 4), (3, 5), (4, 5), (5, 6), (7, 6), (8, 6),
                                                (13, 7), (16, 7), (17, 8)])
def test_dot_product(lanes, latency, kind):
    assert DotProduct.latency(lanes) == latency
    rng = np.random.default_rng(lanes)
    vectors = rng.integers(-128, 128, (30, 2, lanes))
    # The extremes of the sum, and each lane alone.
    vectors = np.concatenate([vectors, [np.full((2, lanes), -128), [[-128] * lanes, [127] * lanes]],
                              [[row, [-128] * lanes] for row in np.eye(lanes, dtype=int) * -128]])
    stimulus = [{"a": a.tolist(), "b": b.tolist()} for a, b in vectors]
    trace = play(DotProduct(lanes, kind), [*stimulus, *[{}] * latency], ["p"])
    assert [row["p"] for row in trace[latency:]] == [int(a @ b) for a, b in vectors]


@pytest.mark.parametrize("lanes", [0, -3])
def test_refuses_no_lanes(lanes):
    assert refusal(DotProduct, lanes) == f"DotProduct lanes must be at least 1, not {lanes}"
