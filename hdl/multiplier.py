"""Multipliers: the product of two numbers, pipelined, left to the synthesizer to map."""

from typing import Any

from amaranth.hdl import Module, Shape, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .pipeline import bits_for_range, delay

__all__ = ["Multiplier", "WideMultiplier"]


def _range(shape: Shape) -> tuple[int, int]:
    if shape.signed:
        return -1 << (shape.width - 1), (1 << (shape.width - 1)) - 1
    return 0, (1 << shape.width) - 1


def _product_shape(a: Shape, b: Shape) -> Shape:
    corners = [x * y for x in _range(a) for y in _range(b)]
    return bits_for_range(min(corners), max(corners))


class Multiplier(wiring.Component):
    """``p = a * b`` after :attr:`LATENCY` cycles, one product a cycle.

    A register before and one behind the product, which most families can move into their DSP block.

    Parameters
    ----------
    a_shape, b_shape : Shape
        Operands, signed or unsigned, as a rule at most 18 bits wide.
    """

    LATENCY = 2

    a: Any
    b: Any
    p: Any

    def __init__(self, a_shape: Shape, b_shape: Shape) -> None:
        super().__init__({"a": In(a_shape), "b": In(b_shape), "p": Out(_product_shape(a_shape, b_shape))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        a = delay(m, self.a, 1, "a")
        b = delay(m, self.b, 1, "b")
        m.d.comb += self.p.eq(delay(m, a * b, 1, "p"))
        return m


class WideMultiplier(wiring.Component):
    """``p = a * b`` for operands wider than one DSP block, from parts of at most 17 bits and a sign.

    Schoolbook: the operands are cut into digits of 17 bits, the digit products go through
    :class:`Multiplier` and are added a row per stage, so that every stage has one addition.

    Parameters
    ----------
    a_shape, b_shape : Shape
        Operands, signed or unsigned, of any width.
    """

    DIGIT = 17

    a: Any
    b: Any
    p: Any

    def __init__(self, a_shape: Shape, b_shape: Shape) -> None:
        self.a_shape, self.b_shape = a_shape, b_shape
        super().__init__({"a": In(a_shape), "b": In(b_shape), "p": Out(_product_shape(a_shape, b_shape))})

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
        """Number of :class:`Multiplier` for operands of these shapes."""
        return len(cls.digits(a_shape)) * len(cls.digits(b_shape))

    @classmethod
    def latency(cls, a_shape: Shape, b_shape: Shape) -> int:
        """Cycles from operands to product: one multiplication and an addition for each further part."""
        return Multiplier.LATENCY + cls.multipliers(a_shape, b_shape) - 1

    def elaborate(self, platform: object) -> Module:
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
