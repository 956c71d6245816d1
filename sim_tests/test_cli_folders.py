"""Commands that write build folders and use them: complete, repeatable, never half there."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from cli_runner import cli, numbers, refused, tiny_inputs

from gatecast import delivery, golden, host, toolbox, verilog
from gatecast.commands import build as build_command
from gatecast.errors import CheckError
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.lowering import lower
from gatecast.network_file import load_network, save_network
from gatecast.reader import read
from gatecast.serial_device import Statistics
from gatecast.synthesis import BuildResult
from gatecast.synthesis_report import Resources

GENERATED = ["network.json", "plan.json", "report.html", "settings.json", "tiny.v", "tiny_instantiation.txt",
             "weights.npz"]


@pytest.fixture(autouse=True)
def x(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray:
    """A folder of its own with the tiny network, and three frames for it."""
    monkeypatch.chdir(tmp_path)
    return tiny_inputs()


@pytest.fixture
def bitstream(monkeypatch: pytest.MonkeyPatch) -> None:
    """Synthesis that takes no time and gives no real bitstream."""
    def build(accelerator: Any, board: Any, folder: Path, **options: Any) -> BuildResult:
        (folder / "bitstream.bit").write_bytes(verilog.convert_rtlil(accelerator, "tiny").encode())
        link = FrameLinkParams(input_bytes=60, output_bytes=3, build_id=7, timeout=1000, slots=2)
        return BuildResult(
            board=board.name, bitstream=folder / "bitstream.bit", clock_hz=options["clock_hz"] or 80e6,
            fmax_mhz=99.5, resources=Resources(luts=1000, ffs=900, dsps=9, brams=5), seed=1,
            tried={2: 97.25, 1: 99.5}, slowest="in the accelerator, from a to b",
            seconds={"route": 1.5}, critical_path="", link=link, baud=options["baud"])

    monkeypatch.setattr(delivery, "build_bitstream", build)
    monkeypatch.setattr(build_command, "check_tools", lambda _board: None)


def generate(*options: str) -> dict[str, Any]:
    return numbers("generate", "tiny.yaml", "-o", "out", "--multipliers", "9", *options)


def test_generate(x: np.ndarray) -> None:
    found = generate("--inputs", "x.npz", "--simulator", "python")
    assert sorted(path.name for path in Path("out").iterdir()) == GENERATED
    assert (found["folder"], found["report"]) == ("out", "out/report.html")
    assert (found["simulation"]["mismatches"], found["simulation"]["accuracy"]) == (0, 1.0)
    assert Path("out/tiny.v").read_text().count("module tiny(") == 1
    assert "6 x 5 x 2 (height, width, channel): 60 bytes" in Path("out/tiny_instantiation.txt").read_text()
    assert Path("out/report.html").read_text().startswith("<!DOCTYPE html>")
    settings = json.loads(Path("out/settings.json").read_text())
    assert settings["input"] == {"shape": [6, 5, 2], "scale": 0.5, "zero_point": 3}
    assert (settings["input_bytes"], settings["output_bytes"]) == (60, 3)
    document = json.loads(Path("out/plan.json").read_text())
    assert document["files"] == GENERATED
    assert document["prediction"]["latency_cycles"] == found["latency_cycles"]
    assert document["resources"]["multipliers"] == found["multipliers"]
    network = load_network(Path("out"))
    np.testing.assert_array_equal(golden.run(network, x)["scores"], np.load("x.npz")["y"])


def test_same_input_gives_same_bytes() -> None:
    generate()
    first = {path.name: path.read_bytes() for path in Path("out").iterdir()}
    generate()
    assert {path.name: path.read_bytes() for path in Path("out").iterdir()} == first


def test_foreign_folder() -> None:
    Path("thesis").mkdir()
    Path("thesis/main.tex").touch()
    for command in ("generate", "build"):
        assert refused(command, "tiny.yaml", "-o", "thesis") == (
            f"{Path.cwd()}/thesis is not empty and was not written by Gatecast; "
            f"choose a new or an empty folder")


@pytest.mark.parametrize(("error", "code", "sentence"), [
    (KeyboardInterrupt(), 130, "interrupted"),
    (CheckError("Yosys failed"), 1, "Yosys failed"),
    (OSError(28, "No space left on device"), 1,
     "the system refused: [Errno 28] No space left on device; --debug shows where"),
])
@pytest.mark.parametrize("there", [False, True])
def test_error_while_generating(error: BaseException, code: int, sentence: str, there: bool,
                                monkeypatch: pytest.MonkeyPatch) -> None:
    if there:
        generate()
        Path("out/tiny.v").write_text("old")

    def fail(*_arguments: Any) -> None:
        raise error

    monkeypatch.setattr(verilog, "convert", fail)
    assert refused("generate", "tiny.yaml", "-o", "out", code=code, steps=1) == sentence
    assert not there or Path("out/tiny.v").read_text() == "old"


def test_failed_simulation_leaves_no_folder(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(golden, "run", lambda network, frames: {"scores": np.full((3, 1, 1, 3), 99, np.int8)})
    code, out, _ = cli("generate", "tiny.yaml", "-o", "out", "--multipliers", "9", "--inputs", "x.npz",
                       "--simulator", "python", "--json")
    assert code == 1
    assert "differ from the golden model" in json.loads(out)["error"]
    assert not Path("out").exists()


# Like `python -m gatecast`, but interruptible in the background of a shell too, where SIGINT is ignored.
INTERRUPTIBLE = ("import runpy, signal; signal.signal(signal.SIGINT, signal.default_int_handler); "
                 "runpy.run_module('gatecast', run_name='__main__', alter_sys=True)")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_signal_in_the_middle(number: int) -> None:
    before = sorted(Path().rglob("*"))
    command = [sys.executable, "-c", INTERRUPTIBLE, "generate", "digits", "-o", "a/out"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 60
        while not list(Path().glob("a/.out-*")):
            assert process.poll() is None
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.kill(process.pid, number)
        out, err = process.communicate()
    assert (process.returncode, out, err.splitlines()[-1]) == (130, "", "gatecast: interrupted")
    assert sorted(Path().rglob("*")) == before


@pytest.mark.usefixtures("bitstream")
def test_build() -> None:
    arguments = "build", "tiny.yaml", "-o", "out", "--multipliers", "9", "--clock", "50"
    found = numbers(*arguments)
    assert sorted(path.name for path in Path("out").iterdir()) == ["bitstream.bit", *GENERATED]
    assert found["bitstream"] == "out/bitstream.bit"
    assert (found["clock_mhz"], found["fmax_mhz"]) == (50.0, 99.5)
    assert (found["luts"], found["ffs"], found["dsps"], found["brams"]) == (1000, 900, 9, 5)
    assert found["inferences_per_second"] == pytest.approx(50e6 / found["cycles_per_inference"], abs=0.1)
    # 60 bytes and 6 around them, ten bits each, at a million bits a second.
    assert found["link_inferences_per_second"] == pytest.approx(1e6 / 660, abs=0.1)
    settings = json.loads(Path("out/settings.json").read_text())
    assert (settings["board"], settings["clock_hz"], settings["baud"], settings["build_id"]) == (
        "ulx3s-85f", 50e6, 1_000_000, 7)
    code, out, _ = cli(*arguments)
    assert code == 0
    assert re.search(r"^clock +50\.00 MHz *$", out, re.MULTILINE)
    assert re.search(r"^reached by seeds +97\.25 MHz, 99\.50 MHz *$", out, re.MULTILINE)
    assert "gatecast program out" in out


@pytest.mark.parametrize("missing", ["yosys", "nextpnr-ice40", "icepack"])
def test_build_without_a_tool(missing: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Refused before anything slow starts."""
    def find(name: str) -> toolbox.Tool:
        return toolbox.Tool(name=name, purpose="", version=None if name == missing else "9.9", where="there",
                            how_to_get="a shop")

    monkeypatch.setattr(toolbox, "find", find)
    sentence = refused("build", "tiny.yaml", "-o", "out", "--board", "icebreaker", code=1)
    assert re.fullmatch(f"building for .*iCEBreaker.* needs {missing}(| 0.* or newer), which was not found; "
                        f"get it with a shop", sentence)
    assert not Path("out").exists()


