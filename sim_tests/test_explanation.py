"""The explanation of a plan: where all cycles go, what keeps it from being faster, what each part takes."""

from __future__ import annotations

import json
import math
import re
from collections import Counter
from dataclasses import replace
from functools import cache
from types import MappingProxyType
from typing import Any

import pytest
from random_networks import network
from random_plans import STYLES, random_plan
from rich.console import Console

from gatecast.boards import boards, families
from gatecast.commands.plan_tables import shown
from gatecast.figures import percent
from gatecast.flow import budget
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.planner import (
    Budget,
    Found,
    Plan,
    Prediction,
    least_area,
    least_latency,
    lone_latency,
    predict,
    resources,
    search,
)
from gatecast.planner.explanation import bottleneck_reason, explain
from gatecast.planner.goals import shares
from gatecast.planner.logic import ERROR_FFS, ERROR_LUTS
from gatecast.planner.numbers import multipliers_of
from gatecast.planner.plan import SINK, SOURCE, EnginePlan
from gatecast.planner.regions import with_least_rows, with_two_frames
from gatecast.planner.schedule import schedule
from gatecast.reader import read
from gatecast.summary import plan_summary

RANDOM = [(seed, style) for seed in range(8) for style in STYLES]
PARTS = ("useful", "edge", "hold", "waiting")


@cache
def made(seed: int, style: str) -> tuple[Network, Plan]:
    given = network(seed, layers=1 + seed % 5)
    return given, random_plan(lower(given), style, seed)


@cache
def digits() -> tuple[Network, Found]:
    given = read("digits")
    return given, search(lower(given), budget("ulx3s-85f", multipliers=64))


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_the_four_parts_are_all_cycles(seed: int, style: str) -> None:
    given, plan = made(seed, style)
    prediction = predict(plan)
    for work in explain(plan, given).engines:
        parts = work.useful_cycles, work.edge_cycles, work.hold_cycles, work.waiting_cycles
        assert sum(parts) == pytest.approx(prediction.cycles_per_inference)
        # The mean of a long run may miss a job or two.
        assert min(parts) >= (-1e-6 if prediction.periodic else -0.01 * prediction.cycles_per_inference)
        assert work.useful_cycles > 0
        assert sum(layer.tap_cycles * layer.jobs for layer in work.layers) == work.issuing
        assert work.issuing == prediction.work[work.engine.name]


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_useful_work_is_the_products_of_the_network(seed: int, style: str) -> None:
    given, plan = made(seed, style)
    for work in explain(plan, given).engines:
        for layer in work.layers:
            asked = layer.layer.operator.macs(plan.network.shapes(layer.layer))
            assert 0 < layer.filled <= 1
            if layer.window.operation == "dot":
                assert layer.operations <= asked
            elif layer.window.operation == "multiply":
                assert layer.operations == asked


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_loops_multiply_to_the_cycles_of_the_schedule(seed: int, style: str) -> None:
    given, plan = made(seed, style)
    expected = {layer.name: layer.job_cycles * layer.rows
                for actor in schedule(plan).actors for layer in actor.layers}
    for engine in plan_summary(plan, given)["engines"]:
        for loops in engine["loops"]:
            taps = sum(operand["kernel_rows"] * operand["kernel_columns"] * operand["words"]
                       for operand in loops["operands"])
            cycles = loops["rows"] * loops["columns"] * loops["blocks"] * (loops["hold_cycles"] + taps)
            assert cycles == loops["cycles"] == expected[loops["layer"]]


