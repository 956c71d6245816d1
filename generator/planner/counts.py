"""Counts: what a part of an accelerator has of each kind of logic, before anyone says what that costs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatecast.hdl.storage import MemoryKind

__all__ = ["Contents", "Part", "bank_choices", "bits", "contents", "row_multiplier", "varying_bits"]

# Words that a LUT of four inputs holds of a bit.
LUT_WORDS = 16
# A block RAM of ECP5: widths of a word, words at the first of them, what Yosys lets it cost.
BLOCK_WIDTHS = (1, 2, 4, 9, 18, 36)
BLOCK_WORDS = 16_384
BLOCK_PRICE = 128


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
    """LUTs of the memory itself, where it is made of logic."""
    registers: int
    """Bits of its output register, where it is made of logic; block RAM has its own."""

    @property
    def held(self) -> int:
        """Bits of a copy of a row in registers."""
        return self.different if self.kind == "lut" else self.varying


def bits(count: int) -> int:
    """Bits of the numbers below ``count``."""
    return max(count - 1, 0).bit_length()


def contents(rows: Sequence[Sequence[int]] | npt.NDArray[np.int64], kind: MemoryKind = "lut") -> Contents:
    """Of a :class:`~gatecast.hdl.table.Table` of this kind with these numbers, ``[row][column]``."""
    rows = np.array(rows, np.int64)
    varying = sum(varying_bits(rows))
    if kind == "block" or not varying:
        return Contents(kind=kind, varying=varying, different=varying, luts=0, registers=0)
    depth = len(rows)
    patterns = np.unpackbits(rows.astype("<i8").reshape(depth, -1).view(np.uint8), axis=1).T
    different = {pattern.tobytes() for pattern in np.packbits(patterns, axis=1)}
    different -= {bytes(-(-depth // 8)), np.packbits(np.ones(depth, np.uint8)).tobytes()}
    # A bit is put together from LUTs for 16 words each. The same words, or their inverse, are made once.
    padded = np.pad(patterns, ((0, 0), (0, -depth % LUT_WORDS)), mode="edge").reshape(-1, LUT_WORDS)
    words = np.ascontiguousarray(np.packbits(padded ^ padded[:, :1], axis=1)).view(np.uint16).ravel()
    return Contents(kind=kind, varying=varying, different=len(different),
                    luts=len(set(words.tolist()) - {0}) if depth > 2 else 0, registers=len(different))


def varying_bits(rows: npt.NDArray[np.int64]) -> list[int]:
    """Of each column of ``rows [row, column]`` the bits that are not the same in all rows."""
    mask = np.bitwise_or.reduce(rows) ^ np.bitwise_and.reduce(rows)
    # Numbers of both signs differ in their sign, which is one bit behind those that the largest one needs.
    largest = np.bitwise_or.reduce(rows ^ (rows >> 63))
    return [(found & (1 << number.bit_length()) - 1).bit_count() + (found < 0)
            for found, number in zip(mask.tolist(), largest.tolist(), strict=True)]


def bank_choices(depth: int, width: int, part: int = 0) -> int:
    """Bits that are chosen from one more bank, where a memory has several of ECP5's block RAMs.

    The cheapest shape by the rule of Yosys, see :mod:`gatecast.boards.packing`. ``part`` are the bits of a
    write, 0 where nothing is written.
    """
    best = (float("inf"), 0)
    for index, cell in enumerate(BLOCK_WIDTHS):
        banks, word = -(-depth // (BLOCK_WORDS >> index)), width
        if part:
            word = -(-part // min(9, cell)) * min(9, cell) * (width // part)
        best = min(best, (BLOCK_PRICE * -(-banks * word // cell) + (banks - 1) * width / 2, banks))
    return (best[1] - 1) * width


def row_multiplier(narrow: int, wide: int, latency: int) -> tuple[int, int]:
    """Bits of the adders and of the registers in a :class:`~gatecast.hdl.row_multiplier.RowMultiplier`."""
    levels = bits(narrow)
    together = -(-(levels + 1) // latency)
    stages = [min(stage * together, levels) for stage in range(1, latency)]
    adders = sum(-(-narrow // 2 ** level) // 2 * (wide + 2) for level in range(levels))
    registers = narrow * wide + sum(
        -(-narrow // 2 ** level) * min(wide + 2 ** level, narrow + wide) for level in stages)
    return adders, registers
