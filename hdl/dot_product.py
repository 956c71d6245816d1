"""Dot product: lanes of multipliers and a pipelined tree of adders."""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.utils import ceil_log2

from .multiplier import Multiplier, MultiplierKind
from .pipeline import delay

__all__ = ["DotProduct"]


class DotProduct(wiring.Component):
    """``p = sum(a[i] * b[i])`` of signed numbers, exact: each level of the tree is a bit wider.

    ===========  ====================================================================
    Throughput   one result a cycle
    Latency      :meth:`latency`
    Resources    ``lanes`` multipliers of the kind, ``lanes - 1`` adders
    ===========  ====================================================================

    Parameters
    ----------
    lanes : int
        Number of products, at least 1.
    kind : MultiplierKind
        Of the multipliers.
    b_bits : int
        Bits of each ``b``; each ``a`` has 8.
    """

    a: Any
    b: Any
    p: Any

    def __init__(self, lanes: int, kind: MultiplierKind = "dsp", b_bits: int = 8) -> None:
        if lanes < 1:
            raise ValueError(f"DotProduct lanes must be at least 1, not {lanes}")
        self.lanes, self.kind, self.b_bits = lanes, kind, b_bits
        super().__init__({"a": In(data.ArrayLayout(signed(8), lanes)),
                          "b": In(data.ArrayLayout(signed(b_bits), lanes)),
                          "p": Out(signed(8 + b_bits + ceil_log2(lanes)))})

    @staticmethod
    def latency(lanes: int) -> int:
        """Cycles from operands to sum: the multipliers and one stage for each level of the tree."""
        return Multiplier.LATENCY + ceil_log2(lanes)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        terms: list[Any] = []
        for lane in range(self.lanes):
            m.submodules[f"multiplier_{lane}"] = multiplier = Multiplier(
                signed(8), signed(self.b_bits), self.kind)
            m.d.comb += [multiplier.a.eq(self.a[lane]), multiplier.b.eq(self.b[lane])]
            terms.append(multiplier.p)
        level = 0
        while len(terms) > 1:
            sums: list[Any] = []
            for index in range(0, len(terms) - 1, 2):
                width = max(len(terms[index]), len(terms[index + 1])) + 1
                total = Signal(signed(width), name=f"sum_{level}_{index // 2}", reset_less=True)
                m.d.sync += total.eq(terms[index] + terms[index + 1])
                sums.append(total)
            if len(terms) % 2:
                sums.append(delay(m, terms[-1], 1, f"odd_{level}"))
            terms, level = sums, level + 1
        m.d.comb += self.p.eq(terms[0])
        return m
