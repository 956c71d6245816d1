"""Capacity: no plan stores less than its network is said to need; what chips hold at most."""

from dataclasses import replace

import pytest
from random_networks import network
from random_plans import STYLES, random_plan
from random_windows import random_windows

import gatecast
from gatecast.boards import families
from gatecast.planner import Budget, Plan
from gatecast.planner.capacity import MOST_GROUP, block_rams_at_least, least_bits
from gatecast.planner.storages import storages


def stored(plan: Plan) -> int:
    """Bits of all memories but those of the sequencers, which nobody needs for the network's sake."""
    return sum(storage.bits for storage in storages(plan) if storage.what != "jobs")


@pytest.mark.parametrize("style", [*STYLES, "any"])
@pytest.mark.parametrize("seed", range(8))
def test_no_plan_stores_less(seed, style):
    for whole in (gatecast.lower(network(seed, layers=3)), random_windows(seed, layers=3)):
        plan = random_plan(whole, style, seed)
        limit = max(engine.positions for engine in plan.engines)
        assert max(engine.group for engine in plan.engines) <= MOST_GROUP
        assert least_bits(plan.network, limit=limit) <= stored(plan)
        assert least_bits(plan.network) <= least_bits(plan.network, limit=limit)
        assert least_bits(plan.network, True, limit) <= stored(replace(plan, external_weights=True))


def test_shipped_networks_are_nearly_met():
    """The bound is no empty one: of a plan for few multipliers it names most bits."""
    whole = gatecast.lower(gatecast.read("digits"))
    plan = gatecast.plan(whole, Budget(multipliers=6), engines="folded")
    assert 0.6 * stored(plan) < least_bits(plan.network, limit=6) <= stored(plan)


def test_weights_in_one_place_may_be_wires():
    """On an array with a place for each, weights of a dense layer are constants."""
    whole = gatecast.lower(gatecast.read("digits"))
    assert least_bits(whole, limit=1 << 30) < least_bits(whole, limit=64) < least_bits(whole, limit=4)


@pytest.mark.parametrize("family", families())
def test_chips(family):
    part = families()[family]
    budget = Budget.of(part, "a chip")
    assert budget.luts is not None
    in_luts = 2 * budget.luts * 2 ** part.lut_inputs
    assert block_rams_at_least(in_luts, budget) == 0
    assert block_rams_at_least(in_luts + 1, budget) == 1
    assert block_rams_at_least(in_luts + 7 * part.block_ram_bits, budget) == 7
    assert block_rams_at_least(100, Budget(multipliers=1, family=family)) == 1
