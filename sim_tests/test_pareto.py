"""The plans that no other found beats: none is dominated, the same every time, drawn and tabled."""

from __future__ import annotations

import json
from dataclasses import replace
from functools import cache
from importlib import import_module
from itertools import permutations
from pathlib import Path
from xml.etree import ElementTree

import pytest
from cli_runner import cli, numbers, refused
from random_networks import network as random_network

import gatecast
from gatecast.lowering import lower
from gatecast.pareto_picture import pareto_picture
from gatecast.planner import Budget, Found, Plan, Point, pareto, predict, resources
from gatecast.planner.pareto import front, steps

BUDGET = Budget(multipliers=12, dsps=12, block_rams=56, luts=20_000)
EMPTY = Plan(network=lower(random_network(0, layers=1)), engines=(), regions=())


def point(cycles: float, multipliers: int, block_rams: int = 1, luts: int = 100) -> Point:
    return Point(plan=EMPTY, cycles=cycles, multipliers=multipliers, dsps=multipliers, block_rams=block_rams,
                 luts=luts)


@pytest.mark.parametrize("seed", range(4))
def test_no_point_beats_another(seed: int) -> None:
    network = lower(random_network(seed, layers=2 + seed))
    points = pareto(network, BUDGET)
    assert not any(a.beats(b) for a, b in permutations(points, 2))
    for each in points:
        need = resources(each.plan, BUDGET.family)
        assert (each.multipliers, each.dsps, each.block_rams, each.luts) == (
            need.multipliers, need.dsps, need.block_rams, need.luts)
        assert each.cycles == predict(each.plan).cycles_per_inference
    assert points[-1].cycles == gatecast.search(network, BUDGET).cycles


def test_the_fastest_is_the_best_of_all_searches(monkeypatch: pytest.MonkeyPatch) -> None:
    """The search with most multipliers, here those of LUTs beside DSPs too, need not be the one."""
    network, budget = lower(random_network(2, layers=4)), replace(BUDGET, multipliers=None)
    assert budget.array_limit > BUDGET.array_limit

    @cache
    def once(budget: Budget) -> Found:
        return gatecast.search(network, budget)

    # The package's attribute of this name is the function.
    module = import_module("gatecast.planner.pareto")
    monkeypatch.setattr(module, "search", lambda _network, budget, **_options: once(budget))
    points = pareto(network, budget)
    assert not any(a.beats(b) for a, b in permutations(points, 2))
    assert points[-1].cycles == min(once(replace(budget, multipliers=each)).cycles
                                    for each in steps(budget.array_limit))


def test_the_same_every_time() -> None:
    network = lower(random_network(3, layers=4))
    few = replace(BUDGET, multipliers=3)
    first, second = pareto(network, few), pareto(network, few)
    assert [each.plan.to_json() for each in first] == [each.plan.to_json() for each in second]


def test_weights_from_outside() -> None:
    network = lower(random_network(1, layers=3))
    few = replace(BUDGET, multipliers=4)
    outside, inside = pareto(network, few, external_weights=True), pareto(network, few)
    assert all(each.plan.external_weights and resources(each.plan).weight_bits == 0 for each in outside)
    assert len(outside) > 1
    assert not any(each.plan.external_weights for each in inside)


def test_front() -> None:
    best = [point(100, 1), point(50, 2), point(20, 4), point(21, 4, block_rams=0)]
    beaten = [point(100, 2), point(60, 2), point(50, 2, luts=101), point(20, 5)]
    assert front([*beaten, *best, point(50, 2)]) == (best[0], best[1], best[3], best[2])


def test_steps() -> None:
    assert steps(1) == (1,)
    assert steps(2) == (1, 2)
    assert steps(40) == (1, 2, 3, 4, 6, 8, 12, 16, 24, 32, 40)


def test_refused_like_a_plan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sentence = refused("plan", "digits", "--pareto", "--brams", "0", "--luts", "100")
    assert sentence.startswith("the leanest plan found for network 'digits' stores ")


def test_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    found = numbers("plan", "digits", "--multipliers", "12", "--clock", "80", "--pareto", "out/front.svg")
    assert found["network"] == "digits"
    assert found["picture"] == "out/front.svg"
    assert [each["multipliers"] for each in found["points"]] == [1, 2, 3, 4, 6, 8, 12]
    fastest = found["points"][-1]
    assert fastest["inferences_per_second"] == 80e6 / fastest["cycles_per_inference"]
    # A plan of the list can be taken.
    Path("plan.json").write_text(json.dumps(fastest["plan"]))
    taken = numbers("plan", "digits", "--plan", "plan.json")
    assert taken["cycles_per_inference"] == fastest["cycles_per_inference"]
    code, out, err = cli("plan", "digits", "--multipliers", "12", "--pareto")
    assert (code, err) == (0, "")
    assert out.startswith("plans for digits that no other found beats")
    assert f"{fastest['cycles_per_inference']:,.0f}" in out


def test_picture() -> None:
    points = (point(1000.5, 1, block_rams=0), point(100, 10, block_rams=30), point(10, 100, luts=4000))
    drawing = ElementTree.fromstring(pareto_picture("a <b> & c", points))
    space = "{http://www.w3.org/2000/svg}"
    words = [text.text or "" for text in drawing.iter(f"{space}text")]
    for label in ("Plans for a <b> & c that no other found beats", "cycles an inference", "array multipliers",
                  "block RAMs", "LUTs (estimate)"):
        assert label in words
    assert len([*drawing.iter(f"{space}circle")]) == 9
    assert len([*drawing.iter(f"{space}polyline")]) == 3
    width, height = float(drawing.get("width", 0)), float(drawing.get("height", 0))
    for circle in drawing.iter(f"{space}circle"):
        assert 0 < float(circle.get("cx", -1)) < width
        assert 0 < float(circle.get("cy", -1)) < height


def test_picture_of_one_plan() -> None:
    ElementTree.fromstring(pareto_picture("one", (point(7, 1, block_rams=0, luts=1),)))


@pytest.mark.parametrize(("options", "sentence"), [
    (["--pareto", "front.png"], "front.png: found the suffix '.png', allowed for a picture: .svg"),
    (["--pareto", "--goal", "latency"],
     "found --pareto with --goal, allowed: --pareto without --plan, --goal, --target-fps, --output"),
    (["--pareto", "--plan", "plan.json"],
     "found --pareto with --plan, allowed: --pareto without --plan, --goal, --target-fps, --output"),
    (["--pareto", "--target-fps", "5"],
     "found --pareto with --target-fps, allowed: --pareto without --plan, --goal, --target-fps, --output"),
    (["--pareto", "-o", "plan.json"],
     "found --pareto with --output, allowed: --pareto without --plan, --goal, --target-fps, --output"),
])
def test_refused_options(options: list[str], sentence: str, tmp_path: Path,
                         monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("plan", "digits", *options) == sentence