@pytest.mark.parametrize("family", families())
@pytest.mark.parametrize(("seed", "style"), RANDOM[::4])
def test_the_parts_take_what_the_plan_takes(seed: int, style: str, family: str) -> None:
    given, plan = made(seed, style)
    why, need = explain(plan, given, family=family), resources(plan, family)
    assert why.resources == need
    assert sum(cells.dsps for cells in why.cells) == need.dsps
    assert sum(cells.multipliers for cells in why.cells) == need.multipliers
    assert sum(cells.requantizer_multipliers for cells in why.cells) == need.requantizer_multipliers
    assert (sum(cells.block_rams.total() for cells in why.cells)
            + sum(block_rams for _, block_rams in why.memories)) == need.block_rams
    bits = sum((Counter(cells.bits) for cells in why.cells), Counter[str]())
    assert bits["weights"] + bits["tables"] == need.weight_bits
    assert bits["parameters"] == need.parameter_bits
    assert sum(8 * memory.params.words * memory.params.word_bytes
               for memory, _ in why.memories) == need.feature_bits


@pytest.mark.parametrize(("seed", "style"), RANDOM[::2])
def test_the_summary_is_that_of_the_event_model(seed: int, style: str) -> None:
    given, plan = made(seed, style)
    found, prediction = plan_summary(plan, given), predict(plan)
    assert json.loads(json.dumps(found)) == found
    cycles = prediction.cycles_per_inference
    assert (found["cycles_per_inference"], found["latency_cycles"], found["periodic"]) == (
        cycles, prediction.latency_cycles, prediction.periodic)
    assert found["lone_latency_cycles"] == lone_latency(plan)
    assert found["bottleneck"] == prediction.bottleneck
    assert found["bottleneck_utilization"] == prediction.busy(prediction.bottleneck)
    assert found["bottleneck_reason"] == bottleneck_reason(plan, prediction)
    assert {each["name"]: each["busy_cycles"] for each in (*found["engines"], *found["links"])} == (
        prediction.work)
    for engine, planned in zip(found["engines"], plan.engines, strict=True):
        assert sum(engine[f"{part}_cycles"] for part in PARTS) == pytest.approx(cycles)
        assert engine["busy_cycles"] == pytest.approx(engine["useful_cycles"] + engine["edge_cycles"])
        assert engine["multipliers"] == multipliers_of(plan.network, planned)
    # What nobody told is not made up.
    assert [key for key, value in found.items() if value is None] == [
        "goal", "clock_mhz", "inferences_per_second", "latency_seconds", "lone_latency_seconds",
        "budget_utilization", "lower_bound_cycles", "lower_bound_exact", "budget_shares", "target_cycles",
        "lower_bound_multipliers", "limits", "chip", "alternatives", "weight_stream_bytes_per_inference",
        "weight_stream_bytes_per_cycle"]


def test_the_summary_of_a_search() -> None:
    given, searched = digits()
    part = boards()["ulx3s-85f"].part
    found = plan_summary(searched.plan, given, found=searched, part=part, clock_mhz=50)
    cycles = searched.cycles
    assert found["cycles_per_inference"] == cycles >= found["lower_bound_cycles"] == searched.bound
    assert found["lower_bound_exact"] is searched.exact
    assert found["budget_utilization"] == pytest.approx(given.macs / (64 * cycles))
    assert found["budget_utilization"] <= found["multiplier_utilization"] <= 1
    assert found["inferences_per_second"] == pytest.approx(50e6 / cycles)
    assert found["latency_seconds"] == pytest.approx(found["latency_cycles"] / 50e6)
    assert found["lone_latency_seconds"] == found["lone_latency_cycles"] / 50 / 1e6
    assert [(other["cycles_per_inference"], other["lone_latency_cycles"], other["multipliers"],
             [engine["name"] for engine in other["engines"]]) for other in found["alternatives"]] == [
        (cycles, lone_latency(plan), resources(plan).multipliers, [engine.name for engine in plan.engines])
        for plan, cycles in searched.others] != []
    assert found["limits"] == {"multipliers": 64, "dsps": 156, "block_rams": 207, "luts": 50_184,
                               "ffs": 50_184}
    assert found["chip"] == {"device": "LFE5U-85F", "dsps": 156, "block_rams": 208, "luts": 83_640,
                             "ffs": 83_640}
    need = resources(searched.plan)
    assert (found["dsps"], found["block_rams"], found["luts"], found["ffs"]) == (
        need.dsps, need.block_rams, need.luts, need.ffs)
    assert (found["luts_error"], found["ffs_error"]) == (ERROR_LUTS, ERROR_FFS)
    other = plan_summary(searched.plan, given, part=families()["xc7"])
    assert (other["luts_error"], other["ffs_error"]) == (None, None)
    assert f"9 of 10 within {percent(ERROR_LUTS)}" in printed(found)
    assert "rough estimate" in printed(other)
    assert (found["dsps_exact"], other["dsps_exact"]) == (True, False)
    assert ("at most" in printed(found), "at most" in printed(other)) == (False, True)


