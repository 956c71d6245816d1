"""The narrowest requantization that equals a reference on every reachable sum.

A reference that is monotone in the sum has at most 255 steps, so it is known from its thresholds: for each
output value the least sum that reaches it. A staircase ``(x * m + offset) >> s`` equals it on the sums of one
sign exactly if the line ``m / 2**s * x + offset / 2**s`` passes on or above every threshold ``(x, v)`` and
below every last sum before one, ``(x - 1, v)``. An offset that does so exists exactly if

    max over thresholds of (v - slope * x)  <  min over sums before thresholds of (v - slope * x)

which holds for an open interval of slopes: left minus right is convex in the slope. Its two ends are found
exactly, as fractions, by Newton's method, for each sign; the intervals of both signs are intersected, and the
least shift is taken for which a multiple of ``2**-shift`` lies inside, which gives the narrowest multiplier
there is. TFLite's own form (a 31-bit multiplier, one offset for each sign) is one of the candidates, so
nothing wider is ever needed for it.

A product in float32 that is rounded half to even is no such staircase: at a tie, and as near to one as
float32 rounds to it, the step goes to the even value. The same search then runs on ``2**-TIE_BITS`` of a
step, with ordinates moved by what :func:`~gatecast.hdl.requantization.settled` makes up for; the product
itself, of the 24-bit float32 and a half, is one of those candidates.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from gatecast.hdl.requantization import Requantization, first_fractions

from .bounds import Bounds

__all__ = ["Reference", "fit", "thresholds"]

Ints = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

# Sums (channels last) to outputs: monotone in every channel, clamped to [low, high].
Reference = Callable[[Ints], npt.NDArray[np.int8]]

# How far a threshold may be from where a line has it, until it is looked for among all sums: rounding twice
# moves it by two at most.
MARGIN = 3

# Everything that a requantizer computes stays below this: 63 bits with the sign.
LIMIT = 2**62

# No number that is compared reaches these: offsets are differences of two numbers below the limit.
LEAST, GREATEST = np.iinfo(np.int64).min, np.iinfo(np.int64).max


def fit(reference: Reference, bounds: Bounds, *, bias: Ints, low: int, high: int,
        zero: int | None = None) -> Requantization:
    """The requantization with the narrowest multipliers that equals ``reference`` on all sums in ``bounds``.

    ``bias [channels]`` becomes that of the requantization: the sign that chooses the offset is that of the
    sum with the bias, so it should be the reference's own. ``low`` and ``high`` are the clamp, which the
    reference applies too. ``zero`` is what a reference that rounds half to even in float32 adds after that:
    channels that nothing plainer meets settle ties. A channel that is constant within the bounds gets
    multiplier, shift and bias 0.
    A ``ValueError`` names the first channel that no staircase of 63 bits equals. The result is compared with
    the reference on both sides of every step, of zero and at the bounds, which proves equality between.
    """
    # A clamp to a single value leaves no step; a value out of reach keeps the tables from being empty.
    values = np.arange(low + 1, max(high, low + 1) + 1, dtype=np.int64)[:, np.newaxis]
    firsts = thresholds(reference, bounds, values)
    least, most = reference(bounds.lowest).astype(np.int64), reference(bounds.highest).astype(np.int64)
    constant = least == most
    lines = _lines(values, firsts + bias, bounds.plus(bias), constant)
    ties = np.zeros(len(bias), np.int64)
    if zero is not None and not lines.found.all():
        ties = (~lines.found).astype(np.int64)
        ordinates = first_fractions(values - zero)
        lines = lines.or_else(_lines(ordinates, firsts + bias, bounds.plus(bias), constant))
    if not lines.found.all():
        raise ValueError(f"channel {(~lines.found).argmax()} needs a requantization that no multiplier meets "
                         f"exactly")
    channels = len(bias)
    result = Requantization(
        bias=np.where(constant, 0, bias), multiplier=lines.multiplier, shift=lines.shift,
        offset_negative=np.where(constant, least, lines.offset_negative),
        offset_positive=np.where(constant, least, lines.offset_positive),
        low=np.full(channels, low, np.int64), high=np.full(channels, high, np.int64),
        ties=ties, zero=ties * (zero or 0))
    _prove(reference, result, bounds, firsts, bias)
    return result


@dataclass(frozen=True, kw_only=True, eq=False)
class _Lines:
    """For each channel the narrowest line, if one was ``found``."""

    multiplier: Ints
    shift: Ints
    offset_negative: Ints
    offset_positive: Ints
    found: Bools

    def or_else(self, others: _Lines) -> _Lines:
        """Those of ``others`` where here is none."""
        return _Lines(**{f.name: np.where(self.found, getattr(self, f.name), getattr(others, f.name))
                         for f in fields(self)})


def _lines(ordinates: Ints, x_firsts: Ints, within: Bounds, constant: Bools) -> _Lines:
    """Lines on or above each of ``ordinates [n, 1]`` from ``x_firsts [n, channels]`` on, below it before."""
    negative = _side(ordinates, x_firsts, within.lowest, np.minimum(within.highest, -1))
    positive = _side(ordinates, x_firsts, np.maximum(within.lowest, 0), within.highest)
    multiplier, shift, found = _narrowest(negative, positive, constant)
    highest = int(np.abs(ordinates).max()) + 1
    _check_size(multiplier, shift, within, highest)
    offset_negative, offset_positive = _offsets(negative.offsets(multiplier, shift),
                                                positive.offsets(multiplier, shift))
    offsets = [np.where(found, offset, 0) for offset in (offset_negative, offset_positive)]
    _check_size(multiplier, shift, within, highest, *offsets)
    return _Lines(multiplier=multiplier, shift=shift, offset_negative=offsets[0], offset_positive=offsets[1],
                  found=found)


def thresholds(reference: Reference, bounds: Bounds, values: Ints) -> Ints:
    """The least sum in ``bounds`` whose output is at least each of ``values [n, 1]``, ``[n, channels]``.

    Where no sum reaches a value: one more than the highest. Found by bisection; the first and the last value
    that occur tell where the others lie if the reference is a line, and all sums are left to search if not.
    """
    least, most = (reference(end).astype(np.int64) for end in (bounds.lowest, bounds.highest))
    start = np.broadcast_to(bounds.lowest, (2, len(bounds.lowest)))
    first, last = _bisected(reference, bounds, np.stack([np.minimum(least + 1, most), most]), start,
                            np.broadcast_to(bounds.highest + 1, start.shape))
    between = first + (last - first) * (values - least - 1) // np.maximum(most - least - 1, 1)
    below, above = (np.clip(between + margin, bounds.lowest, bounds.highest) for margin in (-MARGIN, MARGIN))
    left = np.where(reference(below) < values, below + 1, bounds.lowest)
    right = np.where(reference(above) >= values, above, bounds.highest + 1)
    left = np.where(values > most, bounds.highest + 1, left)
    right = np.where(values <= least, bounds.lowest, right)
    return _bisected(reference, bounds, values, left, right)


def _bisected(reference: Reference, bounds: Bounds, values: Ints, left: Ints, right: Ints) -> Ints:
    """The least sums from ``left`` to ``right`` whose outputs are at least ``values``, ``right`` if none."""
    while (left < right).any():
        middle = np.minimum((left + right) >> 1, bounds.highest)
        reached = reference(middle) >= values
        unsure = left < right
        right = np.where(unsure & reached, middle, right)
        left = np.where(unsure & ~reached, middle + 1, left)
    return left


@dataclass(frozen=True, kw_only=True)
class _Side:
    """What the sums of one sign demand of a line, as points ``[n, channels]`` of which a mask selects some.

    ``values [n, 1]`` are the ordinates of both kinds of points: the line is on or above ``(reach_x, value)``
    where ``reach``, and below ``(before_x, value)`` where ``before``.
    """

    values: Ints
    reach_x: Ints
    reach: Bools
    before_x: Ints
    before: Bools

    def gap(self, rise: Ints, run: Ints) -> tuple[Ints, Ints, Ints]:
        """For slopes ``rise / run``: ``run`` times what an offset lacks, and the points that say so.

        Negative where an offset exists. The points are rows of ``values``: a threshold's, and that of a sum
        before one.
        """
        over = np.where(self.reach, self.values * run - self.reach_x * rise, LEAST)
        under = np.where(self.before, self.values * run - self.before_x * rise, GREATEST)
        reach, before = over.argmax(axis=0), under.argmin(axis=0)
        bound = self.reach.any(axis=0) & self.before.any(axis=0)
        lack = np.where(bound, _take(over, reach), -1) - np.where(bound, _take(under, before), 0)
        return lack, reach, before

    def slopes(self, start_rise: int, start_run: int) -> tuple[Ints, Ints]:
        """The end of the open interval of slopes that lies on the side of the start: 0 / 1 or 1 / 0.

        Newton's method on a convex, piecewise linear gap. From the start, where the interval is empty,
        it runs into the opposite end: 1 / 0 from 0 / 1 and the reverse.
        """
        channels = self.reach_x.shape[1]
        rise, run = np.full(channels, start_rise, np.int64), np.full(channels, start_run, np.int64)
        while True:
            gap, reach, before = self.gap(rise, run)
            rising = self.values[reach, 0] - self.values[before, 0]
            running = _take(self.reach_x, reach) - _take(self.before_x, before)
            if start_rise:
                rising, running = -rising, -running
            todo = (gap > 0) & ((rise != start_run) | (run != start_rise))
            if not todo.any():
                return rise, run
            steps = (rising > 0) & (running > 0)
            rise = np.where(todo, np.where(steps, rising, start_run), rise)
            run = np.where(todo, np.where(steps, running, start_rise), run)

    def offsets(self, multiplier: Ints, shift: Ints) -> tuple[Ints, Ints]:
        """The least and the greatest offset that meet all points; int64's where nothing limits them."""
        scaled = self.values << shift
        least = np.where(self.reach, scaled - self.reach_x * multiplier, LEAST).max(axis=0)
        greatest = np.where(self.before, scaled - 1 - self.before_x * multiplier, GREATEST).min(axis=0)
        return least, greatest


