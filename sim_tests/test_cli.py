"""The command line: what it prints, which checks it fails, which exit codes it gives."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import cli, numbers, refused, tiny_inputs
from tiny_description import described

import gatecast
from gatecast import flow, golden
from gatecast.cli import main
from gatecast.commands.simulate import wave_formats
from gatecast.networks import shipped

BOARDS = ("ulx3s-12f, ulx3s-25f, ulx3s-45f, ulx3s-85f, orangecrab-25f, orangecrab-85f, ecpix5-45f, "
          "ecpix5-85f, icesugar-pro, icebreaker, hx8k-evn, tang-nano-9k, tang-nano-20k, tang-primer-20k, "
          "arty-a7-35t, arty-a7-100t")
COMMANDS = "quantize, inspect, plan, simulate, compare, generate, build, program, run, boards, doctor"


@pytest.fixture(autouse=True)
def x(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A folder of its own with the tiny network, and three frames for it."""
    monkeypatch.chdir(tmp_path)
    return tiny_inputs()


def test_inspect() -> None:
    code, out, _ = cli("inspect", "tiny.yaml")
    assert code == 0
    assert "network tiny: input [6 x 5 x 2] to scores [1 x 1 x 3]" in out
    found = numbers("inspect", "tiny.yaml")
    assert [layer["name"] for layer in found["layers"]] == ["conv", "pool", "scores"]
    assert found["layers"][0] == {
        "name": "conv", "operator": "conv2d", "runs_on": "chip", "inputs": ["input"],
        "output_shape": [6, 5, 4], "macs": 6 * 5 * 4 * 18,
        "parameters": 4 * 18 + 4, "weight_bytes": 72, "feature_bytes": 120,
        "accumulator_bits": found["layers"][0]["accumulator_bits"], "given_multiplier_bits": 31,
        "multiplier_bits": found["layers"][0]["multiplier_bits"], "origin": "tiny.yaml:7"}
    # 18 products of int8 need at least the bits of one, and at most those of 18 of the largest.
    assert 15 < found["layers"][0]["accumulator_bits"] <= 20
    convolution = gatecast.lower(gatecast.read("tiny.yaml")).layers[0].operator
    multiplier, = {int(each.multiplier.max()) for each in convolution.requantizations}
    assert found["layers"][0]["multiplier_bits"] == multiplier.bit_length() < 31
    assert f"{multiplier.bit_length()} of 31" in out
    assert found["layers"][1]["given_multiplier_bits"] is None
    assert found["macs_per_inference"] == 6 * 5 * 4 * 18 + 3 * 24
    assert found["feature_bytes"] == 60 + 120 + 24 + 3


@pytest.mark.parametrize(("engines", "systolic"), [("folded", 1), ("per-layer", 2), ("2", 2), ("auto", None)])
def test_plan(engines: str, systolic: int | None) -> None:
    found = numbers("plan", "tiny.yaml", "--engines", engines, "--multipliers", "9")
    kinds = [engine["kind"] for engine in found["engines"]]
    assert systolic in (kinds.count("systolic"), None)
    assert set(found["engines"][0]) >= {"name", "kind", "lanes", "columns", "group", "multipliers", "layers"}
    assert sum(engine["multipliers"] for engine in found["engines"]) == found["multipliers"] <= 9
    assert sorted(layer for engine in found["engines"] for layer in engine["layers"]) == [
        "conv", "pool", "scores"]
    assert found["macs_per_inference"] == 6 * 5 * 4 * 18 + 3 * 24
    assert found["multiplier_utilization"] == pytest.approx(
        found["macs_per_inference"] / (found["multipliers"] * found["cycles_per_inference"]))
    assert 0 < found["bottleneck_utilization"] <= 1
    assert found["latency_cycles"] >= found["cycles_per_inference"]
    assert found["memory_bits"] == found["weight_bits"] + found["parameter_bits"] + found["feature_bits"]
    assert found["requantizer_multipliers"] > 0


