"""Lookup tables that move into adders of ECP5: whatever they are, sum and carry stay the same."""

from __future__ import annotations

import itertools
import json
import random
from collections.abc import Mapping
from typing import Any

import pytest
from amaranth.hdl import Shape, signed, unsigned
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.ecp5_carry import ADDER, fold
from gatecast.hdl.row_multiplier import RowMultiplier
from gatecast.netlist import Bit, Netlist

INPUTS = (2, 3, 4, 5)
CARRY = 6
# What lies behind the table that drives A, the one that drives B, and behind the adder.
FIRST, SECOND, SUM, OUT = 10, 11, 20, 21


def cell(kind: str, parameters: Mapping[str, str], inputs: Mapping[str, Bit],
         outputs: Mapping[str, Bit]) -> dict[str, Any]:
    return {"type": kind, "parameters": dict(parameters),
            "connections": {port: [bit] for port, bit in {**inputs, **outputs}.items()},
            "port_directions": {**dict.fromkeys(inputs, "input"), **dict.fromkeys(outputs, "output")}}


def lut(table: int, pins: list[Bit], output: Bit) -> dict[str, Any]:
    return cell("LUT4", {"INIT": f"{table:016b}"}, dict(zip("ABCD", pins, strict=True)), {"Z": output})


def adder(first: Bit, second: Bit, *, inverted: str = "0", half: str = "0") -> dict[str, Any]:
    """One half adds; the other has constants only, and is passed over."""
    other = "10"[int(half)]
    pins = {f"A{half}": first, f"B{half}": second, f"C{half}": inverted, f"D{half}": "1",
            **{f"{port}{other}": "0" for port in "ABCD"}, "CIN": CARRY}
    return cell("CCU2C", {"INIT0": ADDER, "INIT1": ADDER, "INJECT1_0": "NO", "INJECT1_1": "NO"},
                pins, {f"S{half}": SUM, "COUT": OUT})


def netlist(cells: Mapping[str, Mapping[str, Any]]) -> Netlist:
    outputs = {"type": "output", "direction": "output", "bits": [SUM, OUT]}
    return Netlist(json.dumps({"modules": {"core": {"ports": {"y": outputs}, "cells": cells}}}), "core")


def outputs(given: Netlist) -> list[tuple[bool, bool]]:
    """Sum and carry for all inputs: of the half that adds, the carry out of itself."""
    half = "0" if SUM in given.cells["adder"]["connections"].get("S0", []) else "1"
    found = []
    for values in itertools.product((False, True), repeat=len(INPUTS) + 1):
        known: dict[Bit, bool] = dict(zip((*INPUTS, CARRY), values, strict=True))

        def value(bit: Bit, known: Mapping[Bit, bool] = known) -> bool:
            if isinstance(bit, str):
                return bit == "1"
            if bit in known:
                return known[bit]
            table = given.drivers[bit][0]
            return looked_up(given.cells[table]["parameters"]["INIT"],
                             [value(given.bit(table, port)) for port in "ABCD"])

        table = given.cells["adder"]["parameters"][f"INIT{half}"]
        pins = [value(given.bit("adder", f"{port}{half}")) for port in "ABCD"]
        passed = looked_up(table, pins)
        carry = known[CARRY]
        found.append((passed != carry, carry if passed else looked_up(table, [*pins[:2], False, False])))
    return found


def looked_up(table: str, pins: list[bool]) -> bool:
    return bool(int(table, 2) >> sum(pin << place for place, pin in enumerate(pins)) & 1)


def drawn(rng: random.Random, most: int) -> tuple[int, list[Bit]]:
    """A table of up to ``most`` inputs, on pins in any order among constants that it may depend on."""
    inputs: list[Bit] = [*rng.sample(INPUTS, rng.randint(1, most))]
    pins = [*inputs, *rng.choices(["0", "1"], k=4 - len(inputs))]
    rng.shuffle(pins)
    return rng.getrandbits(16), pins


@pytest.mark.parametrize("seed", range(300))
def test_sums_and_carries_stay(seed: int) -> None:
    rng = random.Random(seed)
    operands = [bit if rng.random() < 0.7 else rng.choice([*INPUTS, "0", "1"]) for bit in (FIRST, SECOND)]
    cells = {"adder": adder(*operands, inverted=rng.choice("01"), half=rng.choice("01")),
             "first": lut(*drawn(rng, 3), FIRST), "second": lut(*drawn(rng, 3), SECOND)}
    before, after = netlist(cells), netlist(cells)
    fold(after)
    assert outputs(after) == outputs(before)


@pytest.mark.parametrize("inverted", ["0", "1"])
def test_both_gates_of_rows_move(inverted: str) -> None:
    """Also before a subtraction, whose inverse is 1 where both inputs are 0."""
    given = netlist({"adder": adder(FIRST, SECOND, inverted=inverted),
                     "first": lut(0x8888, [2, 3, "1", "0"], FIRST),
                     "second": lut(0x8888, [4, 5, "0", "0"], SECOND)})
    fold(given)
    assert given.cells.keys() == {"adder"}


@pytest.mark.parametrize("cells", [
    {"reader": lut(0x8000, [FIRST, 2, 3, 4], 30)},
    {"first": lut(0x8000, [2, 3, 4, "1"], FIRST)},
    {"adder": {**adder(FIRST, 2), "parameters": {**adder(FIRST, 2)["parameters"], "INJECT1_0": "YES"}}},
    {"adder": {**adder(FIRST, 2), "parameters": {**adder(FIRST, 2)["parameters"], "INIT0": "0" * 16}}},
    {"adder": adder(FIRST, 2, inverted=3)},
])
def test_what_stays(cells: Mapping[str, dict[str, Any]]) -> None:
    """Tables that others read or of three inputs, and what is no adder of Yosys."""
    given = netlist({"adder": adder(FIRST, 2), "first": lut(0x8888, [2, 3, "0", "0"], FIRST), **cells})
    before = json.loads(given.text())
    fold(given)
    assert json.loads(given.text()) == before


@NEEDS_YOSYS
@pytest.mark.parametrize(("a", "b"), [(signed(8), signed(8)), (unsigned(4), signed(6))])
def test_rows_of_multipliers_take_adders_alone(a: Shape, b: Shape) -> None:
    """But for the lowest bits, which need none."""
    cells = counts(RowMultiplier(a, b, 2), ECP5)
    assert cells["LUT4"] <= a.width // 2
