"""Copies of flip-flops that many parts of a design read."""

from __future__ import annotations

import json

import pytest

from gatecast.ecp5_replicas import MANY, replicate
from gatecast.netlist import Netlist

SOURCE, CLOCK, D = 3, 2, 4


def made(readers: dict[str, int]) -> Netlist:
    """A flip-flop and so many readers in each part: lookup tables, and a LUT RAM with it at two pins."""
    cells = {"reset_TRELLIS_FF_Q": {
        "type": "TRELLIS_FF", "parameters": {}, "connections": {"CLK": [CLOCK], "DI": [D], "Q": [SOURCE]},
        "port_directions": {"CLK": "input", "DI": "input", "Q": "output"}}}
    for part, number in readers.items():
        for index in range(number):
            cells[f"{part}cell_{index}"] = {
                "type": "TRELLIS_DPR16X4", "parameters": {}, "connections": {"RAD": [SOURCE, D, SOURCE, "0"]},
                "port_directions": {"RAD": "input"}}
    return Netlist(json.dumps({"modules": {"top": {"ports": {}, "cells": cells, "netnames": {}}}}), "top")


ACCELERATOR = "design.accelerator."


@pytest.mark.parametrize(("readers", "copies"), [
    ({f"{ACCELERATOR}engine_0.": MANY}, 0),
    ({f"{ACCELERATOR}engine_0.": MANY // 2, f"{ACCELERATOR}engine_1.walk.": MANY // 2}, 1),
    # In the accelerator alone, which has no name of its own; what lies in no part keeps the original.
    ({"engine_0.array.": MANY // 2, "engine_0.walk.": MANY // 2, "link.": 1}, 1),
    ({"": MANY, "link.": 5, "engine_0.walk.": 5}, 2),
    ({f"{ACCELERATOR}engine_0.": MANY // 2, f"{ACCELERATOR}engine_1.": MANY // 2 - 1}, 0)])
def test_a_copy_for_each_part(readers: dict[str, int], copies: int) -> None:
    netlist = made(readers)
    replicate(netlist)
    flip_flops = [cell["connections"] for cell in netlist.cells.values() if cell["type"] == "TRELLIS_FF"]
    assert len(flip_flops) == 1 + copies
    assert all((each["DI"], each["CLK"]) == ([D], [CLOCK]) for each in flip_flops)
    outputs = [each["Q"][0] for each in flip_flops]
    assert len(set(outputs)) == len(outputs)
    for part, number in readers.items():
        pins = [netlist.cells[f"{part}cell_{index}"]["connections"]["RAD"] for index in range(number)]
        assert all(each == [pins[0][0], D, pins[0][0], "0"] for each in pins)
        assert pins[0][0] in outputs
    assert sum(len(netlist.loads[output]) for output in outputs) == sum(readers.values())
