"""How good the search is: against all plans of small networks, and its bound against random ones."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from every_plan import every_plan, partitions
from random_layers import chain
from random_networks import network
from random_plans import STYLES, random_plan
from random_windows import random_windows

from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.operators.conv2d import Conv2d
from gatecast.planner import Budget, Plan, predict, resources, search
from gatecast.planner.candidates import Kinds
from gatecast.planner.events import steady_state
from gatecast.planner.lower_bound import lower_bound
from gatecast.planner.numbers import layer_window, used_channels
from gatecast.planner.pace import PRECISION
from gatecast.planner.partitions import Fronts
from gatecast.planner.regions import TOLERANCE, with_two_frames
from gatecast.planner.schedule import schedule
from gatecast.planner.shapes import Prices
from gatecast.quantization import Quantization

FRAMES = 40
# Of each pair of network and budget, the plans that are run through the event model.
MOST_PLANS = 150


def random_network(seed: int, layers: int) -> Network:
    return lower(network(seed, layers=layers)) if seed % 2 else random_windows(seed, layers=layers)


def ample_pace(plan: Plan) -> float:
    """Cycles of an inference with room for two frames in every region."""
    return steady_state(schedule(with_two_frames(plan)), limit=FRAMES).pace


@pytest.mark.parametrize("limit", [3, 7, 12])
@pytest.mark.parametrize("seed", range(12))
def test_no_plan_is_faster(seed, limit):
    """Of those whose engines all do less work than the plan takes cycles, as many as time allows."""
    lowered = random_network(seed, 1 + seed % 4 if seed % 2 else 3)
    found = search(lowered, Budget(multipliers=limit))
    ample = ample_pace(found.plan)
    assert found.cycles <= ample * (1 + 4 * TOLERANCE)
    others = every_plan(lowered, limit, ample, lanes=range(1, 13), groups=(1, 2, 4))
    for _, other in zip(range(MOST_PLANS), others, strict=False):
        assert ample_pace(other) >= ample, [(e.layers, e.lanes, e.columns, e.group) for e in other.engines]


@pytest.mark.parametrize("style", [*STYLES, "any"])
@pytest.mark.parametrize("seed", range(20))
def test_no_plan_is_below_the_bound(seed, style):
    """With the budget that a random plan takes, whatever its partition and its arrays are."""
    lowered = random_network(seed, 2 + seed % 3)
    plan = random_plan(lowered, style, seed)
    found = search(lowered, Budget(multipliers=max(resources(plan).multipliers, 1)))
    assert found.bound <= predict(plan).cycles_per_inference
    assert found.bound <= found.cycles


@pytest.mark.parametrize("limit", [5, 9, 17])
@pytest.mark.parametrize("seed", range(6))
def test_layers_that_are_nearly_alike(seed, limit):
    """The work of the busiest engine is the least of all partitions, and the bound no more."""
    rng, unit = np.random.default_rng(seed), Quantization(scale=0.5, zero_point=-3)
    channels = rng.integers(1, 16, 6).tolist()
    lowered = lower(chain((6, 6, channels[0]), [
        Conv2d(weights=rng.integers(-128, 128, (following, 1, 1, count)).astype(np.int8), input=unit,
               output=unit, bias=np.zeros(following, np.int32), weight_scales=np.full(following, 0.001))
        for count, following in pairwise(channels)]))
    kinds = Kinds(lowered, "auto", limit)
    pace, fronts = kinds.pace(), Fronts(kinds.parts[0].shapes, Prices())
    bound = lower_bound(lowered, limit, pace)

    def multipliers(cycles: float) -> float:
        return min(fronts.total(each, cycles) for each in partitions(5)) // Prices().multiplier

    assert multipliers(pace) <= limit
    assert multipliers(pace - 1 - pace // PRECISION) > limit or pace == kinds.links
    assert bound.exact and kinds.links <= bound.cycles <= pace


@pytest.mark.parametrize("seed", range(6))
def test_the_bound_is_reached_by_ideal_arrays(seed):
    """A layer alone: the bound is the cycles of the best of all arrays, within what it is found to."""
    rng, unit = np.random.default_rng(seed), Quantization(scale=0.5, zero_point=-3)
    inputs, outputs, limit = (int(rng.integers(1, most)) for most in (90, 90, 120))
    lowered = lower(chain((6, 6, inputs), [
        Conv2d(weights=rng.integers(-128, 128, (outputs, 1, 1, inputs)).astype(np.int8), input=unit,
               output=unit, bias=np.zeros(outputs, np.int32), weight_scales=np.full(outputs, 0.001))]))
    window = layer_window(lowered.layers[0])
    first, last = used_channels(window.operands[0])
    best = min(36 * -(-window.out_channels // q) * (last // p - first // p + 1)
               for p in range(1, limit + 1) for q in range(1, limit // p + 1))
    best = max(best, 36 * inputs, 36 * outputs)
    bound = lower_bound(lowered, limit, 36 * inputs * outputs)
    assert best * (1 - 2 / PRECISION) - 1 <= bound.cycles <= best


def test_bounds_of_many_layers_are_bounds_too():
    """Where not all partitions can be looked at."""
    inexact = 0
    for seed in range(2):
        lowered = random_windows(seed, layers=22)
        plan = random_plan(lowered, "any", seed)
        found = search(lowered, Budget(multipliers=resources(plan).multipliers))
        assert found.bound <= min(predict(plan).cycles_per_inference, found.cycles)
        inexact += not found.exact
    assert inexact
