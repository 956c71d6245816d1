"""A multiplier without DSP blocks: rows of partial products and a tree of adders."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .pipeline import delay, product_shape

__all__ = ["RowMultiplier"]


def _row(bit: Value, word: Value) -> Value:
    """The partial product of a bit."""
    row = word.as_unsigned() & bit.replicate(len(word))
    return row.as_signed() if word.shape().signed else row


@dataclass(frozen=True, kw_only=True)
class _Sum:
    """The sum of ``rows`` adjacent rows, in units of the lowest one's weight; or what is to be subtracted."""

    value: Any
    first: int
    rows: int
    subtracted: bool


class RowMultiplier(wiring.Component):
    """``p = a * b`` after ``latency`` cycles, in registers and adders.

    Schoolbook in base two. The narrower operand (of equal ones ``a``) has a row for each of its bits: the
    other operand where the bit is 1. The row of a sign is subtracted. A balanced tree adds the rows, with a
    register behind each of its levels where ``latency`` allows that; a register that is left holds the
    operands. Adders whose lookup tables have two inputs to spare take the gates of two rows into them: those
    of ECP5, see ``gatecast.ecp5_carry``.

    ===========  ====================================================================
    Throughput   a product a cycle
    Latency      ``latency``
    Resources    of signed 8 x 8 bits on ECP5: 36 CCU2C and 4 LUT4, together 76 LUT4, and 80 flip-flops at
                 a latency of 3. (What Yosys makes of ``a * b`` without DSP blocks has 183 LUT4, rows for
                 Booth's digits in base 4 came to 106.)
    ===========  ====================================================================

    Subtracted sign rows are C. R. Baugh's and B. A. Wooley's (1973) without their constants, for the adders
    are signed.

    Parameters
    ----------
    a_shape, b_shape : Shape
        Operands, signed or unsigned, of any width.
    latency : int
        Cycles from operands to product, at least 1.
    """

    a: Any
    b: Any
    p: Any

    def __init__(self, a_shape: Shape, b_shape: Shape, latency: int) -> None:
        if latency < 1:
            raise ValueError(f"RowMultiplier latency must be at least 1, not {latency}")
        self.a_shape, self.b_shape, self.latency = a_shape, b_shape, latency
        super().__init__({"a": In(a_shape), "b": In(b_shape), "p": Out(product_shape(a_shape, b_shape))})

    @staticmethod
    def tree(rows: int, latency: int) -> list[tuple[tuple[int, ...], int]]:
        """The tree of adders, from the rows on: rows in each sum of a level, and registers behind each sum.

        Those of the rows are registers of the operands. Neighbours are added; of an odd number the last
        stays alone.
        """
        levels = ceil_log2(rows)
        # The adder behind `p` counts as a level.
        together = -(-(levels + 1) // (latency + 1))
        registers = [min(level + together, levels) for level in range(0, levels, together)][:latency]
        left = latency - len(registers)
        registers += [0] * min(left, 1) + [levels] * (left - 1)
        sums = (1,) * rows
        tree = [(sums, registers.count(0))]
        for level in range(1, levels + 1):
            sums = tuple(sum(sums[index:index + 2]) for index in range(0, len(sums), 2))
            tree.append((sums, registers.count(level)))
        return tree

    def elaborate(self, platform: object) -> Module:
        m = Module()
        bits, word = Value.cast(self.a), Value.cast(self.b)
        if len(word) < len(bits):
            bits, word = word, bits
        (_, waiting), *levels = self.tree(len(bits), self.latency)
        bits, word = delay(m, bits, waiting, "bits"), delay(m, word, waiting, "word")
        sums = [_Sum(value=_row(bit, word), first=index, rows=1,
                     subtracted=bits.shape().signed and index == len(bits) - 1)
                for index, bit in enumerate(bits)]
        for level, (_, registers) in enumerate(levels, 1):
            sums = self._pairs(m, bits.shape(), word.shape(), sums, level)
            sums = [_Sum(value=delay(m, part.value, registers, f"sum_{level}_{part.first}"),
                         first=part.first, rows=part.rows, subtracted=part.subtracted) for part in sums]
        m.d.comb += self.p.eq(-sums[0].value if sums[0].subtracted else sums[0].value)
        return m

    @staticmethod
    def _pairs(m: Module, bits: Shape, word: Shape, sums: list[_Sum], level: int) -> list[_Sum]:
        """The sums of neighbours; of an odd number the last stays alone."""
        pairs = []
        for low, high in zip(sums[::2], sums[1::2], strict=False):
            rows = low.rows + high.rows
            shape = product_shape(Shape(rows, bits.signed and low.first + rows == bits.width), word)
            # The low bits, below the weight of the higher sum, need no adder.
            upper = Signal(Shape(shape.width - low.rows, shape.signed), name=f"upper_{level}_{low.first}")
            kept = low.value >> low.rows
            m.d.comb += upper.eq(kept - high.value if high.subtracted else kept + high.value)
            total = Cat(low.value[:low.rows], upper)
            pairs.append(_Sum(value=total.as_signed() if shape.signed else total,
                              first=low.first, rows=rows, subtracted=False))
        return pairs + sums[2 * len(pairs):]