def predicted(plan: Plan, cycles: float, work: dict[str, int], **occupied: int) -> Prediction:
    return Prediction(cycles_per_inference=cycles, periodic=True, latency_cycles=999,
                      work=MappingProxyType({SOURCE: 1, SINK: 1, **work}),
                      occupied=MappingProxyType({SOURCE: 1, SINK: 1, **work, **occupied}))


@pytest.mark.parametrize(("cycles", "work", "occupied", "name", "reason"), [
    (1000, {"a": 998, "b": 10}, {}, "a", "a issues work in 99.8 % of the cycles"),
    (1000, {"a": 10, SOURCE: 1000}, {}, SOURCE, "the input link moves a byte in 100 % of the cycles"),
    (1000, {"a": 10, SINK: 999}, {}, SINK, "the output link moves a byte in 99.9 % of the cycles"),
    (1000, {"a": 990, SOURCE: 990}, {}, "a", "a issues work in 99 % of the cycles"),
    (1000, {"a": 600, "b": 900}, {"a": 1000}, "a", "a issues work in 60 % of the cycles and holds in 40 %, "
     "until results are out of the way or the next job is chosen"),
])
def test_the_bottleneck_is_an_engine_or_a_link(cycles: int, work: dict[str, int], occupied: dict[str, int],
                                               name: str, reason: str) -> None:
    _, plan = made(0, "folded")
    prediction = predicted(plan, cycles, work, **occupied)
    assert prediction.bottleneck == name
    assert bottleneck_reason(plan, prediction) == reason


def test_an_array_that_could_not_be_larger_says_so() -> None:
    """Where its only layer has all channels on it, whatever else is in the budget."""
    given, searched = digits()
    plan = searched.plan

    def reason(lanes: int, columns: int, *layers: str) -> str:
        engine = EnginePlan(name="a", kind="systolic", lanes=lanes, columns=columns, group=1, layers=layers)
        return bottleneck_reason(replace(plan, engines=(engine,)), predicted(plan, 100, {"a": 100}))

    assert given.tensors["conv1"].shape[2] == 8
    busy = "a issues work in 100 % of the cycles"
    assert reason(1, 8, "conv1") == (
        f"{busy}, its array has a place for each channel of conv1: more multipliers would not help")
    assert reason(1, 4, "conv1") == reason(1, 8, "conv1", "conv2") == reason(7, 16, "conv2") == busy
    assert reason(8, 16, "conv2").endswith(" each channel of conv2: more multipliers would not help")


def test_engines_that_wait_are_told_what_larger_memories_give() -> None:
    given, searched = digits()
    least = with_least_rows(searched.plan)
    ample = predict(with_two_frames(searched.plan)).cycles_per_inference
    prediction = predict(least)
    assert prediction.cycles_per_inference > 1.03 * prediction.occupied[prediction.bottleneck]
    reason = plan_summary(least, given)["bottleneck_reason"]
    assert reason.startswith("engines and links wait for each other: the busiest, ")
    assert reason.endswith(f"; with room for two frames in each feature memory an inference would take about "
                           f"{ample:,.0f} cycles")
    # As if it waited with those, too.
    name = prediction.bottleneck
    slow = replace(prediction, cycles_per_inference=ample, occupied={name: 1}, work={name: 1})
    assert bottleneck_reason(least, slow).endswith("; larger feature memories would not help")


