"""Flip-flops that move into blocks of ECP5, those that must not, and the models of the cells."""

from __future__ import annotations

import json
from collections.abc import Mapping
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import signed
from amaranth.lib import wiring
from products import Products
from synthesis_counts import NEEDS_YOSYS

from gatecast import ecp5_flow, processes, toolbox, verilog
from gatecast.ecp5_registers import absorb
from gatecast.hdl.feature_memory import FeatureMemory, FeatureMemoryParams
from gatecast.hdl.multiplier import Multiplier, WideMultiplier
from gatecast.netlist import Netlist


def synthesized(component: wiring.Component) -> Netlist:
    text = ecp5_flow.synthesize(verilog.convert_rtlil(component, "core"), "core", lambda _: None)
    return Netlist(text, "core")


def modes(netlist: Netlist) -> list[set[str]]:
    return [{cell["parameters"]["REGMODE_A"], cell["parameters"]["REGMODE_B"]}
            for cell in netlist.cells.values() if cell["type"] == "DP16KD"]


@NEEDS_YOSYS
@pytest.mark.parametrize(("words", "width", "multiplexed"), [(512, 4, 0), (200, 3, 0), (1_500, 4, 1)])
def test_reads_of_feature_memories(words: int, width: int, multiplexed: int) -> None:
    params = FeatureMemoryParams(words=words, write_bytes=width, read_bytes=width)
    netlist = synthesized(FeatureMemory(params))
    assert all("OUTREG" in mode for mode in modes(netlist))
    # What is left are the registers on the ways to the reader and from the writer (data, address, enable),
    # and those of the choice between blocks.
    ways = 8 * width + 8 * width + (words - 1).bit_length() + 1
    assert ways <= netlist.types()["TRELLIS_FF"] <= ways + (8 if multiplexed else 0)
    assert bool(multiplexed) == (netlist.types()["LUT4"] > 2)


@NEEDS_YOSYS
@pytest.mark.parametrize(("multiplier", "blocks"), [
    (Multiplier(signed(8), signed(8)), 1), (WideMultiplier(signed(30), signed(16)), 2)])
def test_all_registers_of_multipliers(multiplier: wiring.Component, blocks: int) -> None:
    cells = [cell for cell in synthesized(multiplier).cells.values() if cell["type"] == "MULT18X18D"]
    assert len(cells) == blocks
    for cell in cells:
        assert {f"REG_{name}_CLK" for name in ("INPUTA", "INPUTB", "OUTPUT")} <= set(cell["parameters"])
        assert not any(port.startswith(("C0", "SRI")) for port in cell["connections"] if port != "CE0")


@NEEDS_YOSYS
@pytest.mark.parametrize(("options", "moves"), [
    ({}, True), ({"reset": True}, False), ({"enabled": True}, False), ({"twice": True}, False)])
def test_what_may_move_behind_a_product(options: Mapping[str, bool], moves: bool) -> None:
    netlist = synthesized(Products(**options))
    (cell,) = (cell for cell in netlist.cells.values() if cell["type"] == "MULT18X18D")
    assert ("REG_OUTPUT_CLK" in cell["parameters"]) == moves
    assert netlist.types()["TRELLIS_FF"] == (0 if moves else 16)


def made(cells: Mapping[str, Mapping[str, Any]]) -> str:
    """A netlist of cells ``{"type": ..., "parameters": ..., output: net, input: net}``."""
    outputs = {"TRELLIS_FF": "Q", "PFUMX": "Z", "LUT4": "Z", "DP16KD": "DOA0"}
    document = {name: {
        "type": cell["type"], "parameters": dict(cell["parameters"]),
        "connections": {port: [net] for port, net in cell.items() if port not in ("type", "parameters")},
        "port_directions": {port: "output" if port == outputs[cell["type"]] else "input"
                            for port in cell if port not in ("type", "parameters")}}
        for name, cell in cells.items()}
    nets = sorted({net for cell in cells.values() for port, net in cell.items() if isinstance(net, int)})
    return json.dumps({"modules": {"core": {
        "ports": {"y": {"direction": "output", "bits": [nets[-1]]}}, "cells": document,
        "netnames": {f"n{net}": {"bits": [net]} for net in nets}}}})


FF = {"type": "TRELLIS_FF", "parameters": {"CLKMUX": "CLK", "REGSET": "RESET", "CEMUX": "1 "}, "CLK": 2,
      "LSR": "0"}
RAM = {"type": "DP16KD", "CLKA": 2, "parameters": {
    "DATA_WIDTH_A": "010010", "DATA_WIDTH_B": "010010", "REGMODE_A": "NOREG", "REGMODE_B": "NOREG"}}


