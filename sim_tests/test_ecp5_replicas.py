"""Copies of flip-flops that much of a design reads."""

from __future__ import annotations

import json
from typing import Any

import pytest

from gatecast.ecp5_replicas import EACH, HOPS, MANY, replicate
from gatecast.netlist import Netlist

CLOCK, INPUT = 2, 3
ACCELERATOR = "design.accelerator."


def flip_flop(d: int | str, q: int, **controls: int | str) -> dict[str, Any]:
    return {"type": "TRELLIS_FF", "parameters": {},
            "connections": {"CLK": [CLOCK], "DI": [d], "Q": [q],
                            **{pin: [bit] for pin, bit in controls.items()}},
            "port_directions": {"CLK": "input", "DI": "input", "Q": "output",
                                **dict.fromkeys(controls, "input")}}


def made(readers: dict[str, int], *, delay: int = 0) -> tuple[Netlist, list[str]]:
    """A flip-flop behind others, so many readers of it with these names, which have it at two pins."""
    source = INPUT + delay + 1
    cells = {f"delay_{index}": flip_flop(INPUT + index, INPUT + index + 1) for index in range(delay + 1)}
    names = [f"{part}cell_{index}" for part, number in readers.items() for index in range(number)]
    for name in names:
        cells[name] = {"type": "TRELLIS_DPR16X4", "parameters": {}, "port_directions": {"RAD": "input"},
                       "connections": {"RAD": [source, INPUT, source, "0"]}}
    netlist = Netlist(json.dumps({"modules": {"top": {"ports": {}, "cells": cells, "netnames": {}}}}), "top")
    replicate(netlist)
    return netlist, names


def delays(netlist: Netlist, name: str) -> list[int]:
    """The nets between a reader and the input: each the output of a flip-flop."""
    first, other, second, _ = netlist.cells[name]["connections"]["RAD"]
    assert (first, other) == (second, INPUT)
    nets = [first]
    while nets[-1] != INPUT:
        driver, _ = netlist.drivers[nets[-1]]
        assert netlist.bit(driver, "CLK") == CLOCK
        nets.append(netlist.bit(driver, "DI"))
    return nets[:-1]


@pytest.mark.parametrize(("readers", "copies"), [
    ({f"{ACCELERATOR}engine_0.": MANY - 1}, 1),
    ({f"{ACCELERATOR}engine_0.": EACH, f"{ACCELERATOR}engine_1.walk.": MANY - EACH - 1}, 1),
    ({f"{ACCELERATOR}engine_0.": EACH, f"{ACCELERATOR}engine_1.walk.": MANY - EACH}, 2),
    ({"engine_0.": 3 * EACH + 1, "link.": 1}, 5),
    # What lies in no part keeps the original.
    ({"": 5, "link.": 5, "engine_0.walk.": MANY}, 4)])
@pytest.mark.parametrize("delay", [0, 1, HOPS + 2])
def test_copies(readers: dict[str, int], copies: int, delay: int) -> None:
    netlist, names = made(readers, delay=delay)
    chains = {name: delays(netlist, name) for name in names}
    # All is as late as it was.
    assert {len(chain) for chain in chains.values()} == {delay + 1}
    ends = {chain[0] for chain in chains.values()}
    assert len(ends) == copies
    if copies > 1:
        parts = [name.rpartition("cell_")[0] for name in names]
        for end in ends:
            group = [part for part, chain in zip(parts, chains.values(), strict=True) if chain[0] == end]
            assert len(set(group)) == 1 and len(group) <= EACH
    # Each end has hops of its own, as many as there are, but for the first register of all.
    hops = min(HOPS, max(delay - 1, 0))
    for hop, nets in enumerate(zip(*chains.values(), strict=True)):
        assert len(set(nets)) == (copies if hop <= hops else 1)
    assert netlist.types()["TRELLIS_FF"] == copies * (hops + 1) + delay - hops


def test_readers_that_are_neighbours_share_a_copy() -> None:
    netlist, names = made({"engine_0.": 2 * EACH})
    low, high = delays(netlist, names[0]), delays(netlist, names[-1])
    assert [delays(netlist, name) for name in names] == [low] * EACH + [high] * EACH


def lut(a: int | str, z: int) -> dict[str, Any]:
    return {"type": "LUT4", "parameters": {"INIT": "0101010101010101"},
            "connections": {"A": [a], "B": ["0"], "C": ["x"], "Z": [z]},
            "port_directions": {"A": "input", "B": "input", "C": "input", "D": "input", "Z": "output"}}


@pytest.mark.parametrize(("data", "controls", "constant"), [
    ("1", {}, True), ("1", {"LSR": "0", "CE": "1"}, True), (INPUT, {}, False),
    # Flags are set and cleared.
    ("1", {"LSR": INPUT}, False), ("1", {"CE": INPUT}, False)])
def test_each_engine_has_its_own_delays_of_a_constant(
        data: int | str, controls: dict[str, int | str], constant: bool) -> None:
    first, second = f"{ACCELERATOR}engine_0.", f"{ACCELERATOR}engine_1."
    # Listed against the direction of the data: a delay, a gate, another delay.
    cells = {f"{first}late": flip_flop(12, 13), f"{first}gate": lut(11, 12),
             f"{first}early": flip_flop(data, 11, **controls),
             f"{first}reader": lut(13, 20), f"{second}reader": lut(13, 21), f"{second}other": lut(13, 22)}
    netlist = Netlist(json.dumps({"modules": {"top": {"ports": {}, "cells": cells, "netnames": {}}}}), "top")
    replicate(netlist)
    assert netlist.types() == {"TRELLIS_FF": 4 if constant else 2, "LUT4": 5 if constant else 4}
    for part, readers in (first, ["reader"]), (second, ["reader", "other"]):
        for reader in readers:
            name = part + reader
            for port in "A", "DI", "A", "DI":
                assert name.startswith(part) or not constant
                bit = netlist.bit(name, port)
                name, _ = netlist.drivers.get(bit, ("", ""))
            assert bit == data