def printed(result: dict[str, Any]) -> str:
    console = Console(markup=False, emoji=False, highlight=False, width=240)
    with console.capture() as captured:
        for part in shown(result):
            console.print(part)
    return captured.get()


@pytest.mark.parametrize(("seed", "style"), RANDOM[1::3])
def test_a_person_gets_no_line_of_more_than_100_columns(seed: int, style: str) -> None:
    given, plan = made(seed, style)
    found = Found(plan=plan, cycles=1e9, bound=12345.5, exact=False, others=((plan, 2e9), (plan, 1.0)),
                  budget=Budget(multipliers=10**6))
    text = printed(plan_summary(plan, given, found=found, part=boards()["arty-a7-100t"].part,
                                clock_mhz=123.25))
    assert max(map(len, text.splitlines())) <= 100
    for name in (*(layer.name for layer in plan.network.layers), "input link", "output link"):
        assert name in re.sub(r"\s+", " ", text)
    assert not math.isnan(sum(float(number) for number in re.findall(r"([0-9.]+) %", text)))


def test_a_person_reads_the_bound_and_the_reason() -> None:
    given, searched = digits()
    result = plan_summary(searched.plan, given, found=searched, part=boards()["ulx3s-85f"].part)
    text = re.sub(r"\s+", " ", printed(result))
    cycles, bound = searched.cycles, searched.bound
    assert searched.exact
    distance = "reaches it" if cycles == bound else f"takes {100 * (cycles / bound - 1):.2f} % more"
    assert (f"lower bound {bound:,.0f} cycles for all partitions and arrays; this plan {distance} "
            f"multipliers busy") in text
    assert f"bottleneck {result['bottleneck_reason']} lower bound" in text
    assert "cells of the LFE5U-85F" in text and "9 of 10 within" in text
    assert (f"cycles of the first inference {result['latency_cycles']:,} "
            f"cycles of a lone inference {result['lone_latency_cycles']:,} bottleneck") in text
    # Without a search there is no bound, and nothing to stand against.
    text = printed(plan_summary(searched.plan, given))
    assert "lower bound" not in text and "next best plans" not in text and "cells of" not in text


def test_a_person_reads_the_bound_of_what_was_asked() -> None:
    given, _ = digits()
    limits = budget("ulx3s-85f", multipliers=16)
    quick = least_latency(lower(given), limits)
    result = plan_summary(quick.plan, given, found=quick, goal="latency")
    text = re.sub(r"\s+", " ", printed(result))
    share = percent(result["lone_latency_cycles"] / quick.bound - 1, 2)
    assert (f"lower bound {quick.bound:,.0f} cycles, of lone inferences too, for all partitions and "
            f"arrays; a lone one with this plan takes {share} more") in text
    assert "other plans, the next best for a lone inference first" in text
    small = least_area(lower(given), limits, target_fps=2500, clock_mhz=50)
    result = plan_summary(small.plan, given, found=small, goal="area")
    assert (result["target_cycles"], result["lower_bound_multipliers"]) == (20_000, small.least_multipliers)
    text = re.sub(r"\s+", " ", printed(result))
    more = result["multipliers"] / small.least_multipliers - 1
    distance = f"takes {percent(more, 2)} more" if more else "reaches it"
    assert (f"lower bound {small.least_multipliers} multipliers of arrays for at most 20,000 cycles an "
            f"inference, for all partitions and arrays; this plan {distance}") in text
    assert "other plans that are fast enough, the next smallest first" in text
    assert f"size {shares(small.plan, small.budget):.3f}, the sum of the shares" in text
    assert [other["budget_shares"] for other in result["alternatives"]] == [
        shares(plan, small.budget) for plan, _ in small.others] != []


def test_a_person_reads_memories_along_the_way() -> None:
    given, plan = made(3, "per-layer")
    turned = replace(plan, regions=plan.regions[::-1])
    text = printed(plan_summary(turned, given))
    memories = text[text.index("feature memories"):]
    assert memories.index("input link") < memories.index("output link")