@pytest.mark.usefixtures("bitstream")
def test_program_without_the_tool(monkeypatch: pytest.MonkeyPatch) -> None:
    numbers("build", "tiny.yaml", "-o", "out", "--multipliers", "9")
    monkeypatch.setenv("PATH", "")
    assert refused("program", "out", code=1) == (
        "programming ulx3s-85f needs openFPGALoader, which was not found; get it with "
        "apt-get install openfpgaloader")


@pytest.mark.usefixtures("bitstream")
def test_run_takes_test_images_for_the_shipped_network_only() -> None:
    Path("digits.yaml").write_text(Path("tiny.yaml").read_text().replace("name: tiny", "name: digits"))
    numbers("build", "digits.yaml", "-o", "out", "--multipliers", "9")
    assert refused("run", "out", "--port", "/dev/ttyUSB0") == (
        "found no --inputs, allowed: --inputs FILE with an .npy or .npz file")
    save_network(lower(read("digits")), Path("out"))
    # Its images have been read, and are the first thing that does not fit.
    assert refused("run", "out", "--port", "/dev/ttyUSB0") == (
        "the inputs must be int8 of shape [n, 6, 5, 2], not int8 of shape [364, 8, 8, 1]")


@pytest.mark.usefixtures("bitstream")
def test_run(x: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    numbers("build", "tiny.yaml", "-o", "out", "--multipliers", "9")
    outputs = np.load("x.npz")["y"].copy()

    def run(folder: Path, port: str, inputs: np.ndarray, **_options: Any) -> host.RunResult:
        assert (folder, port) == (Path("out"), "/dev/ttyUSB0")
        np.testing.assert_array_equal(inputs, x)
        return host.RunResult(outputs=outputs, seconds=0.5, statistics=Statistics(sent=5, lost=1, refused=1))

    monkeypatch.setattr(host, "run", run)
    arguments = "run", "out", "--port", "/dev/ttyUSB0", "--inputs", "x.npz"
    assert numbers(*arguments) == {
        "network": "tiny", "inferences": 3, "mismatches": 0, "accuracy": 1.0, "seconds": 0.5,
        "inferences_per_second": 6.0, "sent": 5, "lost": 1, "refused": 1, "damaged": 0}
    right = int(outputs[2, 0, 0, 1])
    outputs[2, 0, 0, 1] ^= 1
    code, out, err = cli(*arguments)
    assert code == 1
    assert "5 packets sent, of them 1 lost and 1 refused" in out
    assert err == ("gatecast: 1 of 9 output values differ from the golden model; the first is frame 2, "
                   f"row 0, column 0, channel 1: {right ^ 1} instead of {right}\n")