def _side(values: Ints, firsts: Ints, lowest: Ints, highest: Ints) -> _Side:
    """The demands of sums from ``lowest`` to ``highest``, none where these cross."""
    exists = lowest <= highest
    return _Side(values=values,
                 reach_x=np.maximum(firsts, lowest), reach=exists & (firsts <= highest),
                 before_x=np.minimum(firsts - 1, highest), before=exists & (firsts > lowest))


def _take(table: Ints, rows: Ints) -> Ints:
    taken: Ints = np.take_along_axis(table, rows[np.newaxis], axis=0)[0]
    return taken


def _narrowest(negative: _Side, positive: _Side, constant: Bools) -> tuple[Ints, Ints, Bools]:
    """Multiplier and shift of each channel: the least shift whose grid has a slope that suits both sides.

    Also for which channels there is one; multiplier and shift are 0 for the others.
    """
    sides = (negative, positive)
    above, below = ([_Binary(*side.slopes(*start)) for side in sides] for start in ((0, 1), (1, 0)))
    multiplier, shift = np.zeros(len(constant), np.int64), np.zeros(len(constant), np.int64)
    todo = ~constant
    for s in range(63):
        m = np.maximum(above[0].whole, above[1].whole) + 1
        found = todo & (m <= np.minimum(below[0].last_below, below[1].last_below))
        multiplier, shift = np.where(found, m, multiplier), np.where(found, s, shift)
        todo &= ~found
        if not todo.any():
            break
        for slope in (*above, *below):
            slope.double()
    return multiplier, shift, ~todo


