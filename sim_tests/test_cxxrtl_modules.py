"""What CXXRTL compiles as functions of their own, and what only once."""

import re
from collections import Counter

import pytest
from amaranth.hdl import Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gatecast import verilog
from gatecast.hdl.multiplier import Multiplier
from gatecast.simulation.cxxrtl_modules import compiled_apart


class Products(wiring.Component):
    """``p``: whether any of so many products of ``a`` with itself is negative, and with another constant."""

    def __init__(self, parts: int, width: int) -> None:
        self.parts, self.width = parts, width
        super().__init__({"a": In(signed(width)), "p": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        signs = Signal(self.parts)
        for index in range(self.parts):
            m.submodules[f"part_{index}"] = part = Multiplier(signed(self.width), signed(self.width), "lut")
            m.d.comb += [part.a.eq(self.a), part.b.eq(self.a), signs[index].eq(part.p < 0)]
        m.submodules.other = other = Multiplier(signed(self.width), signed(self.width + 1), "lut")
        m.d.comb += [other.a.eq(self.a), other.b.eq(self.a), self.p.eq(signs.any() | (other.p < 0))]
        return m


def modules(rtlil: str) -> dict[str, bool]:
    """The modules of a text, and whether they are functions of their own."""
    return {name: "keep_hierarchy" in attributes
            for attributes, name in re.findall(r"((?:^attribute .*\n)*)^module \\(\S+)", rtlil, re.MULTILINE)}


@pytest.mark.parametrize(("width", "apart"), [(16, True), (2, False)])
def test_what_differs_in_names_alone_is_one_module(width: int, apart: bool) -> None:
    design = Products(3, width)
    before = verilog.convert_rtlil(design, "products")
    parts = [f"products_{part}" for part in ("part_0", "part_1", "part_2", "other")]
    assert set(modules(before)) == {"products", *parts, *(f"{part}_rows" for part in parts)}
    after = compiled_apart(before, design, "products")
    # Large ones of which there are several are functions, never those that are there but once.
    assert modules(after) == {"products": False, "products_part_0": apart, "products_part_0_rows": False,
                              "products_other": False, "products_other_rows": False}
    cells = Counter(re.findall(r"^  cell \\(\S+)", after, re.MULTILINE))
    assert cells == {"products_part_0": 3, "products_part_0_rows": 1, "products_other": 1,
                     "products_other_rows": 1}
