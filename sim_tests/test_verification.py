"""Verification: every rule of a plan, broken one at a time, by full sentence."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from random_networks import network
from random_plans import STYLES, random_plan

from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.planner import EnginePlan, Plan, verify
from gatecast.planner.numbers import kind_of
from gatecast.planner.regions import least_rows


def engine(**changes: Any) -> EnginePlan:
    numbers = {"name": "e", "kind": "systolic", "lanes": 2, "columns": 4, "group": 2, "layers": ("a",)}
    return EnginePlan(**(numbers | changes))


@pytest.mark.parametrize(("changes", "sentence"), [
    ({"lanes": 0}, "engine 'e': lanes must be an integer of at least 1, not 0"),
    ({"columns": "4"}, "engine 'e': columns must be an integer of at least 1, not '4'"),
    ({"group": True}, "engine 'e': group must be an integer of at least 1, not True"),
    ({"kind": "folded"}, "engine 'e': kind must be systolic or channel, not 'folded'"),
    ({"group": 3}, "engine 'e': group must divide the 4 columns, not 3"),
    ({"kind": "channel"}, "engine 'e': a channel array has as many columns as lanes, not 4 and 2"),
])
def test_engines(changes: dict[str, Any], sentence: str) -> None:
    with pytest.raises(InputError) as caught:
        engine(**changes)
    assert str(caught.value) == sentence


def refused(plan: Plan) -> str:
    with pytest.raises(InputError) as caught:
        verify(plan)
    return str(caught.value)


@pytest.fixture
def plan() -> Plan:
    """Two convolutions, a pool and a dense layer on two systolic engines and a channel engine."""
    for seed in range(200):
        made = random_plan(lower(network(seed, layers=4)), "two", seed)
        if [len(one.layers) for one in made.engines] == [2, 1, 1]:
            return made
    raise AssertionError("no such network")


@pytest.mark.parametrize("style", STYLES)
def test_right_plans_pass(style: str) -> None:
    made = random_plan(lower(network(5)), style, 5)
    assert verify(made) is made


def with_engine(plan: Plan, index: int, **changes: Any) -> Plan:
    engines = list(plan.engines)
    engines[index] = replace(engines[index], **changes)
    return replace(plan, engines=tuple(engines))


def test_names(plan: Plan) -> None:
    names = [one.name for one in plan.engines]
    assert refused(with_engine(plan, 1, name="sink")) == (
        f"engines need names of their own other than source and sink, not {[names[0], 'sink', names[2]]}")
    assert refused(with_engine(plan, 1, name=names[0])).startswith("engines need names of their own")


def test_layers(plan: Plan) -> None:
    order = [layer.name for layer in plan.network.layers]
    first, second = plan.engines[0].layers
    assert refused(with_engine(plan, 0, layers=(first,))) == (
        f"network 'random' has the layers {', '.join(order)}, each of which needs one engine; the plan has "
        f"{', '.join(name for one in with_engine(plan, 0, layers=(first,)).engines for name in one.layers)}")
    assert refused(with_engine(plan, 0, layers=(second, first))) == (
        f"engine '{plan.engines[0].name}': layers must stand in execution order, not {second}, {first}")
    empty = replace(plan, engines=(*plan.engines, engine(layers=())))
    assert refused(empty) == "engine 'e' runs no layer; remove it"


def test_kinds(plan: Plan) -> None:
    index = next(i for i, one in enumerate(plan.engines) if one.kind == "channel")
    name, layer = plan.engines[index].name, plan.engines[index].layers[0]
    assert refused(with_engine(plan, index, kind="systolic")) == (
        f"engine '{name}': layer '{layer}' runs on a channel engine, not on a systolic one")


def test_regions(plan: Plan) -> None:
    first, *rest = plan.regions
    least = least_rows(plan)
    wanted = ", ".join(f"{tensor} to {reader}" for tensor, reader in least)
    for regions in (rest, [*plan.regions, first]):
        assert refused(replace(plan, regions=tuple(regions))) == (
            f"the plan needs one region each for {wanted}; make it again")
    rows = least[first.tensor, first.reader]
    for wrong in (rows - 1, -5, float(rows), "many"):
        assert refused(replace(plan, regions=(replace(first, rows=wrong), *rest))) == (
            f"region of '{first.tensor}' to {first.reader}: rows must be an integer of at least {rows}, "
            f"not {wrong!r}")
    assert refused(replace(plan, regions=(replace(first, writer="sink"), *rest))) == (
        f"region of '{first.tensor}' to {first.reader}: the writer is source, not 'sink'")


@pytest.fixture
def chain() -> Plan:
    """Two layers of weights, one behind the other, each on an engine of its own."""
    for seed in range(200):
        made = lower(network(seed, layers=2))
        if [kind_of(layer) for layer in made.layers] == ["systolic", "systolic"]:
            return random_plan(made, "per-layer", seed)
    raise AssertionError("no such network")


@pytest.mark.parametrize(("group", "lanes"), [(2, 6), (3, 12), (5, 5), (4, 20), (12, 3), (1, 7), (6, 3)])
def test_widths_that_fit(chain: Plan, group: int, lanes: int) -> None:
    """Reads of any number of writes, or writes of a power of two of reads; links fit any lanes."""
    made = with_engine(with_engine(chain, 0, group=group, columns=group, lanes=11), 1, lanes=lanes)
    assert verify(made) is made


@pytest.mark.parametrize(("group", "lanes"), [(2, 3), (4, 6), (6, 2), (3, 1)])
def test_widths(chain: Plan, group: int, lanes: int) -> None:
    made = with_engine(with_engine(chain, 0, group=group, columns=group), 1, lanes=lanes)
    assert refused(made) == (
        f"lanes and groups do not fit together: Feature memory needs reads of a multiple of the bytes of a "
        f"write, or writes of a power of two times those of a read, not {group} bytes written and {lanes} "
        f"read")


def test_the_sink_reads_bytes(chain: Plan) -> None:
    assert refused(with_engine(chain, 1, group=3, columns=3)).endswith("not 3 bytes written and 1 read")
