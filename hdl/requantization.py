"""The numbers of requantization: a staircase from wide sums to int8, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

__all__ = ["Requantization"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """Per channel: ``y = clamp(((x * multiplier + offset) >> shift), low, high)`` with ``x = sum + bias``.

    ``offset`` is ``offset_negative`` where ``x < 0``, else ``offset_positive``; the two let one
    multiplication and one shift meet double rounding exactly, and they hold the zero point too.
    All fields are int64 arrays of shape ``[channels]``; ``multiplier >= 0``, ``0 <= shift <= 62``,
    ``-128 <= low <= high <= 127``. Channels that are constant have multiplier 0.
    """

    bias: Ints
    multiplier: Ints
    offset_negative: Ints
    offset_positive: Ints
    shift: Ints
    low: Ints
    high: Ints

    def __post_init__(self) -> None:
        channels = len(self.bias)
        for f in fields(self):
            array = getattr(self, f.name)
            if array.dtype != np.int64 or array.shape != (channels,):
                raise ValueError(f"{f.name} must be int64 of shape [{channels}], "
                                 f"not {array.dtype} {array.shape}")
        if (self.multiplier < 0).any():
            raise ValueError(f"multiplier must not be negative, not {self.multiplier.min()}")
        if ((self.shift < 0) | (self.shift > 62)).any():
            raise ValueError(f"shift must be in [0, 62], not {self.shift.min()}..{self.shift.max()}")
        if ((self.low < -128) | (self.low > self.high) | (self.high > 127)).any():
            raise ValueError("low and high must be ordered int8 values")

    @property
    def channels(self) -> int:
        """Number of channels."""
        return len(self.bias)

    def compute(self, sums: Ints) -> npt.NDArray[np.int8]:
        """Requantize ``sums`` (channels last), bit for bit as the hardware does.

        Exact as long as ``x * multiplier + offset`` fits in 64 bits, which the generator's bounds ensure.
        """
        x = sums.astype(np.int64) + self.bias
        offset = np.where(x < 0, self.offset_negative, self.offset_positive)
        steps = (x * self.multiplier + offset) >> self.shift
        return np.clip(steps, self.low, self.high).astype(np.int8)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requantization) and all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, f.name).tobytes() for f in fields(self)))
