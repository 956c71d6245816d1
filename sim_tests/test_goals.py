"""Goals: latency never worse than that of the fastest plan, area really smaller, refusals in one sentence."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from random_networks import network as random_network
from tiny_description import described

import gatecast
from gatecast.errors import InputError
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.planner import (
    Budget,
    Found,
    least_area,
    least_latency,
    lone,
    lone_latency,
    predict,
    rated,
    resources,
    search,
    verify,
)
from gatecast.planner.cells import placed
from gatecast.planner.goals import shares
from gatecast.planner.lone import sized_for_lone
from gatecast.planner.regions import least_rows, with_two_frames

SEEDS = range(6)
BUDGET = Budget(dsps=40, block_rams=56, luts=20_000)


def made(seed: int) -> Network:
    return lower(random_network(seed, layers=2 + seed % 4))


def digits() -> Network:
    return lower(gatecast.read("digits"))


def fits(found: Found, budget: Budget) -> bool:
    need = resources(verify(found.plan), budget.family)
    return all(limit is None or used <= limit for used, limit in (
        (need.dsps, budget.dsps), (need.block_rams, budget.block_rams), (need.luts, budget.luts),
        (need.multipliers, budget.multipliers)))


@pytest.mark.parametrize("seed", SEEDS)
def test_latency_is_never_worse(seed: int) -> None:
    network = made(seed)
    found, fastest = least_latency(network, BUDGET), search(network, BUDGET)
    assert fits(found, BUDGET)
    assert lone_latency(found.plan) <= lone_latency(fastest.plan)
    assert found.cycles == predict(found.plan).cycles_per_inference >= fastest.cycles >= found.bound
    assert found.budget == BUDGET


def test_latency_is_better_where_a_pipeline_is_slow() -> None:
    budget = gatecast.budget("ulx3s-85f")
    found, fastest = least_latency(digits(), budget), search(digits(), budget)
    assert lone_latency(found.plan) < 0.7 * lone_latency(fastest.plan)
    # Others are worse at that, the next best first; the fastest is told of, too.
    *others, last = found.others
    assert last == (fastest.plan, fastest.cycles)
    latencies = [lone_latency(plan) for plan, _ in others]
    assert latencies == sorted(latencies) and latencies[0] >= lone_latency(found.plan)
    assert [cycles for _, cycles in others] == [predict(plan).cycles_per_inference for plan, _ in others]
    # The bound holds for lone frames, too.
    assert found.bound <= lone_latency(found.plan)
    assert least_latency(digits(), budget).plan.to_json() == found.plan.to_json()


def test_latency_with_given_engines() -> None:
    found = least_latency(digits(), BUDGET, engines="folded")
    assert sum(engine.kind == "systolic" for engine in found.plan.engines) == 1


def test_latency_where_memory_is_short() -> None:
    """So few block RAMs that the fastest plan has hardly room."""
    budget = Budget(dsps=40, block_rams=6, luts=6000)
    assert fits(least_latency(digits(), budget), budget)


def test_lone_latency_is_that_of_the_hardware(tmp_path: Path) -> None:
    network = described(tmp_path)
    found = least_latency(lower(network), BUDGET)
    frame = np.random.default_rng(1).integers(-128, 128, (1, 6, 5, 2)).astype(np.int8)
    trial = gatecast.simulate(found.plan, frame, network=network, simulator="python")
    assert not trial.failures
    assert trial.frame_cycles == (lone_latency(found.plan),)


@pytest.mark.parametrize("seed", SEEDS)
def test_regions_for_a_lone_frame(seed: int) -> None:
    ample = with_two_frames(search(made(seed), BUDGET).plan)
    latency, least = lone_latency(ample), least_rows(ample)
    sized = verify(sized_for_lone(ample, latency))
    assert lone_latency(sized) <= latency
    # It runs forever too.
    assert predict(sized).cycles_per_inference > 0
    for region, before in zip(sized.regions, ample.regions, strict=True):
        assert least[region.tensor, region.reader] <= region.rows <= before.rows


def test_rows_for_running_forever_do_not_make_a_lone_frame_late(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the plan stopped with the fewest rows, and were late with any number between them and a frame."""
    ample = with_two_frames(search(digits(), BUDGET).plan)
    least = least_rows(ample)
    whole = {key: max(rows, ample.network.tensors[key[0]].shape[0]) for key, rows in least.items()}
    grown: list[dict[tuple[str, str], int]] = []

    def runs(_numbers: object, rows: dict[tuple[str, str], int]) -> bool:
        grown.append(rows)
        return rows != least

    monkeypatch.setattr(lone, "runs", runs)
    monkeypatch.setattr(lone, "_within", lambda _numbers, rows, _latency: not grown or rows == whole)
    sized = sized_for_lone(ample, 1)
    assert grown[0] == least and len(grown) > 3
    assert {(region.tensor, region.reader): region.rows for region in sized.regions} == whole


