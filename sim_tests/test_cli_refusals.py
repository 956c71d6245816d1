"""What the command line refuses, in full sentences, with exit code 2 and nothing left behind."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from cli_runner import cli, refused, tiny_inputs
from tiny_description import ARRAYS, changed

from gatecast.networks import shipped

BOARDS = ("ulx3s-12f, ulx3s-25f, ulx3s-45f, ulx3s-85f, orangecrab-25f, orangecrab-85f, ecpix5-45f, "
          "ecpix5-85f, icesugar-pro, icebreaker, hx8k-evn, tang-nano-9k, tang-nano-20k, tang-primer-20k, "
          "arty-a7-35t, arty-a7-100t")
COMMANDS = "quantize, inspect, plan, simulate, compare, generate, build, program, run, boards, doctor"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder of its own with the tiny network, and inputs for it."""
    monkeypatch.chdir(tmp_path)
    tiny_inputs()


@pytest.mark.parametrize(("arguments", "sentence"), [
    (["plann"], f"found the command 'plann' (did you mean 'plan'?), allowed: {COMMANDS}"),
    (["plan"], "the following arguments are required: NETWORK; see `gatecast plan --help`"),
    (["plan", "digits", "--bord", "x"], "unrecognized arguments: --bord x; see `gatecast --help`"),
    (["plan", "digit"],
     "found the network 'digit' (did you mean 'digits'?), allowed: the path of a .yaml, .yml, .tflite or "
     f".onnx file, or a shipped network: {', '.join(shipped())}"),
    (["inspect", ""],
     "found no name of a network, allowed: the path of a .yaml, .yml, .tflite or .onnx file, or a shipped "
     f"network: {', '.join(shipped())}"),
    (["compare", "digits", "--reference", "x.npy"],
     "x.npy: found the suffix '.npy', allowed as a reference: .npz, with arrays named by tensor or layer"),
    (["plan", "digits", "--board", "ulx3s"],
     f"found the board 'ulx3s' (did you mean 'ulx3s-85f'?), allowed: {BOARDS}"),
    (["plan", "digits", "--family", "ecp"],
     "found the family 'ecp' (did you mean 'ecp5'?), allowed: ecp5, ice40, gowin, xc7"),
    (["plan", "digits", "--family", "ecp5", "--board", "ulx3s-85f"],
     "argument --board: not allowed with argument --family; see `gatecast plan --help`"),
    (["plan", "digits", "--multipliers", "0"],
     "argument --multipliers: must be an integer from 1 to 1,000,000,000, not '0'; see "
     "`gatecast plan --help`"),
    (["plan", "digits", "--engines", "many"],
     "argument --engines: must be folded, per-layer, auto or a number of systolic engines, not 'many'; "
     "see `gatecast plan --help`"),
    (["plan", "digits", "--engines", "9"],
     "network 'digits' has 4 layers for systolic engines, so engines must be from 1 to 4, not 9"),
    (["plan", "digits", "--multipliers", "1", "--engines", "2"],
     "network 'digits' needs at least 2 multipliers for engines '2', board ulx3s-85f allows 1; give it "
     "--multipliers 2"),
    (["build", "digits", "--board", "arty-a7-35t", "-o", "out"],
     "found the board 'arty-a7-35t', for which there is no bitstream yet, allowed: ulx3s-12f, ulx3s-25f, "
     "ulx3s-45f, ulx3s-85f, icebreaker, hx8k-evn; or use `gatecast generate` and a top of your own"),
    (["build", "digits", "--clock", "fast", "-o", "out"],
     "argument --clock: must be a number of MHz from 1 to 1000, not 'fast'; see `gatecast build --help`"),
    (["simulate", "tiny.yaml"], "found no --inputs, allowed: --inputs FILE with an .npy or .npz file"),
    (["simulate", "digits", "--stall", "1"],
     "argument --stall: must be a number from 0 to below 1, not '1'; see `gatecast simulate --help`"),
    (["simulate", "digits", "--seed", "x"],
     "argument --seed: must be an integer from 0 to 1,000,000,000, not 'x'; see `gatecast simulate --help`"),
    (["simulate", "digits", "--simulator", "verilog"],
     "found the simulator 'verilog' (did you mean 'verilator'?), allowed: auto, cxxrtl, verilator, icarus, "
     "python"),
    (["simulate", "digits", "--frames", "1000"],
     "--frames must be at most 364, the number of frames in digits_test.npz, not 1000"),
    (["simulate", "digits", "--inputs", "tiny.npz"],
     "tiny.npz: found the arrays conv/weights, conv/bias, conv/scales, scores/weights, scores/bias, "
     "scores/scales, allowed: one that is called 'x'"),
    (["simulate", "digits", "--inputs", "none.npz"],
     "none.npz: cannot be read (No such file or directory), allowed: a readable .npy or .npz file"),
    (["generate", "digits", "-o", "out", "--labels", "x.npy"],
     "found --labels without --inputs, allowed: --inputs FILE or --frames N with it"),
    (["program", "out"], "out holds no build for a board; make one with `gatecast build`"),
    (["run", "out", "--port", "/dev/null"],
     "out holds no network.json; make the folder with `gatecast generate` or `gatecast build`"),
])
def test_refused(arguments: list[str], sentence: str) -> None:
    assert refused(*arguments) == sentence


