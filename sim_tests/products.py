"""Products with registers of several kinds: what passes over netlists must tell apart."""

from __future__ import annotations

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["Products", "SumOfProducts"]


class Products(wiring.Component):
    """A product with registers of the kinds that are given."""

    a: Any
    b: Any
    enable: Any
    p: Any
    early: Any

    def __init__(self, *, reset: bool = False, enabled: bool = False, twice: bool = False) -> None:
        self.reset, self.enabled, self.twice = reset, enabled, twice
        super().__init__({"a": In(signed(8)), "b": In(signed(8)), "enable": In(1),
                          "p": Out(signed(16)), "early": Out(signed(16))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        product, register = Signal(signed(16)), Signal(signed(16), reset_less=not self.reset)
        m.d.comb += product.eq(self.a * self.b)
        with m.If(self.enable if self.enabled else 1):
            m.d.sync += register.eq(product)
        m.d.comb += self.p.eq(register)
        if self.twice:
            m.d.comb += self.early.eq(product)
        return m


class SumOfProducts(wiring.Component):
    """A registered sum of two products, each behind this many registers."""

    def __init__(self, registers: int, *, reset: bool = False) -> None:
        self.registers, self.reset = registers, reset
        super().__init__({**{name: In(signed(8)) for name in ("a0", "b0", "a1", "b1")},
                          "s": Out(signed(17))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        terms = []
        for index, (a, b) in enumerate(((self.a0, self.b0), (self.a1, self.b1))):
            product: Any = a * b
            for stage in range(self.registers):
                register = Signal(signed(16), reset_less=True, name=f"p{index}_{stage}")
                m.d.sync += register.eq(product)
                product = register
            terms.append(product)
        total = Signal(signed(17), reset_less=not self.reset)
        m.d.sync += total.eq(terms[0] + terms[1])
        m.d.comb += self.s.eq(total)
        return m