@pytest.mark.parametrize(("change", "moves"), [
    ({}, True),
    # Not 0 at first, another clock, another edge, a second reader, a choice that would be 1 at first.
    ({"end": {"parameters": {**FF["parameters"], "REGSET": "SET"}}}, False),
    ({"end": {"parameters": {**FF["parameters"], "CLKMUX": "INV"}}}, False),
    ({"other": {**FF, "DI": 10, "Q": 21, "CLK": 3}}, False),
    ({"other": {"type": "LUT4", "parameters": {"INIT": "01"}, "A": 10, "Z": 31}}, False),
    ({"choice": {"parameters": {"INIT": "0000000000000001"}}}, False),
    # A RAM of another clock, with a reset, one that has a register already.
    ({"low": {"CLKA": 3}}, False),
    ({"low": {"RSTA": 22}}, False),
    ({"low": {"parameters": {**RAM["parameters"], "REGMODE_A": "OUTREG"}}}, False),
    # Where a flip-flop would come between two cells of a slice.
    ({"choice": {"type": "PFUMX", "parameters": {}, "A": None, "B": None, "C": None,
                 "ALUT": 15, "BLUT": 16, "C0": 11},
      "taken": {"type": "LUT4", "parameters": {"INIT": "0000000000001000"}, "A": 10, "B": 11, "Z": 15},
      "left": {"type": "LUT4", "parameters": {"INIT": "0000000000001000"}, "A": 12, "B": 13, "Z": 16}},
     False),
])
def test_flip_flops_behind_the_choice_between_block_rams(
        change: Mapping[str, Mapping[str, Any]], moves: bool) -> None:
    cells: dict[str, dict[str, Any]] = {
        "low": {**RAM, "DOA0": 10}, "high": {**RAM, "DOA0": 11},
        "select": {**FF, "DI": 12, "Q": 13},
        "choice": {"type": "LUT4", "parameters": {"INIT": "0000000011001010"}, "A": 10, "B": 11, "C": 13,
                   "Z": 14},
        "end": {**FF, "DI": 14, "Q": 30}}
    for name, fields in change.items():
        merged = {**cells.get(name, {}), **fields}
        cells[name] = {port: net for port, net in merged.items() if net is not None}
    netlist = Netlist(made(cells), "core")
    before = modes(netlist)
    absorb(netlist)
    assert modes(netlist) == ([{"OUTREG", "NOREG"}] * 2 if moves else before)
    assert ("end" in netlist.cells) != moves
    if moves:
        # The choice drives what the flip-flop did; what chooses got one of its own.
        assert netlist.bit("choice", "Z") == 30
        register, _ = netlist.drivers[netlist.bit("choice", "C")]
        assert (netlist.cells[register]["type"], netlist.bit(register, "DI")) == ("TRELLIS_FF", 13)
        # Reports of timing tell by its name where it lies.
        assert register.startswith("end_")


CELLS = {
    "LUT4": ("#(.INIT(16'hCA53))", ["A", "B", "C", "D"], ["Z"]),
    "PFUMX": ("", ["ALUT", "BLUT", "C0"], ["Z"]),
    "L6MUX21": ("", ["D0", "D1", "SD"], ["Z"]),
    "CCU2C": ('#(.INIT0(16\'h96AA), .INIT1(16\'h5A3C), .INJECT1_0("NO"), .INJECT1_1("NO"))',
              ["CIN", "A0", "B0", "C0", "D0", "A1", "B1", "C1", "D1"], ["S0", "S1", "COUT"]),
    "CCU2C injected": ('#(.INIT0(16\'h96AA), .INIT1(16\'h5A3C), .INJECT1_0("YES"), .INJECT1_1("NO"))',
                       ["CIN", "A0", "B0", "C0", "D0", "A1", "B1", "C1", "D1"], ["S0", "S1", "COUT"]),
}


@NEEDS_YOSYS
@pytest.mark.parametrize("name", CELLS)
def test_models_of_logic_are_those_of_yosys(name: str, tmp_path: Path) -> None:
    parameters, inputs, outputs = CELLS[name]
    pins = ", ".join(f".{pin}({pin})" for pin in inputs + outputs)
    (tmp_path / "top.v").write_text(f"module top (input {', '.join(inputs)}, output {', '.join(outputs)});\n"
                                    f"{name.split()[0]} {parameters} cell_ ({pins});\nendmodule\n")
    (tmp_path / "ours.v").write_text(
        resources.files("gatecast").joinpath(ecp5_flow.CELLS).read_text().split("// Registers always")[0])
    lines = []
    for which, models in (("gold", "-DNO_INCLUDES +/lattice/cells_sim_ecp5.v"), ("gate", "ours.v")):
        lines += [f"read_verilog {models}", "read_verilog top.v", "hierarchy -top top", "proc", "flatten",
                  "opt_clean -purge", f"design -stash {which}"]
    lines += ["design -copy-from gold -as gold top", "design -copy-from gate -as gate top",
              "miter -equiv -flatten gold gate miter", "sat -verify -prove trigger 0 miter"]
    (tmp_path / "script.ys").write_text("\n".join(lines) + "\n")
    yosys = toolbox.require("yosys", "this test").where
    processes.run("Yosys", [str(yosys), "-q", "-s", "script.ys"], folder=tmp_path)