def test_plan_for_a_person() -> None:
    code, out, err = cli("plan", "tiny.yaml", "--family", "ecp5", "--engines", "folded")
    assert (code, err) == (0, "")
    for text in ("engines for tiny", "systolic_0", "scores", "feature memories", "loops", "bottleneck",
                 "cells", "cycles an inference"):
        assert text in out


def test_keys_are_documented() -> None:
    """All that a program gets, in this order."""
    page = (Path(__file__).parents[1] / "docs/command-line.md").read_text()
    for command, *options in (("plan",), ("plan", "--pareto")):
        row = re.search(rf"^\| `{' '.join((command, *options))}` \| (`network`.*) \|$", page, re.MULTILINE)
        assert row is not None
        keys = re.findall(r"`(\w+)`", re.sub(r"\([^)]*\)", "", row[1]))
        assert keys == list(numbers(command, "tiny.yaml", "--multipliers", "2", *options))


def test_shipped_network_by_name() -> None:
    assert numbers("plan", "digits") == numbers("plan", str(shipped()["digits"]), "--board", "ulx3s-85f")


def test_simulate(x: np.ndarray) -> None:
    found = numbers("simulate", "tiny.yaml", "--multipliers", "9", "--inputs", "x.npz", "--expect", "x.npz",
                    "--simulator", "python")
    assert found["inferences"] == len(x)
    assert (found["mismatches"], found["expected_mismatches"], found["accuracy"]) == (0, 0, 1.0)
    assert found["simulator"] == "python"
    assert len(found["frame_cycles"]) == len(x)
    assert found["frame_cycles"] == found["predicted_frame_cycles"]


def test_simulate_with_stalls_and_waves(x: np.ndarray, tmp_path: Path) -> None:
    np.save("labels.npy", np.zeros(len(x), np.int8))
    code, out, err = cli("simulate", "tiny.yaml", "--multipliers", "9", "--inputs", "x.npz", "--frames", "1",
                         "--simulator", "python", "--stall", "0.5", "--labels", "labels.npy",
                         "--waves", "out.vcd")
    assert (code, err) == (0, "")
    assert "all 3 output values equal the golden model" in out
    assert "with stalls" in out
    assert Path("out.vcd").stat().st_size > 10_000


def test_boards() -> None:
    found = numbers("boards")["boards"]
    assert ", ".join(board["name"] for board in found) == BOARDS
    assert found[3] == {
        "name": "ulx3s-85f", "title": "Radiona ULX3S (LFE5U-85F)", "family": "ecp5", "device": "LFE5U-85F",
        "luts": 83640, "lut_inputs": 4, "ffs": 83640, "multipliers": 156, "multiplier_bits": [18, 18],
        "block_rams": 208, "memory_bits": 208 * 18 * 1024, "lut_ram_bits": 669_120,
        "oscillator_mhz": 25.0, "bitstream": True}
    assert "icebreaker" in cli("boards")[1]


def test_doctor(monkeypatch: pytest.MonkeyPatch) -> None:
    found = numbers("doctor")
    assert "python" in found["simulators"]
    assert all(tool["how_to_get"] for tool in found["tools"])
    monkeypatch.setenv("PATH", "")
    code, out, _ = cli("doctor")
    assert code == 0
    assert "apt-get install iverilog" in out


def test_help_and_version(capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["--help"], ["plan", "--help"], ["--version"]):
        with pytest.raises(SystemExit) as done:
            main(arguments)
        assert done.value.code == 0
    out = capsys.readouterr().out
    assert all(name in out for name in COMMANDS.split(", "))
    assert "gatecast 0." in out


def test_formats_of_waves_are_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["simulate", "--help"])
    assert wave_formats() == "VCD from cxxrtl, verilator and python, FST from icarus"
    assert wave_formats() in " ".join(capsys.readouterr().out.split())
    page = Path(__file__).parents[1] / "docs/command-line.md"
    assert wave_formats() in page.read_text().replace("`", "")