@pytest.mark.parametrize("seed", SEEDS)
def test_area_reaches_the_rate(seed: int) -> None:
    network = made(seed)
    fastest = search(network, BUDGET)
    for slower in (1.0, 2.5):
        pace = fastest.cycles * slower
        found = least_area(network, BUDGET, target_fps=50e6 / pace, clock_mhz=50)
        assert fits(found, BUDGET)
        assert found.cycles == predict(found.plan).cycles_per_inference <= pace * (1 + 1e-9)
        assert shares(found.plan, BUDGET) <= shares(fastest.plan, BUDGET)
        assert found.pace == pytest.approx(pace)
        assert [shares(plan, BUDGET) for plan, _ in found.others] == sorted(
            max(shares(found.plan, BUDGET), shares(plan, BUDGET)) for plan, _ in found.others)
        assert all(cycles <= pace * (1 + 1e-9) for _, cycles in found.others)
        # Fewer multipliers do not suffice, nor do they in any plan that is found.
        assert found.least_multipliers <= resources(found.plan).multipliers
        if found.least_multipliers > 1 < slower:
            fewer = replace(BUDGET, multipliers=found.least_multipliers - 1)
            with suppress(InputError):
                assert search(network, fewer).cycles > pace


@pytest.mark.parametrize("goal", ["latency", "area"])
def test_goals_with_external_weights(goal: str) -> None:
    network = made(2)
    found = (least_latency(network, BUDGET, external_weights=True) if goal == "latency" else
             least_area(network, BUDGET, external_weights=True, target_fps=1000, clock_mhz=50))
    assert fits(found, BUDGET)
    assert found.plan.external_weights and all(plan.external_weights for plan, _ in found.others)
    assert resources(found.plan).weight_bits == 0


def test_area_gets_smaller_with_the_rate() -> None:
    budget = gatecast.budget("ulx3s-85f")
    found = [least_area(digits(), budget, target_fps=rate, clock_mhz=80) for rate in (130_000, 30_000, 5_000)]
    assert [each.cycles <= 80e6 / rate
            for each, rate in zip(found, (130_000, 30_000, 5_000), strict=True)] == [True] * 3
    sizes = [shares(each.plan, budget) for each in found]
    assert all(larger > 1.3 * smaller for larger, smaller in pairwise(sizes))
    # Its own size is all that it needs.
    need = resources(found[-1].plan, "ecp5")
    tight = replace(budget, dsps=need.dsps, block_rams=need.block_rams, luts=need.luts)
    assert fits(found[-1], tight)


def test_area_of_multipliers_where_nothing_else_is_limited() -> None:
    budget = Budget(multipliers=64)
    found = least_area(digits(), budget, target_fps=2_000, clock_mhz=80)
    assert shares(found.plan, budget) == resources(found.plan).multipliers / 64
    assert resources(found.plan).multipliers <= 4


def test_area_is_refused_with_the_rate_that_is_reached() -> None:
    with pytest.raises(InputError) as refused:
        least_area(digits(), gatecast.budget("ulx3s-85f"), target_fps=1e6, clock_mhz=80)
    assert str(refused.value) == (
        "the fastest plan found for network 'digits' reaches 138,888 frames a second at 80 MHz within "
        "board ulx3s-85f, not 1,000,000; ask for fewer, or take a larger board")
    with pytest.raises(InputError, match=r"^target_fps must be a number above 0, not 0$"):
        least_area(digits(), BUDGET, target_fps=0, clock_mhz=80)
    with pytest.raises(InputError, match=r"^clock_mhz must be a number above 0, not nan$"):
        least_area(digits(), BUDGET, target_fps=1, clock_mhz=float("nan"))


def test_rated() -> None:
    fastest = search(digits(), BUDGET)
    found = rated(fastest.plan, BUDGET)
    assert (found.plan, found.cycles, found.bound) == (fastest.plan, fastest.cycles, fastest.bound)
    with pytest.raises(InputError) as refused:
        rated(fastest.plan, replace(BUDGET, block_rams=0))
    rams = resources(fastest.plan).block_rams
    assert str(refused.value) == (f"the plan takes {rams} block RAMs, the budget has 0; change the plan, or "
                                  f"take a larger board")


def test_rated_with_more_multipliers_than_by_default() -> None:
    """A plan may have multipliers of LUTs that a board would not be given by default."""
    budget = replace(BUDGET, dsps=20)
    large = search(digits(), replace(budget, multipliers=2 * budget.array_limit)).plan
    small = placed(large, budget)
    assert resources(large).multipliers > budget.array_limit > 20
    found = rated(large, budget)
    assert found.bound <= found.cycles
    assert found.budget.multipliers == resources(large).multipliers
    assert small == large