def test_a_network_that_is_too_large_for_a_board() -> None:
    """Counted before anything is searched."""
    sentence = refused("generate", "lenet5", "--board", "icebreaker", "-o", "out")
    assert re.fullmatch(r"the leanest plan found for network 'lenet5' stores 5\d\d Kbit, "
                        r"48\d of them weights, board icebreaker has 219 in block RAMs and LUTs; "
                        r"a Radiona ULX3S \(LFE5U-12F\) would do \(--board ulx3s-12f\)", sentence)


def test_no_command() -> None:
    code, out, err = cli()
    assert (code, out) == (2, "")
    assert err.startswith("usage: gatecast")
    assert err.endswith(f"gatecast: found no command, allowed: {COMMANDS}\n")


@pytest.mark.parametrize(("text", "sentence"), [
    (changed("    kernel: 3\n", "    kernl: 3\n"),
     "tiny.yaml:9: layer 'conv': found the unknown key 'kernl' (did you mean 'kernel'?), allowed: name, "
     "operator, input, channels, kernel, stride, padding, dilation, groups, activation, quantization, "
     "weights, bias, scales, multiplier, inputs"),
    (changed("weights: tiny.npz", "weights: none.npz"),
     "tiny.yaml:2: weights: found no file none.npz beside the description, allowed: the name of an "
     "existing .npz file"),
    (changed("channels: 3\n", "channels: 3\n    input: conv\n"),
     "tiny.yaml:17: layer 'scores': weights: found int8 [3, 24] in 'scores/weights' of tiny.npz, "
     "allowed: int8 [3, 120] (channels, input values)"),
    (changed("    kernel: 3\n    channels: 4\n    padding: same\n",
             "    kernel: 7\n    channels: 4\n    weights: big\n"),
     "tiny.yaml:7: layer 'conv': kernel of extent 7x7 is larger than its padded input 6x5, use a smaller "
     "kernel or more padding"),
], ids=["key", "weights", "chain", "kernel"])
@pytest.mark.parametrize("command", ["inspect", "plan", "generate -o out", "build -o out"])
def test_description_refused(text: str, sentence: str, command: str) -> None:
    Path("tiny.yaml").write_text(text)
    np.savez("tiny.npz", **ARRAYS, big=np.zeros((4, 7, 7, 2), np.int8))
    name, *options = command.split()
    assert refused(name, "tiny.yaml", *options) == sentence


@pytest.mark.parametrize(("inputs", "sentence"), [
    (np.zeros((2, 8, 8, 1)),
     "the inputs must be int8 of shape [n, 6, 5, 2] or [n, 60], not float64 of shape [2, 8, 8, 1]; "
     "quantize them with scale 0.5 and zero point 3"),
    (np.zeros((2, 8, 8, 1), np.int8),
     "the inputs must be int8 of shape [n, 6, 5, 2] or [n, 60], not int8 of shape [2, 8, 8, 1]"),
    (np.int8(1), "the inputs must be int8 of shape [n, 6, 5, 2] or [n, 60], not int8 of shape []"),
    (np.full((2, 60), 200, np.uint8), "the inputs must lie in [-128, 127], not in [200, 200]; quantize them "
                                      "with scale 0.5 and zero point 3"),
])
def test_inputs_refused(inputs: np.ndarray, sentence: str) -> None:
    np.save("inputs.npy", inputs)
    assert refused("simulate", "tiny.yaml", "--inputs", "inputs.npy") == sentence


def test_expected_outputs_and_labels_refused() -> None:
    np.save("one.npy", np.zeros((1, 3), np.int8))
    arguments = "simulate", "tiny.yaml", "--inputs", "x.npz"
    assert refused(*arguments, "--expect", "one.npy") == (
        "the expected outputs must be 3 frames like the inputs, not 1")
    np.save("labels.npy", np.array([0, 1, 3]))
    assert refused(*arguments, "--labels", "labels.npy") == (
        "labels must lie in [0, 2], or be -1 where the class is not known, not in [0, 3]")


@pytest.mark.parametrize("file", ["tiny.yaml", "x.npz"])
def test_waves_over_a_file_that_is_read(file: str) -> None:
    before = Path(file).read_bytes()
    assert refused("simulate", "tiny.yaml", "--inputs", "x.npz", "--waves", f"./{file}") == (
        f"{file}: found a file that is read too, allowed for --waves: a file of its own")
    assert Path(file).read_bytes() == before


@pytest.mark.parametrize(("path", "sentence"), [
    ("x.npz/a", "{path} cannot be written, {here}/x.npz is no folder; choose another folder"),
    ("/dev/null/b/a", "{path} cannot be written, /dev/null is no folder; choose another folder"),
    ("/proc/a", "{path} cannot be written, /proc gives no leave to; choose another folder"),
    ("a" * 300, "{path} cannot be written (file name too long); choose another file"),
])
@pytest.mark.parametrize("option", ["-o .json", "--pareto .svg"])
def test_outputs_where_no_file_can_be(option: str, path: str, sentence: str) -> None:
    """Before anything is planned, and by the name that was given."""
    if path.startswith("/proc") and not Path("/proc/self").exists():
        pytest.skip("this system has no /proc")
    option, suffix = option.split()
    path += suffix
    assert refused("plan", "tiny.yaml", option, path) == sentence.format(path=path, here=Path.cwd())


def test_waves_where_no_file_can_be() -> None:
    tiny_inputs()
    Path("folder").mkdir()
    assert refused("simulate", "tiny.yaml", "--inputs", "x.npz", "--waves", "folder") == (
        "folder is a folder; choose a file")
