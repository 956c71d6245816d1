"""Engines: numbers that cannot work together are refused. What engines do, whole accelerators show."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hdl_bench import refusal
from random_networks import network
from random_plans import random_plan

from gatecast.elaboration import parameters
from gatecast.hdl.channel import ChannelParams
from gatecast.hdl.engine import EngineParams
from gatecast.hdl.systolic import SystolicParams
from gatecast.lowering import lower


def engine(kind: type[SystolicParams | ChannelParams]) -> EngineParams:
    """An engine of this kind, of at least two groups."""
    for seed in range(50):
        for params in parameters(random_plan(lower(network(seed)), "folded", seed)).engines:
            if isinstance(params.array, kind) and params.array.groups > 1:
                return params
    raise AssertionError("no such engine")


@pytest.mark.parametrize("kind", [SystolicParams, ChannelParams])
def test_refuses_dot_products_that_meet(kind: type[SystolicParams | ChannelParams]) -> None:
    good = engine(kind)
    groups, layer = good.array.groups, good.layers[0]

    def change(hold: int) -> dict[str, object]:
        walk = replace(layer.walk, kernel_height=1, kernel_width=1, words=1, hold=hold)
        return {"layers": (replace(layer, walk=walk), *good.layers[1:])}

    replace(good, **change(groups - 1))
    assert refusal(replace, good, **change(groups - 2)) == (
        f"A dot product must take at least {groups} cycles, one for each group, or results meet in the "
        f"array; layer '{layer.name}' has {groups - 2} of hold and 1 taps")


def test_refuses_layers_with_other_memories() -> None:
    good = engine(SystolicParams)
    first = good.layers[0]
    layers = (first, replace(first, writes=(*first.writes, first.writes[0])))
    count = len(first.writes)
    assert refusal(replace, good, layers=layers) == (
        f"All layers of an engine must name the same memories that it writes, "
        f"not {[count, count + 1]} of them")