def test_mismatch_with_the_golden_model(x: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    right = golden.run

    def wrong(network: Any, frames: np.ndarray) -> dict[str, np.ndarray]:
        trace = right(network, frames)
        scores = trace["scores"].copy()
        scores[1, 0, 0, 2] = 5 if scores[1, 0, 0, 2] != 5 else 6
        return {**trace, "scores": scores}

    found = right(described(Path()), x)["scores"][1, 0, 0, 2]
    monkeypatch.setattr(golden, "run", wrong)
    arguments = ("simulate", "tiny.yaml", "--multipliers", "9", "--inputs", "x.npz", "--simulator", "python")
    code, out, err = cli(*arguments, "--json")
    assert code == 1
    result = json.loads(out)
    assert result["mismatches"] == 1
    assert result["error"] == (
        "1 of 9 output values differ from the golden model; the first is frame 1, row 0, column 0, "
        f"channel 2: {found} instead of {5 if found != 5 else 6}")
    assert err == f"gatecast: {result['error']}\n"


def test_mismatch_with_expected_outputs(x: np.ndarray) -> None:
    y = np.load("x.npz")["y"].reshape(3, 3)
    y[2, 1] ^= 1
    y[2, 2] ^= 1
    np.save("y.npy", y)
    code, out, _ = cli("simulate", "tiny.yaml", "--multipliers", "9", "--inputs", "x.npz",
                       "--expect", "y.npy", "--simulator", "python", "--json")
    result = json.loads(out)
    assert (code, result["mismatches"], result["expected_mismatches"]) == (1, 0, 2)
    assert result["error"].startswith("2 of 9 output values differ from the expected outputs; the first is "
                                      "frame 2, row 0, column 0, channel 1: ")


def test_unpredicted_cycles(x: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    right = flow.run_events

    def wrong(*arguments: Any, **options: Any) -> Any:
        timeline = right(*arguments, **options)
        first, second, third = timeline.frame_cycles
        return type(timeline)(frame_cycles=(first, second + 1, third), jobs=timeline.jobs)

    monkeypatch.setattr(flow, "run_events", wrong)
    code, out, _ = cli("simulate", "tiny.yaml", "--multipliers", "9", "--inputs", "x.npz",
                       "--simulator", "python", "--json")
    result = json.loads(out)
    second = result["frame_cycles"][1]
    assert (code, result["mismatches"]) == (1, 0)
    assert result["error"] == f"frame 1 left in cycle {second}, the plan predicts {second + 1}"


def test_internal_error(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_arguments: Any, **_options: Any) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(flow, "budget", broken)
    assert refused("plan", "tiny.yaml", code=1) == (
        "this should not happen, please report it: ZeroDivisionError: division by zero; --debug shows where")
    code, _, err = cli("plan", "tiny.yaml", "--debug")
    assert code == 1
    assert "Traceback" in err


def test_quick_commands_load_nothing_slow() -> None:
    script = """
import sys
from gatecast.cli import main
main(["inspect", "digits"])
main(["plan", "digits", "--board", "none"])
slow = {"amaranth.vendor", "amaranth_boards", "gatecast.delivery", "gatecast.report", "cocotb", "serial"}
sys.exit(repr(slow & set(sys.modules)) if slow & set(sys.modules) else 0)
"""
    subprocess.run([sys.executable, "-c", script], check=True, capture_output=True)


def test_module_and_exit_code() -> None:
    done = subprocess.run([sys.executable, "-m", "gatecast", "plan", "digits", "--board", "ulx3s", "--json"],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert done.stderr == f"gatecast: {json.loads(done.stdout)['error']}\n"


def test_reader_that_leaves() -> None:
    with subprocess.Popen([sys.executable, "-m", "gatecast", "boards"], stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert process.stderr.read() == ""
        assert process.wait() == 1
