"""The search: every budget is kept, every plan is of the kind asked for, every refusal is one sentence."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from itertools import pairwise, product
from typing import Any

import numpy as np
import pytest
from random_layers import chain
from random_networks import network
from random_windows import random_windows

import gatecast
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.operator import Operator
from gatecast.planner import Budget, plan, predict, resources, search
from gatecast.planner.budget import LUTS_OF_MULTIPLIER
from gatecast.planner.numbers import kind_of
from gatecast.planner.plan import Plan
from gatecast.planner.shapes import _grouped
from gatecast.quantization import Quantization

KINDS = ("folded", "per-layer", "auto")
SEEDS = range(6)
NOTHING = "a budget needs multipliers, DSPs or LUTs to limit the arrays; give one of the three"
# What the leanest plan takes, of one kind or of several, and what there is.
TAKES = (r"takes (?P<needs>[\w\s,-]+), the (?:chip|budget) has (?P<has>[\d, and]+)")
STORES = r"stores [\d,]+ Kbit, [\d,]+ of them weights, the (?:chip|budget) has [\d,]+ in block RAMs and LUTs"
INSTEAD = (r"(give it ((--[a-z]+ \d+ ?)+|more of them), or else )?"
           r"(a .* would do \(--board [\w-]+\)|no board .*, take a smaller network"
           r"(; or plan it with --external-weights, though a stream of weights is not built yet)?)")
FIELDS = {"DSP multiplier": "dsps", "block RAM": "block_rams", "LUT": "luts", "flip-flop": "ffs"}


def random_network(seed: int) -> Network:
    """A chain of the usual layers, or windows of any kind in any topology."""
    return lower(network(seed, layers=1 + seed % 5)) if seed % 2 else random_windows(seed)


def dots(count: int, *, pools: int = 0) -> Network:
    """A network of this many convolutions, and pools behind them."""
    rng, unit = np.random.default_rng(count), Quantization(scale=0.5, zero_point=-3)
    convolutions: list[Operator] = [
        Conv2d(weights=rng.integers(-128, 128, (3, 2, 2, 3)).astype(np.int8), bias=np.zeros(3, np.int32),
               padding=(1, 1, 0, 0), input=unit, output=unit, weight_scales=np.array([0.001, 0.002, 0.004]))
        for _ in range(count)]
    pool = MaxPool(kernel=(2, 2), stride=(1, 1), quantization=unit)
    return lower(chain((4, 4, 3), convolutions + [pool] * pools))


def refused(*args: Any, **kwargs: Any) -> str:
    with pytest.raises(InputError) as caught:
        plan(*args, **kwargs)
    return str(caught.value)


@pytest.mark.parametrize("engines", KINDS)
@pytest.mark.parametrize("seed", SEEDS)
def test_no_more_multipliers_than_the_budget(seed, engines):
    lowered, planned = random_network(seed), 0
    for multipliers in (2, 5, 13, 40):
        if engines == "per-layer" and multipliers < len(lowered.layers):
            continue
        made = plan(lowered, Budget(multipliers=multipliers), engines=engines)
        assert resources(made).multipliers <= multipliers
        planned += 1
    assert planned >= 2


def random_budget(rng: np.random.Generator) -> Budget:
    """Any of the limits, from too little to plenty."""
    limits = {"multipliers": 40, "dsps": 30, "block_rams": 40, "luts": 12_000}
    given = {key: int(rng.integers(1, most)) for key, most in limits.items() if rng.random() < 0.6}
    return Budget(**{"multipliers": 8, **given}, family=str(rng.choice(["ecp5", "ice40"])), name="the chip")


def lacking(sentence: str, budget: Budget) -> dict[str, int]:
    """The limits that a refusal asks for; it must say what ``budget`` has of each."""
    found = re.fullmatch(rf"the leanest plan found for network '\w+' {TAKES}; {INSTEAD}", sentence)
    assert found, sentence
    parts = [re.fullmatch(r"([\d,]+) ([\w -]+?)(s?)", part) for part in found["needs"].split(" and ")]
    needs = {FIELDS[part[2]]: int(part[1].replace(",", "")) for part in parts if part}
    assert all((part[1] == "1") == (not part[3]) for part in parts if part) and len(needs) == len(parts)
    has = [int(number.replace(",", "")) for number in found["has"].split(" and ")]
    assert has == [getattr(budget, field) for field in needs]
    assert all(need > getattr(budget, field) for field, need in needs.items())
    return needs


@pytest.mark.parametrize("seed", range(24))
def test_every_budget_is_kept(seed):
    """Or refused, in a sentence that says what is missing, by how much, and what would do."""
    rng = np.random.default_rng(seed)
    budget = random_budget(rng)
    try:
        found = search(random_network(seed % 7), budget)
    except InputError as error:
        if not re.fullmatch(rf"the leanest plan found for network '\w+' {STORES}; {INSTEAD}", str(error)):
            lacking(str(error), budget)
        return
    taken = resources(found.plan, budget.family)
    assert taken.multipliers <= budget.multipliers
    for field in FIELDS.values():
        limit = getattr(budget, field)
        assert limit is None or getattr(taken, field) <= limit
    assert found.cycles == predict(found.plan).cycles_per_inference >= found.bound
    assert found.budget == budget


@pytest.mark.parametrize("limits", [
    {"luts": 1}, {"luts": 1, "dsps": 0}, {"luts": 2_000, "block_rams": 0}, {"luts": 2_000, "block_rams": 1},
    {"luts": 1_300, "dsps": 0, "block_rams": 2}, {"luts": 50_000, "ffs": 10}, {"luts": 1, "ffs": 10}])
@pytest.mark.parametrize("seed", [1, 4])
def test_what_a_refusal_names_is_enough_and_no_more(seed, limits):
    lowered, budget = random_network(seed), Budget(multipliers=8, **limits)
    needs = lacking(refused(lowered, budget), budget)
    enough = replace(budget, **needs)
    taken = resources(plan(lowered, enough), enough.family)
    assert all(getattr(taken, field) <= need for field, need in needs.items())
    if len(needs) == 1:
        (field, need), = needs.items()
        # Then little is missing of anything.
        tight = replace(budget, **{field: need - 1})
        lacking(refused(lowered, tight), tight)


@pytest.mark.parametrize(("board", "kilobits"), [("icebreaker", 227), ("tang-nano-9k", 630)])
def test_refuses_what_no_memory_can_hold(board, kilobits):
    """At once, whatever else is missing."""
    rng, unit = np.random.default_rng(0), Quantization(scale=0.5, zero_point=-3)
    large = lower(chain((1, 1, 512), [Conv2d(
        weights=rng.integers(-128, 128, (512, 1, 1, 512)).astype(np.int8), bias=np.zeros(512, np.int32),
        input=unit, output=unit, weight_scales=np.full(512, 0.001))]))
    assert re.fullmatch(
        rf"the leanest plan found for network 'test' stores 2,0\d\d Kbit, 2,048 of them weights, "
        rf"board {board} has {kilobits} in block RAMs and LUTs; a .* would do \(--board [\w-]+\)",
        refused(large, gatecast.budget(board)))


def test_a_board_that_a_refusal_names_does():
    named = 0
    for seed, board in product((1, 2, 4), ("icebreaker", "hx8k-evn")):
        try:
            plan(random_network(seed), gatecast.budget(board, luts=1000))
        except InputError as error:
            match = re.search(r"--board ([\w-]+)", str(error))
            if match:
                plan(random_network(seed), gatecast.budget(match[1]))
                named += 1
    assert named > 2


def test_engines_that_do_not_fit_where_others_do():
    budget = gatecast.budget("ulx3s-85f", luts=1500)
    sentence = refused(dots(6), budget, engines="per-layer")
    assert re.fullmatch(
        r"the leanest plan found for network 'test' with engines 'per-layer' takes [\d,]+ LUTs, the budget "
        r"on board ulx3s-85f has 1,500; give it --luts \d+, or else let the planner choose "
        r"\(--engines auto\), or else a .* would do \(--board [\w-]+\)", sentence), sentence
    check_engines(plan(dots(6), budget))


def test_multipliers_by_hand_are_to_be_raised_by_hand():
    sentence = refused(dots(3), gatecast.budget("ulx3s-85f", multipliers=2), engines="per-layer")
    assert sentence == ("network 'test' needs at least 3 multipliers for engines 'per-layer', "
                        "board ulx3s-85f allows 2; give it --multipliers 3")
    plan(dots(3), gatecast.budget("ulx3s-85f", multipliers=3), engines="per-layer")


def test_a_chip_with_too_few_multipliers():
    """Nothing was given by hand that could be raised."""
    assert refused(dots(3), Budget(dsps=2), engines="per-layer") == (
        "network 'test' needs at least 3 multipliers for engines 'per-layer', the budget allows 2; "
        "take a larger board, or fewer engines")
    plan(dots(3), Budget(dsps=2, luts=5000), engines=2)


def test_limits_by_hand_are_to_be_raised_by_hand():
    sentence = refused(random_network(4), gatecast.budget("ulx3s-85f", luts=300))
    match = re.search(r"; give it --luts (\d+), or else a .* would do", sentence)
    assert match, sentence
    plan(random_network(4), gatecast.budget("ulx3s-85f", luts=int(match[1])))


@pytest.mark.parametrize("seed", [1, 3, 34])
def test_a_larger_chip_is_never_refused_where_a_smaller_one_does(seed):
    lowered, planned = random_network(seed), 0
    for luts in range(1000, 16_000, 1500):
        budget = Budget(multipliers=10, dsps=4, block_rams=4, luts=luts)
        try:
            made = plan(lowered, budget, engines="folded")
        except InputError:
            assert planned == 0
            continue
        planned += 1
        assert resources(made).luts <= luts
    assert planned


@pytest.mark.parametrize(("engines", "seed"), [*(("folded", seed) for seed in SEEDS), ("auto", 0)])
def test_more_multipliers_are_no_slower(engines, seed):
    """The regions may cost half a percent."""
    lowered = random_network(seed) if engines == "folded" else lower(network(3, layers=3))
    cycles = [search(lowered, Budget(multipliers=count), engines=engines).cycles
              for count in ((8, 11, 12) if engines == "auto" else (2, 4, 8, 16, 32, 64))]
    assert all(larger <= smaller * 1.005 for smaller, larger in pairwise(cycles))


def test_slower_partitions_may_wait_less(monkeypatch):
    lowered, budget = lower(network(3, layers=4)), Budget(multipliers=12)
    found = search(lowered, budget)
    monkeypatch.setattr(sys.modules[search.__module__], "MORE_SLACKS", ())
    assert found.cycles < 0.9 * search(lowered, budget).cycles


def test_groups_for_short_dot_products():
    """2 to 96 channels: 96 columns need a group of 48 to drain in the two cycles of a dot product."""
    assert {(48, 48)} <= {*_grouped(48, 1)} and {(48, 24)} <= {*_grouped(48, 2)}
    rng, unit = np.random.default_rng(0), Quantization(scale=0.5, zero_point=-3)
    lowered = lower(chain((16, 16, 2), [
        Conv2d(weights=rng.integers(-128, 128, (outputs, 1, 1, inputs)).astype(np.int8), input=unit,
               output=unit, bias=np.zeros(outputs, np.int32), weight_scales=np.full(outputs, 0.001))
        for inputs, outputs in ((2, 96), (96, 2))]))
    found = search(lowered, Budget(multipliers=192))
    assert found.cycles == found.bound
    assert max(engine.group for engine in found.plan.engines) == 48


def check_engines(made: Plan) -> None:
    """Every layer on one engine of its kind, layers and engines in execution order."""
    order = [layer.name for layer in made.network.layers]
    assert sorted(order) == sorted(name for engine in made.engines for name in engine.layers)
    for engine in made.engines:
        assert list(engine.layers) == sorted(engine.layers, key=order.index)
        assert {kind_of(made.network.layer(name)) for name in engine.layers} == {engine.kind}
    assert list(made.engines) == sorted(made.engines, key=lambda engine: order.index(engine.layers[0]))
    assert len({engine.name for engine in made.engines}) == len(made.engines)


@pytest.mark.parametrize("seed", SEEDS)
def test_folded_plans_have_one_engine_of_each_kind(seed):
    lowered = random_network(seed)
    made = plan(lowered, Budget(multipliers=20), engines="folded")
    check_engines(made)
    kinds = {kind_of(layer) for layer in lowered.layers}
    assert sorted(engine.kind for engine in made.engines) == sorted(kinds)


@pytest.mark.parametrize("seed", SEEDS)
def test_per_layer_plans_have_an_engine_for_each_layer(seed):
    lowered = random_network(seed)
    made = plan(lowered, Budget(multipliers=20), engines="per-layer")
    check_engines(made)
    assert [engine.layers for engine in made.engines] == [(layer.name,) for layer in lowered.layers]


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_number_is_that_of_systolic_engines(count):
    lowered = dots(3, pools=2)
    made = plan(lowered, Budget(multipliers=30), engines=count)
    check_engines(made)
    assert [engine.kind for engine in made.engines].count("systolic") == count
    assert [engine.kind for engine in made.engines].count("channel") in (1, 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_auto_keeps_the_rules(seed):
    check_engines(plan(random_network(seed), Budget(multipliers=20)))


def test_many_layers_are_planned_too():
    """Partitions of 24 layers cannot be listed; of 70, not all cuts are tried."""
    for layers, engines in ((24, "auto"), (66, 3)):
        check_engines(plan(dots(layers), Budget(multipliers=100), engines=engines))


def test_a_network_of_channel_layers_alone():
    lowered = dots(0, pools=2)
    for engines, count in (("folded", {1}), (1, {1, 2}), ("per-layer", {2}), ("auto", {1, 2})):
        made = plan(lowered, Budget(multipliers=8), engines=engines)
        check_engines(made)
        assert len(made.engines) in count
        assert {engine.kind for engine in made.engines} == {"channel"}


@pytest.mark.parametrize("engines", KINDS)
def test_the_same_input_gives_the_same_plan(engines):
    budget = Budget(multipliers=24, dsps=40, block_rams=30, luts=20_000)
    found = [search(random_network(4), budget, engines=engines) for _ in range(2)]
    assert found[0].plan.to_json() == found[1].plan.to_json()
    assert (found[0].cycles, found[0].bound) == (found[1].cycles, found[1].bound)


def test_the_next_best_plans_are_others():
    found = search(random_windows(4, layers=6), Budget(multipliers=24))
    assert found.others
    for other, cycles in found.others:
        check_engines(other)
        assert other.engines != found.plan.engines
        assert cycles >= found.bound


def test_progress_is_told():
    steps: list[str] = []
    search(dots(3), Budget(multipliers=10), progress=steps.append)
    assert len(steps) > 3
    assert steps[0] == "what fits"


@pytest.mark.parametrize(("engines", "multipliers", "need"), [("per-layer", 2, 3), (2, 1, 2)])
def test_refuses_budgets_without_a_multiplier_for_each_engine(engines, multipliers, need):
    """The number that it names is enough."""
    assert refused(dots(3, pools=2), Budget(multipliers=multipliers), engines=engines) == (
        f"network 'test' needs at least {need} multipliers for engines '{engines}', "
        f"the budget allows {multipliers}; give it --multipliers {need}")
    assert resources(plan(dots(3, pools=2), Budget(multipliers=need), engines=engines)).multipliers <= need


def test_refuses_chips_that_are_too_small_for_anything():
    assert refused(dots(2), Budget(multipliers=4, block_rams=20, luts=100, name="the board")).startswith(
        "the leanest plan found for network 'test' takes ")


@pytest.mark.parametrize(("limits", "sentence"), [
    ({"multipliers": 0}, "multipliers must be an integer of at least 1, not 0"),
    ({"dsps": -1, "multipliers": 1}, "dsps must be an integer of at least 0, not -1"),
    ({"block_rams": 2.0, "multipliers": 1}, "block_rams must be an integer of at least 0, not 2.0"),
    ({"luts": True, "multipliers": 1}, "luts must be an integer of at least 0, not True"),
    ({"dsps": 0}, NOTHING),
    ({"block_rams": 9}, NOTHING),
])
def test_refuses_budgets(limits, sentence):
    with pytest.raises(InputError) as caught:
        Budget(**limits)
    assert str(caught.value) == sentence


def test_the_limit_of_the_arrays():
    assert Budget(multipliers=7, dsps=3, luts=50).array_limit == 7
    assert Budget(dsps=3).array_limit == 3
    # 36 % are 1,199.88 and 1,200.24 LUTs.
    assert [Budget(dsps=3, luts=luts).array_limit for luts in (3_333, 3_334)] == [3 + 9, 3 + 10]
    assert Budget(dsps=0, luts=10 * LUTS_OF_MULTIPLIER).array_limit == 10
    assert Budget(luts=10).array_limit == 1


@pytest.mark.parametrize("engines", [0, 4, -1])
def test_refuses_numbers_of_engines(engines):
    assert refused(dots(3, pools=2), Budget(multipliers=20), engines=engines) == (
        f"network 'test' has 3 layers for systolic engines, so engines must be from 1 to 3, not {engines}")


def test_refuses_networks_that_are_not_lowered():
    assert refused(network(3), Budget(multipliers=20)) == (
        "network 'random' is not lowered; plan gatecast.lower(network) instead")


@pytest.mark.parametrize("engines", ["zz", 2.0, True, None])
def test_refuses_other_kinds_of_engines(engines):
    assert refused(dots(3), Budget(multipliers=20), engines=engines) == (
        f"engines must be folded, per-layer, auto or a number of them, not {engines!r}")
