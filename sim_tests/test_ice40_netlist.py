"""Netlists for iCE40 of small designs against their RTL: models of cells, registers, lost multipliers."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Cat, Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from products import Products, SumOfProducts
from tools import needs

from gatecast import ice40_flow, processes, verilog
from gatecast.hdl.multiplier import Multiplier, WideMultiplier
from gatecast.hdl.storage import make_memory, read_register
from gatecast.netlist import Netlist

CYCLES = 2_000
# What comes out before every register has seen an input.
FIRST = 8
REGISTERS = ("A_REG", "B_REG", "PIPELINE_16x16_MULT_REG1", "PIPELINE_16x16_MULT_REG2", "TOP_8x8_MULT_REG",
             "BOT_8x8_MULT_REG")


def quiet(_step: str) -> None:
    """Say nothing."""


def synthesized(component: wiring.Component) -> str:
    return ice40_flow.synthesize(verilog.convert_rtlil(component, "core"), "core", quiet)


def compared(component: wiring.Component, folder: Path, *, resets: bool = True) -> Netlist:
    """Play RTL and netlist side by side on random inputs; the netlist, if all outputs are equal."""
    netlist = synthesized(component)
    (folder / "netlist.v").write_text(ice40_flow.modelled(netlist, quiet))
    (folder / "rtl.v").write_text(verilog.convert(component, "rtl"))
    ports = {name: (member.flow, Shape.cast(member.shape).width)
             for name, member in component.signature.members.items()}
    inputs = {name: width for name, (flow, width) in ports.items() if flow == In}
    outputs = {name: width for name, (flow, width) in ports.items() if flow == Out}
    (folder / "bench.v").write_text(bench(inputs, outputs, resets=resets))
    processes.run("Icarus", ["iverilog", "-g2012", "-o", "bench", "bench.v", "rtl.v", "netlist.v"],
                  folder=folder)
    processes.run("the comparison", ["vvp", "-N", "bench"], folder=folder)
    assert f"compared {CYCLES - FIRST} cycles" in (folder / "log.txt").read_text()
    return Netlist(netlist, "core")


def bench(inputs: Mapping[str, int], outputs: Mapping[str, int], *, resets: bool) -> str:
    def pins(suffix: str) -> str:
        return ", ".join([".clk(clk)", ".rst(rst)", *(f".{name}({name})" for name in inputs),
                          *(f".{name}({name}_{suffix})" for name in outputs)])

    draws = [f"{name} = {{{', '.join(['$urandom(seed)'] * -(-width // 32))}}};"
             for name, width in inputs.items()]
    differ = " | ".join(f"{name}_rtl !== {name}_netlist" for name in outputs)
    return "\n".join([
        "`timescale 1ns/1ns", "module bench;", "reg clk = 0, rst = 1;", "integer cycle, seed = 1;",
        *(f"reg [{width - 1}:0] {name};" for name, width in inputs.items()),
        *(f"wire [{width - 1}:0] {name}_rtl, {name}_netlist;" for name, width in outputs.items()),
        f"rtl rtl ({pins('rtl')});", f"core netlist ({pins('netlist')});", "initial begin",
        f"for (cycle = 0; cycle < {CYCLES}; cycle = cycle + 1) begin",
        f"rst = cycle < 2{' | $urandom(seed) % 64 == 0' if resets else ''};", *draws, "#1;",
        f'if (cycle >= {FIRST} & ({differ})) $fatal(1, "error: cycle %0d differs", cycle);',
        "clk = 1; #1; clk = 0; #1;", "end", f'$display("compared {CYCLES - FIRST} cycles"); $finish;', "end",
        "endmodule", ""])


class Memory(wiring.Component):
    """A memory of a word that is written in parts, beside another one that is read only."""

    def __init__(self, depth: int, width: int, granularity: int | None = None) -> None:
        self.depth, self.width, self.granularity = depth, width, granularity
        parts = 1 if granularity is None else width // granularity
        address = unsigned((depth - 1).bit_length())
        super().__init__({"at": In(address), "to": In(address), "data": In(width), "enable": In(parts),
                          "read": In(1), "word": Out(width), "constant": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        rng = random.Random(self.depth)
        contents = [[rng.getrandbits(self.width) for _ in range(self.depth)] for _ in range(2)]
        m.submodules.words = words = make_memory("block", shape=self.width, depth=self.depth,
                                                 init=contents[0], written=True)
        m.submodules.constants = constants = make_memory("block", shape=self.width, depth=self.depth,
                                                         init=contents[1])
        port = words.write_port(granularity=self.granularity)
        m.d.comb += [port.addr.eq(self.to), port.data.eq(self.data), port.en.eq(self.enable),
                     self.word.eq(read_register(m, words, self.at, enable=self.read)),
                     self.constant.eq(read_register(m, constants, self.at, enable=self.read))]
        return m


class FlipFlops(wiring.Component):
    """Registers that start at 0 and at 1, with and without reset, set and enable."""

    def __init__(self) -> None:
        super().__init__({"d": In(8), "enable": In(1), "set": In(1), "q": Out(80)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = []
        for init in 0, 0xa5:
            for reset_less in False, True:
                for enabled in False, True:
                    register = Signal(8, init=init, reset_less=reset_less,
                                      name=f"q_{init}_{reset_less}_{enabled}")
                    with m.If(self.enable if enabled else 1):
                        m.d.sync += register.eq(self.d + len(registers))
                    registers.append(register)
        for enabled in False, True:
            register = Signal(8, reset_less=True, name=f"set_{enabled}")
            with m.If(self.enable if enabled else 1):
                m.d.sync += register.eq(Mux(self.set, -1, self.d ^ len(registers)))
            registers.append(register)
        m.d.comb += self.q.eq(Cat(registers))
        return m


# Between them with each mode of a port, and of several blocks.
SHAPES = [(256, 16, 8, {0, 1}), (512, 8, None, {1}), (1024, 4, None, {1, 2}), (2048, 2, None, {1, 3}),
          (512, 24, 12, {0, 1})]


@needs("yosys", "icarus")
@pytest.mark.parametrize(("depth", "width", "granularity", "modes"), SHAPES)
def test_memories(depth: int, width: int, granularity: int | None, modes: set[int], tmp_path: Path) -> None:
    netlist = compared(Memory(depth, width, granularity), tmp_path)
    found = {int(cell["parameters"][f"{port}_MODE"], 2) for cell in netlist.cells.values()
             if cell["type"] == "SB_RAM40_4K" for port in ("READ", "WRITE")}
    assert found == modes


@needs("yosys", "icarus")
def test_flip_flops(tmp_path: Path) -> None:
    netlist = compared(FlipFlops(), tmp_path)
    assert set(netlist.types()) >= {"SB_DFF", "SB_DFFE", "SB_DFFSR", "SB_DFFSS", "SB_DFFESR", "SB_DFFESS"}


@needs("yosys", "icarus")
@pytest.mark.parametrize(("multiplier", "blocks"), [
    (Multiplier(signed(8), signed(8)), 1), (Multiplier(unsigned(16), unsigned(16)), 1),
    (Multiplier(signed(16), signed(9)), 1), (Multiplier(unsigned(8), signed(8)), 1),
    (WideMultiplier(signed(30), signed(16)), 3), (WideMultiplier(signed(18), unsigned(17)), 3)])
def test_all_registers_of_multipliers(multiplier: wiring.Component, blocks: int, tmp_path: Path) -> None:
    netlist = compared(multiplier, tmp_path)
    cells = [cell for cell in netlist.cells.values() if cell["type"] == "SB_MAC16"]
    assert len(cells) == blocks
    if isinstance(multiplier, Multiplier):
        assert all(int(cells[0]["parameters"][name], 2) for name in REGISTERS)
        assert not any(kind.startswith("SB_DFF") for kind in netlist.types())


@needs("yosys", "icarus")
@pytest.mark.parametrize(("options", "moves"), [
    ({}, True), ({"reset": True}, False), ({"enabled": True}, False), ({"twice": True}, False)])
def test_what_may_move_behind_a_product(options: Mapping[str, bool], moves: bool, tmp_path: Path) -> None:
    netlist = compared(Products(**options), tmp_path)
    (cell,) = (cell for cell in netlist.cells.values() if cell["type"] == "SB_MAC16")
    assert bool(int(cell["parameters"][REGISTERS[3]], 2)) == moves
    assert sum(count for kind, count in netlist.types().items() if kind.startswith("SB_DFF")) == (
        0 if moves else 16)


@needs("yosys", "icarus")
@pytest.mark.parametrize("reset", [False, True])
@pytest.mark.parametrize("registers", [0, 1, 2, 3])
def test_no_multiplier_is_lost_where_products_are_added(registers: int, reset: bool, tmp_path: Path) -> None:
    """What Yosys' own use of the registers does: ``synth_ice40 -dsp`` fails with one and two of them."""
    netlist = compared(SumOfProducts(registers, reset=reset), tmp_path)
    cells = [cell for cell in netlist.cells.values() if cell["type"] == "SB_MAC16"]
    assert len(cells) == 2
    assert sum(int(cell["parameters"][name], 2) for cell in cells for name in REGISTERS[2:4]) == (
        2 * min(registers, 2))


@needs("yosys", "icarus")
def test_the_comparison_can_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    original = ice40_flow.modelled

    def wrong(netlist: str, progress: Any) -> str:
        return original(netlist, progress).replace("a_value * b_value", "a_value * b_value + 1")

    monkeypatch.setattr(ice40_flow, "modelled", wrong)
    with pytest.raises(Exception, match=r"error: cycle \d+ differs"):
        compared(SumOfProducts(1), tmp_path)

