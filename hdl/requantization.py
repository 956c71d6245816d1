"""The numbers of requantization: a staircase from wide sums to int8, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass, field, fields

import numpy as np
import numpy.typing as npt

__all__ = ["TIE_BITS", "TIE_RANGE", "Requantization", "first_fractions", "settled"]

Ints = npt.NDArray[np.int64]

# Bits after the point of steps whose ties are settled, and how many of these, the lowest, may not count.
TIE_BITS, TIE_RANGE = 24, 8

NONE = np.zeros(0, np.int64)


def _hidden(steps: Ints) -> Ints:
    """Fraction bits that the float32 nearest to a tie beside each of the odd ``steps`` does not have."""
    magnitude = (steps ^ (steps >> 63)) >> 1
    return np.minimum(np.frexp(magnitude.astype(np.float64))[1], TIE_RANGE).astype(np.int64)


def settled(fractions: Ints) -> Ints:
    """Steps of numbers that are ``fractions / 2**TIE_BITS``, half a step too great, rounded as float32 is.

    A float32 of that size has no bit beyond a fraction's lowest ones, the more the greater it is; so what is
    that near to the middle between two steps has been rounded to the middle, and goes to the even one.
    """
    steps, rest = fractions >> TIE_BITS, fractions & ((1 << TIE_BITS) - 1)
    hidden = _hidden(steps)
    up, down = (rest >> hidden) == (1 << TIE_BITS) - 1 >> hidden, (rest >> hidden) == 0
    moved: Ints = steps + (steps & 1) * (up.astype(np.int64) - down)
    return moved


def first_fractions(steps: Ints) -> Ints:
    """The least fractions that :func:`settled` takes to each of ``steps``, or beyond."""
    odd = steps & 1
    moved: Ints = (steps << TIE_BITS) + np.where(odd == 1, 1 << _hidden(steps), -(1 << _hidden(steps - 1)))
    return moved


@dataclass(frozen=True, kw_only=True, eq=False)
class Requantization:
    """Per channel: ``y = clamp(((x * multiplier + offset) >> shift), low, high)`` with ``x = sum + bias``.

    ``offset`` is ``offset_negative`` where ``x < 0``, else ``offset_positive``; the two let one
    multiplication and one shift meet double rounding exactly, and they hold the zero point too.
    Where ``ties`` is 1, what is shifted is not a step but ``2**-TIE_BITS`` of one: :func:`settled` makes the
    step, which meets a product in float32 that is rounded half to even, and ``zero``, else 0, is added to it.
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
    ties: Ints = field(default_factory=lambda: NONE)
    zero: Ints = field(default_factory=lambda: NONE)

    def __post_init__(self) -> None:
        channels = len(self.bias)
        for f in fields(self):
            if getattr(self, f.name) is NONE:
                object.__setattr__(self, f.name, np.zeros(channels, np.int64))
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
        if ((self.ties < 0) | (self.ties > 1)).any():
            raise ValueError(f"ties must be 0 or 1, not {self.ties.min()}..{self.ties.max()}")
        if ((np.abs(self.zero) > 128) | (self.zero != 0) & (self.ties == 0)).any():
            raise ValueError("zero must be in [-128, 128], and 0 where ties is 0")

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
        shifted = (x * self.multiplier + offset) >> self.shift
        if self.ties.any():
            shifted = np.where(self.ties, settled(shifted) + self.zero, shifted)
        return np.clip(shifted, self.low, self.high).astype(np.int8)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Requantization) and all(
            np.array_equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash(tuple(getattr(self, f.name).tobytes() for f in fields(self)))
