"""Multipliers: the product of two numbers, pipelined, in DSP blocks or in LUTs."""

from typing import Any, Literal

from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .pipeline import check_choice, delay, product_shape
from .row_multiplier import RowMultiplier

__all__ = ["Multiplier", "MultiplierKind", "WideMultiplier", "check_multiplier_kind"]


MultiplierKind = Literal["dsp", "lut"]


def check_multiplier_kind(what: str, kind: str) -> None:
    """Refuse with a ValueError what is no multiplier kind."""
    check_choice(what, kind, MultiplierKind)


class Multiplier(wiring.Component):
    """``p = a * b`` after :attr:`LATENCY` cycles, one product a cycle.

    ===========  ====================================================================
    Throughput   a product a cycle
    Latency      :attr:`LATENCY`, of either kind
    Resources    ``"dsp"``: a DSP block, with a register before and one behind the product, which most
                 families can move into it, and a third one on the way to what adds the products; ``"lut"``:
                 see :class:`~gatecast.hdl.row_multiplier.RowMultiplier`
    ===========  ====================================================================

    Parameters
    ----------
    a_shape, b_shape : Shape
        Operands, signed or unsigned, as a rule at most 18 bits wide.
    kind : MultiplierKind
        ``"dsp"``: left to the synthesizer, which takes a DSP block where there is one; ``"lut"``: of explicit
        logic, never a DSP block. Both give the same bits in the same cycle.
    """

    LATENCY = 3

    a: Any
    b: Any
    p: Any

    def __init__(self, a_shape: Shape, b_shape: Shape, kind: MultiplierKind = "dsp") -> None:
        check_multiplier_kind("Multiplier kind", kind)
        self.a_shape, self.b_shape, self.kind = a_shape, b_shape, kind
        super().__init__({"a": In(a_shape), "b": In(b_shape), "p": Out(product_shape(a_shape, b_shape))})

    def elaborate(self, platform: object) -> Module:
        if self.kind == "lut":
            return _of_rows(self, self.LATENCY)
        m = Module()
        a = delay(m, self.a, 1, "a")
        b = delay(m, self.b, 1, "b")
        m.d.comb += self.p.eq(delay(m, a * b, 2, "p"))
        return m


class WideMultiplier(wiring.Component):
    """``p = a * b`` for operands wider than one DSP block, from parts of at most 17 bits and a sign.

    Schoolbook: the operands are cut into digits of 17 bits, the digit products go through
    :class:`Multiplier` and are added a row per stage, so that every stage has one addition. In LUTs nothing
    needs to be cut: the rows of a single multiplier are spread over the same stages.

    ===========  ====================================================================
    Throughput   a product a cycle
    Latency      :meth:`latency`, of either kind
    Resources    ``"dsp"``: :meth:`multipliers` DSP blocks, an adder for each further one; ``"lut"``: see
                 :class:`~gatecast.hdl.row_multiplier.RowMultiplier`
    ===========  ====================================================================

    Parameters
    ----------
    a_shape, b_shape : Shape
        Operands, signed or unsigned, of any width.
    kind : MultiplierKind
        As of :class:`Multiplier`.
    """

    DIGIT = 17

    a: Any
    b: Any
    p: Any

    def __init__(self, a_shape: Shape, b_shape: Shape, kind: MultiplierKind = "dsp") -> None:
        check_multiplier_kind("WideMultiplier kind", kind)
        self.a_shape, self.b_shape, self.kind = a_shape, b_shape, kind
        super().__init__({"a": In(a_shape), "b": In(b_shape), "p": Out(product_shape(a_shape, b_shape))})

    @classmethod
    def digits(cls, shape: Shape) -> list[Shape]:
        """Shapes of the digits of an operand, lowest first; only the highest one can be signed."""
        low, digits = 0, []
        while shape.width - low > cls.DIGIT + (1 if shape.signed else 0):
            digits.append(Shape(cls.DIGIT))
            low += cls.DIGIT
        return [*digits, Shape(shape.width - low, shape.signed)]

    @classmethod
    def multipliers(cls, a_shape: Shape, b_shape: Shape) -> int:
        """Number of parts for operands of these shapes: of DSP blocks, if of that kind."""
        return len(cls.digits(a_shape)) * len(cls.digits(b_shape))

    @classmethod
    def latency(cls, a_shape: Shape, b_shape: Shape) -> int:
        """Cycles from operands to product: one multiplication and an addition for each further part."""
        return Multiplier.LATENCY + cls.multipliers(a_shape, b_shape) - 1

    def elaborate(self, platform: object) -> Module:
        if self.kind == "lut":
            return _of_rows(self, self.latency(self.a_shape, self.b_shape))
        m = Module()
        terms = []
        for i, a_digit in enumerate(self.digits(self.a_shape)):
            for j, b_digit in enumerate(self.digits(self.b_shape)):
                part = Multiplier(a_digit, b_digit)
                m.submodules[f"digit_{i}_{j}"] = part
                m.d.comb += [
                    part.a.eq(self.a[i * self.DIGIT:i * self.DIGIT + a_digit.width]),
                    part.b.eq(self.b[j * self.DIGIT:j * self.DIGIT + b_digit.width]),
                ]
                terms.append((part.p, self.DIGIT * (i + j)))
        product = terms[0][0]
        for stage, (part_product, weight) in enumerate(terms[1:]):
            total = Signal(signed(self.p.shape().width + 1), name=f"sum_{stage}", reset_less=True)
            m.d.sync += total.eq(product + (delay(m, part_product, stage, f"wait_{stage}") << weight))
            product = total
        m.d.comb += self.p.eq(product)
        return m


def _of_rows(multiplier: Multiplier | WideMultiplier, latency: int) -> Module:
    m = Module()
    m.submodules.rows = rows = RowMultiplier(multiplier.a_shape, multiplier.b_shape, latency)
    m.d.comb += [rows.a.eq(multiplier.a), rows.b.eq(multiplier.b), multiplier.p.eq(rows.p)]
    return m
