"""Two narrow tables whose sums decide an output, in place of wide ones.

Adding two quantized tensors is a table of each operand, a sum, and a staircase. The reference's own tables
have 28 bits. Here the entries are free integers: for outputs ``y[i, j]`` of all pairs and thresholds ``t`` of
a staircase with evenly spaced steps, they must satisfy

    t[y[i, j]] <= first[i] + second[j] < t[y[i, j] + 1]

These are difference constraints in ``first`` and ``-second``, so a shortest-path search (Bellman and Ford's)
finds integers that meet all of them, or runs away where there are none. The coarsest staircase for which it
finds some gives tables of about 16 bits, and a requantization that hardly multiplies.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatecast.hdl.requantization import Requantization

from ..bounds import Bounds
from ..staircase import Reference, fit
from .arithmetic import Floats, Ints
from .operator import Int8

__all__ = ["SumTables", "centred", "sum_tables"]

# Farther than any sum.
NEVER = np.int64(1) << 48
FARTHEST = 2.0**46

# Steps of the finest staircase that is tried are 2**FINEST wide, nearly as wide as the reference's own.
FINEST = 17

# Searches that succeed end after tens of rounds.
ROUNDS = 100


@dataclass(frozen=True, kw_only=True, eq=False)
class SumTables:
    """Tables ``[n]`` and ``[m]`` for the operands; the output is ``low`` plus the number of ``thresholds``
    that a sum of two entries reaches."""

    first: Ints
    second: Ints
    thresholds: Ints
    low: int

    def outputs(self, sums: Ints) -> Int8:
        """The output for each of ``sums``."""
        return (self.low + np.searchsorted(self.thresholds, sums, side="right")).astype(np.int8)


def sum_tables(outputs: Ints, first: Floats, second: Floats, *, zero_point: int,
               ties: Callable[[Ints], npt.NDArray[np.bool_]], low: int, high: int) -> SumTables | None:
    """Narrow tables that give ``outputs [n, m]``, all in ``[low, high]``; None where there are none.

    ``first [n]`` and ``second [m]`` say what the operands really add, in steps of the output around
    ``zero_point``, and ``ties`` which values half a step below them is rounded to: tables are sought near
    multiples of these. The result is exact whatever they say.
    """
    values = np.arange(low + 1, high + 1)
    for width in _step_widths(first, second):
        edges = (values - zero_point - 0.5) * width
        thresholds = np.where(ties(values), np.ceil(edges), np.floor(edges) + 1).astype(np.int64)
        ends = np.concatenate([[-NEVER], thresholds, [NEVER]])
        starts = _whole(first * width), _whole(second * width)
        found = _search(ends[outputs - low], ends[outputs - low + 1] - 1, starts, math.ceil(2 * width) + 8)
        if found is not None:
            return SumTables(first=found[0], second=found[1], thresholds=thresholds, low=low)
    return None


def _whole(values: Floats) -> Ints:
    """The nearest integers, cut where sums of them would come near :data:`NEVER`."""
    integers: Ints = np.rint(np.clip(values, -FARTHEST, FARTHEST)).astype(np.int64)
    return integers


def _step_widths(first: Floats, second: Floats) -> list[float]:
    """Widths of a step to try, ascending: powers of two, and those that make a table of plain integers."""
    each = [float(np.abs(np.diff(part)).max(initial=0.0)) for part in (first, second)]
    reach = max(float(np.abs(part).max()) for part in (first, second))
    coarsest = max(-FINEST, math.ceil(-math.log2(reach))) if reach > 0 else 0
    widths = [2.0**bits for bits in range(min(coarsest, FINEST), FINEST + 1)]
    widths += [1 / step for step in each if 2.0**-FINEST <= step <= 2.0**FINEST]
    return sorted(set(widths))


def _search(lowest: Ints, highest: Ints, starts: tuple[Ints, Ints], leash: int) -> tuple[Ints, Ints] | None:
    """Integers with ``lowest <= first[i] + second[j] <= highest``; None if they run farther than ``leash``.

    From the start ``first`` only falls and ``second`` only rises.
    """
    first, second = upper, lower = starts
    for _ in range(ROUNDS):
        closer = np.minimum(upper, (highest - lower).min(axis=1))
        higher = np.maximum(lower, (lowest - closer[:, np.newaxis]).max(axis=0))
        if np.array_equal(closer, upper) and np.array_equal(higher, lower):
            return upper, lower
        upper, lower = closer, higher
        if max((first - upper).max(), (lower - second).max()) > leash:
            return None
    return None


def centred(tables: Sequence[Ints], bias: Ints, reference: Reference, *, low: int, high: int,
            zero: int | None = None) -> tuple[list[Ints], Requantization]:
    """``tables`` moved around zero, where they are narrowest, and the requantization that moves sums back.

    ``bias [channels]`` comes on top; ``reference`` takes sums of the tables as they were, and the bias, to
    outputs in ``[low, high]``. ``zero`` is that of :func:`~gatecast.staircase.fit`.
    """
    middles = [(int(table.min()) + int(table.max()) + 1) // 2 for table in tables]
    moved = [table - middle for table, middle in zip(tables, middles, strict=True)]
    total = bias + sum(middles)
    bounds = Bounds(lowest=np.full(len(bias), sum(int(table.min()) for table in moved), np.int64),
                    highest=np.full(len(bias), sum(int(table.max()) for table in moved), np.int64))
    return moved, fit(lambda sums: reference(sums + total), bounds, bias=total, low=low, high=high,
                      zero=zero)
