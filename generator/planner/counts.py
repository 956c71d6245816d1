"""Counts: what a part of an accelerator has of each kind of logic, before anyone says what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatecast.hdl.row_multiplier import RowMultiplier
from gatecast.hdl.storage import MemoryKind
from gatecast.hdl.table import Table

__all__ = ["Contents", "Part", "bits", "contents", "row_multiplier", "varying_bits"]

# Words that a LUT of four inputs holds of a bit.
LUT_WORDS = Table.LUT_WORDS


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of an accelerator; the names of terms are those of :mod:`~gatecast.planner.logic`'s model."""

    name: str
    """Where it is in the hierarchy of the accelerator's modules, joined by dots."""
    luts: Counter[str]
    """Terms that cost LUTs: bits of adders, of multiplexers and so on."""
    ffs: Counter[str]
    """Terms that cost flip-flops: bits of registers."""


@dataclass(frozen=True, kw_only=True)
class Contents:
    """What a table with these contents comes to."""

    kind: MemoryKind
    varying: int
    """Bits of a row that are not the same in all rows."""
    different: int
    """Those of them that are different ones: synthesis makes bits that agree in all rows once."""
    luts: int
    """LUTs that hold words of its bits, and pairs of such words, where it is made of logic."""
    deep: bool
    """Whether words are shared and joined by LUTs, not by wide multiplexers."""
    registers: int
    """Bits of its output register, where it is made of logic; block RAM has its own."""

    def terms(self, term: str) -> Counter[str]:
        """LUTs of the memory itself; ``term`` is what those of a shallow one are called."""
        return Counter({f"deep {term}" if self.deep else term: self.luts})

    @property
    def held(self) -> int:
        """Bits of a copy of a row in registers."""
        return self.different if self.kind == "lut" else self.varying


def bits(count: int) -> int:
    """Bits of the numbers below ``count``."""
    return max(count - 1, 0).bit_length()


def contents(rows: Sequence[Sequence[int]] | npt.NDArray[np.signedinteger],
             kind: MemoryKind = "lut") -> Contents:
    """Of a :class:`~gatecast.hdl.table.Table` of this kind with these numbers, ``[row][column]``.

    In logic a bit of all rows is put together from LUTs for 16 of them each. Two such words are joined by the
    wide multiplexers of the slices. In deeper tables Yosys shares words that agree, and joins them by LUTs:
    about one for each different pair, as the joints of pairs take some and save others. A word and its
    inverse agree.
    """
    rows = np.ascontiguousarray(rows)
    depth, varying = len(rows), sum(varying_bits(rows))
    if kind == "block" or not varying:
        return Contents(kind=kind, varying=varying, different=varying, luts=0, deep=False, registers=0)
    patterns = np.unpackbits(rows.reshape(depth, -1).view(np.uint8), axis=1).T
    patterns = patterns[np.any(patterns != patterns[:, :1], axis=1)]
    different = {pattern.tobytes() for pattern in np.packbits(patterns, axis=1)}
    words, pairs = _words(patterns, LUT_WORDS), _words(patterns, 2 * LUT_WORDS)
    joined = int(np.sum(pairs >> LUT_WORDS != pairs & ((1 << LUT_WORDS) - 1)))
    deep = depth > 2 * LUT_WORDS
    luts = len(words)
    if depth <= 2:
        # Each bit is the address or its inverse.
        luts = 0
    elif depth > LUT_WORDS:
        # A LUT behind a wide multiplexer is not shared.
        luts = joined + len(words if deep else pairs)
    return Contents(kind=kind, varying=varying, different=len(different), luts=luts, deep=deep,
                    registers=len(different))


def _words(patterns: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint64]:
    """The different words of ``size`` rows in ``patterns [bit, row]`` that are no constants."""
    padded = np.pad(patterns, ((0, 0), (0, -patterns.shape[1] % size)), mode="edge").reshape(-1, size)
    packed = np.packbits(padded ^ padded[:, :1], axis=1, bitorder="little").astype(np.uint64)
    words = np.unique(packed @ (np.uint64(1) << np.arange(0, size, 8, dtype=np.uint64)))
    return words[words != 0]


def varying_bits(rows: npt.NDArray[np.signedinteger]) -> list[int]:
    """Of each column of ``rows [row, column]`` the bits that are not the same in all rows."""
    mask = np.bitwise_or.reduce(rows) ^ np.bitwise_and.reduce(rows)
    # Numbers of both signs differ in their sign, which is one bit behind those that the largest one needs.
    largest = np.bitwise_or.reduce(np.where(rows < 0, ~rows, rows))
    return [(found & (1 << number.bit_length()) - 1).bit_count() + (found < 0)
            for found, number in zip(mask.tolist(), largest.tolist(), strict=True)]


def row_multiplier(narrow: int, wide: int, latency: int, family: str) -> tuple[int, int]:
    """LUTs and flip-flops of a :class:`~gatecast.hdl.row_multiplier.RowMultiplier`.

    Its adders, and the gates of its rows: on ECP5 those lie in the adders of pairs, but for the lowest bits,
    which need none, and the row of an odd number that is left.
    """
    (rows, waiting), *levels = RowMultiplier.tree(narrow, latency)
    adders, below = 0, rows
    for sums, _ in levels:
        # The low bits, below the weight of the higher one of two sums, need no adder.
        adders += sum(high + wide for high in below[1::2])
        below = sums
    registers = waiting * (narrow + wide) + sum(
        delays * sum(each + wide for each in sums) for sums, delays in levels)
    gates = narrow // 2 + narrow % 2 * wide if family == "ecp5" else narrow * wide
    return adders + gates, registers
