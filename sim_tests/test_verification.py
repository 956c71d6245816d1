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
        "engines need names of their own, other than source and sink; one is called 'sink'")
    assert refused(with_engine(plan, 1, name=names[0])) == (
        f"engines need names of their own, other than source and sink; 2 engines are called '{names[0]}'")


def test_layers(plan: Plan) -> None:
    first, second = plan.engines[0].layers
    assert refused(with_engine(plan, 0, layers=(first,))) == (
        f"layer '{second}' must be on one engine, not on none")
    assert refused(with_engine(plan, 0, layers=(first, second, second))) == (
        f"layer '{second}' must be on one engine, not on 2")
    assert refused(with_engine(plan, 0, layers=(first, second, "x"))) == (
        "network 'random' has no layer 'x'; take it off its engine")
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
    for regions, found in ((rest, "none"), ([*plan.regions, first], "2")):
        assert refused(replace(plan, regions=tuple(regions))) == (
            f"tensor '{first.tensor}' must have one region to {first.reader}, not {found}")
    assert refused(replace(plan, regions=(*plan.regions, replace(first, reader="sink")))) == (
        f"tensor '{first.tensor}' is not read by sink; remove its region")
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


@pytest.mark.parametrize(("group", "lanes", "groups", "fewer"), [
    (2, 3, "1", "1 or "), (4, 6, "1 or 2", "1, 2 or "), (6, 2, "1 or 2", "3 or "), (3, 1, "1", "")])
def test_widths(chain: Plan, group: int, lanes: int, groups: str, fewer: str) -> None:
    writer, reader = (one.name for one in chain.engines)
    made = with_engine(with_engine(chain, 0, group=group, columns=group), 1, lanes=lanes)
    assert refused(made) == (
        f"engine '{writer}' writes {group} channels of tensor '{chain.network.layers[0].output}' at once, "
        f"engine '{reader}' reads {lanes}: the group of {writer} must be {groups}, not {group}, or the lanes "
        f"of {reader} {fewer}a multiple of {group}, not {lanes}")


def test_the_sink_reads_bytes(chain: Plan) -> None:
    writer = chain.engines[1].name
    assert refused(with_engine(chain, 1, group=3, columns=3)) == (
        f"engine '{writer}' writes 3 channels of tensor '{chain.network.output}' at once, the output takes "
        f"1: the group of {writer} must be 1, not 3")
