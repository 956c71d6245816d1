"""Regions: the least rows are the least, and rows of the planner's choice cost no more than it may."""

from __future__ import annotations

from dataclasses import replace

import pytest
from random_networks import network
from random_plans import STYLES, random_plan
from random_windows import random_windows

from gatecast.lowering import lower
from gatecast.planner import events
from gatecast.planner.plan import Plan
from gatecast.planner.predict import predict
from gatecast.planner.regions import TOLERANCE, least_rows, size_regions, with_least_rows, with_two_frames
from gatecast.planner.schedule import schedule

RANDOM = [(seed, style) for seed in range(12) for style in STYLES]
# Those without branches.
CHAINS = [(seed, style) for seed, style in RANDOM if seed % 2]


def make(seed: int, style: str) -> Plan:
    """Of chains of the usual layers, and of windows of any kind in any topology."""
    lowered = lower(network(seed, layers=1 + seed % 5)) if seed % 2 else random_windows(seed)
    return random_plan(lowered, style, seed)


def sized(plan: Plan) -> Plan:
    return size_regions(with_two_frames(plan))


def with_rows(plan: Plan, rows: dict[tuple[str, str], int]) -> Plan:
    return replace(plan, regions=tuple(
        replace(region, rows=rows[region.tensor, region.reader]) for region in plan.regions))


@pytest.mark.parametrize(("seed", "style"), CHAINS)
def test_with_the_least_rows_everywhere_it_runs(seed, style):
    """Where branches meet, a tensor may have to wait for rows of another one."""
    plan = make(seed, style)
    assert len(events.run(schedule(with_rows(plan, least_rows(plan))), 3).frame_cycles) == 3


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_with_one_row_less_anywhere_it_stops(seed, style):
    """However many rows all other regions have."""
    plan = make(seed, style)
    numbers = schedule(plan)
    ample = [2 * plan.network.tensors[tensor].shape[0] + 4 for tensor, _ in numbers.edges]
    for region, least in least_rows(plan).items():
        credits = [least - 1 if edge == region else rows
                   for edge, rows in zip(numbers.edges, ample, strict=True)]
        with pytest.raises(events.Deadlock):
            events.run(replace(numbers, credits=tuple(credits)), 1)


def two_frames(plan: Plan) -> Plan:
    return with_rows(plan, {
        (region.tensor, region.reader): max(2 * plan.network.tensors[region.tensor].shape[0],
                                            least_rows(plan)[region.tensor, region.reader] + 1)
        for region in plan.regions})


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_smaller_regions_cost_no_more_than_the_tolerance(seed, style):
    plan = make(seed, style)
    small, ample = sized(replace(plan, regions=())), two_frames(plan)
    assert small.engines == plan.engines
    assert predict(small).cycles_per_inference <= predict(ample).cycles_per_inference * (1 + TOLERANCE)
    for region, largest in zip(small.regions, ample.regions, strict=True):
        assert region == replace(largest, rows=region.rows, memory_in="block")
        assert least_rows(plan)[region.tensor, region.reader] <= region.rows <= largest.rows


@pytest.mark.parametrize(("seed", "style"), CHAINS)
def test_no_region_has_a_row_to_spare(seed, style):
    """One row less in any region is less than the least or too slow.

    Rows taken elsewhere later may free one, as orders of jobs are not monotone; in none of these plans.
    """
    plan = make(seed, style)
    small = sized(replace(plan, regions=()))
    slowest = predict(two_frames(plan)).cycles_per_inference * (1 + TOLERANCE)
    numbers = schedule(small)
    for index, edge in enumerate(numbers.edges):
        fewer = numbers.credits[index] - 1
        if fewer < least_rows(plan)[edge]:
            continue
        credits = (*numbers.credits[:index], fewer, *numbers.credits[index + 1:])
        steady = events.steady_state(replace(numbers, credits=credits))
        assert steady.cycles / steady.frames > slowest


@pytest.mark.parametrize("resized", [with_two_frames, with_least_rows, size_regions])
def test_memories_stay_of_their_kind(resized):
    """Regions that are there keep theirs, those that are made are in block RAM."""
    def kinds(plan: Plan) -> dict[tuple[str, str], str]:
        return {(region.tensor, region.reader): region.memory_in for region in plan.regions}

    plan = with_two_frames(make(3, "two"))
    assert set(kinds(plan).values()) == {"block", "lut"}
    assert kinds(resized(plan)) == kinds(plan)
    assert set(kinds(with_two_frames(replace(plan, regions=()))).values()) == {"block"}


def test_sizing_is_deterministic():
    plan = replace(make(3, "two"), regions=())
    assert sized(plan) == sized(plan)
