"""The narrowest requantization that equals a reference on every reachable sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from gatecast.hdl.requantization import Requantization

from .bounds import Bounds

__all__ = ["Reference", "fit"]

Ints = npt.NDArray[np.int64]

# Sums (channels last) to outputs; monotone in every channel and clamped.
Reference = Callable[[Ints], npt.NDArray[np.int8]]


def fit(reference: Reference, bounds: Bounds, *, bias: Ints, low: int, high: int) -> Requantization:
    """Find it."""
    raise NotImplementedError
