"""Pace: the cycles of an inference from which on something suffices, by bisection."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["PRECISION", "between"]

# How closely a pace is found: to one part in so many.
PRECISION = 4000


def between(enough: Callable[[float], bool], fast: float, slow: float) -> tuple[float, float]:
    """Whole cycles ``fast``, which are not ``enough``, and more that are, ``slow``, brought close together.

    Neither of the two given is asked for.
    """
    # It is often near to the fast end: steps that double find that out soon.
    step = max(fast // 100, 1)
    while fast + step < slow and not enough(fast + step):
        fast, step = fast + step, 2 * step
    slow = min(fast + step, slow)
    while slow - fast > max(slow / PRECISION, 1):
        middle = (fast + slow) // 2
        fast, slow = (fast, middle) if enough(middle) else (middle, slow)
    return fast, slow