class _Binary:
    """Slopes ``rise / run`` times a power of two: a whole number and a rest below ``run``, by long division.

    Whole numbers stop at ``LIMIT``, beyond which no multiplier is looked for.
    """

    def __init__(self, rise: Ints, run: Ints) -> None:
        self._endless = run == 0
        self._run = np.maximum(run, 1)
        self.whole, self._rest = rise // self._run, rise % self._run
        self.whole = np.where(self._endless, LIMIT, self.whole)

    @property
    def last_below(self) -> Ints:
        """The greatest integers that are less than the slopes."""
        return self.whole - (self._rest == 0) * ~self._endless

    def double(self) -> None:
        """Go on to the next power of two."""
        rest = 2 * self._rest
        carry = rest >= self._run
        self._rest = np.where(carry, rest - self._run, rest)
        self.whole = np.where(self.whole < LIMIT // 2, 2 * self.whole + carry, LIMIT)


def _check_size(multiplier: Ints, shift: Ints, within: Bounds, highest: int, *offsets: Ints) -> None:
    """Products, ordinates up to ``highest``, and the offsets with what they meet must fit in 63 bits."""
    for channel, (m, s) in enumerate(zip(multiplier.tolist(), shift.tolist(), strict=True)):
        products = [m * int(end[channel]) for end in (within.lowest, within.highest)] + [0, -m]
        added = [int(offset[channel]) for offset in offsets]
        sums = [product + offset for product in products for offset in [0, *added]]
        if max(map(abs, [*sums, *added, highest << s])) >= LIMIT:
            raise ValueError(f"channel {channel} needs a requantization of more than 63 bits")


def _offsets(negative: tuple[Ints, Ints], positive: tuple[Ints, Ints]) -> tuple[Ints, Ints]:
    """The offsets nearest to zero; the same for both signs wherever one serves both."""
    least, greatest = np.maximum(negative[0], positive[0]), np.minimum(negative[1], positive[1])
    shared = np.clip(0, least, np.maximum(least, greatest))
    common = least <= greatest
    return (np.where(common, shared, np.clip(0, *negative)), np.where(common, shared, np.clip(0, *positive)))


def _prove(reference: Reference, result: Requantization, bounds: Bounds, firsts: Ints, bias: Ints) -> None:
    """Compare where the outputs of either could first differ; both are constant or monotone between."""
    probes = np.concatenate([firsts, firsts - 1, bounds.lowest[np.newaxis], bounds.highest[np.newaxis],
                             -bias[np.newaxis], -bias[np.newaxis] - 1])
    probes = np.clip(probes, bounds.lowest, bounds.highest)
    wrong = (result.compute(probes) != reference(probes)).any(axis=0)
    if wrong.any():
        raise ValueError(f"channel {wrong.argmax()} has no staircase that equals its reference, "
                         f"which must be monotone and clamped")
