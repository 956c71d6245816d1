"""The bisection of paces: close to the threshold, and never asked for what is known."""

import numpy as np

from gatecast.planner.pace import PRECISION, between


def test_between():
    rng = np.random.default_rng(0)
    for _ in range(2000):
        fast = int(rng.integers(0, 10 ** rng.integers(1, 7)))
        slow = fast + int(rng.integers(1, 10 ** rng.integers(1, 7)))
        threshold = int(rng.integers(fast + 1, slow + 1))
        asked = []

        def enough(pace: float, asked: list[float] = asked, threshold: int = threshold) -> bool:
            asked.append(pace)
            return pace >= threshold

        low, high = between(enough, fast, slow)
        assert fast <= low < threshold <= high <= slow
        assert high - low <= max(high / PRECISION, 1)
        assert all(fast < pace < slow for pace in asked)
