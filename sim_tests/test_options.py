"""The options of all commands that plan: budgets by hand, clocks and goals."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from cli_runner import numbers, refused

from gatecast import flow
from gatecast.boards import boards
from gatecast.errors import InputError


def test_budget_of_a_board() -> None:
    board = boards()["ulx3s-85f"]
    found = flow.budget("ulx3s-85f")
    assert (found.multipliers, found.dsps, found.block_rams, found.name) == (
        None, board.multipliers, board.block_rams, "board ulx3s-85f")


def test_budget_by_hand() -> None:
    found = flow.budget("ulx3s-85f", multipliers=7, dsps=5, block_rams=3, luts=1000)
    assert (found.multipliers, found.dsps, found.block_rams, found.luts, found.name) == (
        7, 5, 3, 1000, "the budget on board ulx3s-85f")
    assert flow.budget(family="ice40", luts=0, multipliers=1).name == (
        "the budget on family ice40 (iCE40HX8K)")
    with pytest.raises(InputError, match=r"^luts must be an integer of at least 0, not -1$"):
        flow.budget(luts=-1)


def test_clock() -> None:
    assert flow.clock_mhz() == flow.clock_mhz("ulx3s-85f") == 100
    assert flow.clock_mhz("icebreaker") == 24
    assert flow.clock_mhz(family="ecp5") is None
    other = next(board.name for board in boards().values() if not board.builds)
    assert flow.clock_mhz(other) is None


def limited(*options: str) -> dict[str, Any]:
    return numbers("plan", "digits", *options)


def test_limits_are_kept() -> None:
    assert limited("--dsps", "20")["dsps"] <= 20
    assert limited("--dsps", "0")["dsps"] == 0
    assert limited("--brams", "4")["block_rams"] <= 4
    assert limited("--luts", "8000")["luts"] <= 8000 < limited()["luts"]
    more = limited("--multipliers", "200", "--dsps", "100")
    assert 100 < more["multipliers"] <= 200
    assert more["dsps"] <= 100


def test_more_than_anybody_has() -> None:
    """Not slower, and the plan that as many as the links can feed give."""
    most = limited("--multipliers", "1000000000", "--dsps", "1000000000", "--luts", "1000000000")
    assert most["multipliers"] < 1000
    assert most["budget_utilization"] < 1e-6 < most["multiplier_utilization"]


def test_seconds() -> None:
    found = limited("--clock", "40")
    assert found["clock_mhz"] == 40
    assert found["inferences_per_second"] == 40e6 / found["cycles_per_inference"]
    assert limited("--family", "ecp5")["inferences_per_second"] is None
    assert limited()["clock_mhz"] == 100


def test_goals() -> None:
    fast = limited()
    quick, small = limited("--goal", "latency"), limited(
        "--goal", "area", "--target-fps", "10000", "--clock", "80")
    assert quick["latency_cycles"] < fast["latency_cycles"]
    assert quick["lone_latency_cycles"] <= quick["latency_cycles"]
    assert [found["goal"] for found in (fast, quick, small)] == ["throughput", "latency", "area"]
    assert (small["target_cycles"], fast["target_cycles"]) == (8000, None)
    assert 0 < small["lower_bound_multipliers"] <= small["multipliers"]
    assert small["inferences_per_second"] >= 10_000
    assert small["dsps"] < fast["dsps"] / 3
    assert limited("--goal", "throughput") == fast


@pytest.mark.parametrize(("options", "sentence"), [
    (["--multipliers", "0"], "argument --multipliers: must be an integer from 1 to 1,000,000,000, not '0'"),
    (["--multipliers", "1000000000000"],
     "argument --multipliers: must be an integer from 1 to 1,000,000,000, not '1000000000000'"),
    (["--dsps", "-1"], "argument --dsps: must be an integer from 0 to 1,000,000,000, not '-1'"),
    (["--brams", "many"], "argument --brams: must be an integer from 0 to 1,000,000,000, not 'many'"),
    (["--luts", "1e3"], "argument --luts: must be an integer from 0 to 1,000,000,000, not '1e3'"),
    (["--plan", ""], "argument --plan: must be a path, not ''"),
    (["-o", ""], "argument -o/--output: must be a path, not ''"),
    (["--pareto", ""], "argument --pareto: must be a path, not ''"),
    (["--engines", "0"], "argument --engines: must be folded, per-layer, auto or a number of systolic "
                         "engines, not '0'"),
    (["--clock", "0"], "argument --clock: must be a number of MHz from 1 to 1000, not '0'"),
    (["--clock", "nan"], "argument --clock: must be a number of MHz from 1 to 1000, not 'nan'"),
    (["--goal", "speed"], "argument --goal: must be throughput, latency or area, not 'speed'"),
    (["--target-fps", "inf"],
     "argument --target-fps: must be a number of frames a second from 0.001 to 1e9, not 'inf'"),
])
def test_wrong_values(options: list[str], sentence: str, tmp_path: Path,
                      monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("plan", "digits", *options) == f"{sentence}; see `gatecast plan --help`"


@pytest.mark.parametrize(("options", "sentence"), [
    (["--target-fps", "5"], "found --target-fps without --goal area, allowed: both"),
    (["--engines", "99999"],
     "network 'digits' has 4 layers for systolic engines, so engines must be from 1 to 4, not 99999"),
    (["--goal", "latency", "--target-fps", "5"], "found --target-fps without --goal area, allowed: both"),
    (["--goal", "area"], "found --goal area without --target-fps, allowed: --target-fps F with it"),
    (["--goal", "area", "--target-fps", "5", "--family", "ecp5"],
     "found --goal area without a clock, allowed: --clock MHZ with it, or a board that gets a bitstream"),
    (["--goal", "area", "--target-fps", "1e6", "--clock", "80"],
     "the fastest plan found for network 'digits' reaches 138,888 frames a second at 80 MHz within "
     "board ulx3s-85f, not 1,000,000; ask for fewer, or take a larger board"),
])
def test_refused(options: list[str], sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert refused("plan", "digits", *options) == sentence
