# amaranth: UnusedElaboratable=no
"""The four simulators: the same numbers from each, and every rule of the stream seen to be checked."""

import functools
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest
from stub_accelerator import StubAccelerator
from tools import EACH_SIMULATOR, needs

from gatecast import toolbox
from gatecast.errors import CheckError, InputError
from gatecast.simulation import (
    SIMULATORS,
    WAVE_FORMATS,
    SimulationResult,
    Stimulus,
    available,
    choose,
    simulate,
)
from gatecast.simulation.simulators import TOOLS

STUB = StubAccelerator(6, 3)

# Between them they use all that a stimulus can ask for.
SCENARIOS = {
    "stalls on both links": {"source_stall": 0.4, "sink_stall": 0.3, "seed": 5},
    "a sink that waits for valid": {"sink_stall": 0.2, "sink_waits_for_valid": True, "seed": 6},
    "long gaps and a pause in a frame": {"gaps": {0: 7, 3: 300}, "pauses": {8: 100, 18: 1}},
    "reset in mid-frame": {"reset_after_bytes": 4, "source_stall": 0.1},
    "reset while sending": {"reset_after_bytes": 12, "reset_delay": 5, "sink_stall": 0.5, "seed": 7},
    "reset before the first byte": {"reset_after_bytes": 0},
    "resets of one cycle": {"reset_after_bytes": 13, "reset_delay": 2, "reset_cycles": 1},
    "a wrong mark in the first frame": {"tlast_errors": frozenset({2})},
    "the last mark missing": {"tlast_errors": frozenset({6 * 20 - 1})},
}


def run(simulator: str, fault: str = "none", frames: int = 20, **settings: object) -> SimulationResult:
    stimulus = Stimulus(frames=STUB.frames(frames, fault), output_bytes=3, **settings)
    return simulate(STUB, stimulus, simulator)


@functools.cache
def reference(scenario: str) -> SimulationResult:
    return run("python", **SCENARIOS[scenario])


@pytest.mark.parametrize("simulator", EACH_SIMULATOR)
def test_frames_apart_take_the_cycles_that_the_stub_states(simulator: str) -> None:
    gap = 50
    result = run(simulator, gaps={frame: gap for frame in range(20)})
    assert np.array_equal(result.outputs, STUB.compute(STUB.frames(20)))
    first_to_last = gap + 6
    assert result.frame_cycles == tuple(
        first_to_last * (frame + 1) - 1 + STUB.LATENCY + 2 for frame in range(20))
    assert result.cycles == result.frame_cycles[-1] + 1
    assert not result.tlast_error
    assert result.simulator == simulator


# CXXRTL has a bench of its own; the two behind cocotb share that of the python simulator and start slowly.
COMPARED = [("cxxrtl", scenario) for scenario in SCENARIOS] + [
    (simulator, scenario) for simulator in ("icarus", "verilator")
    for scenario in ("stalls on both links", "a sink that waits for valid", "resets of one cycle")]


@pytest.mark.parametrize(("simulator", "scenario"), [
    pytest.param(simulator, scenario, marks=needs(simulator)) for simulator, scenario in COMPARED])
def test_all_simulators_give_the_same(simulator: str, scenario: str) -> None:
    result, expected = run(simulator, **SCENARIOS[scenario]), reference(scenario)
    assert np.array_equal(result.outputs, expected.outputs)
    assert result.frame_cycles == expected.frame_cycles
    assert (result.cycles, result.tlast_error) == (expected.cycles, expected.tlast_error)


@pytest.mark.parametrize("scenario", SCENARIOS)
def test_every_scenario_gives_the_right_frames(scenario: str) -> None:
    result = reference(scenario)
    assert np.array_equal(result.outputs, STUB.compute(STUB.frames(20)))
    assert result.tlast_error == ("mark" in scenario)


def test_stalls_and_pauses_cost_cycles() -> None:
    plain = run("python")
    for scenario in ("stalls on both links", "a sink that waits for valid"):
        assert reference(scenario).cycles > 1.2 * plain.cycles
    pauses = reference("long gaps and a pause in a frame")
    assert pauses.frame_cycles[0] == plain.frame_cycles[0] + 7
    assert pauses.frame_cycles[3] > pauses.frame_cycles[2] + 300
    # A reset leaves no trace: cycles count from it.
    assert reference("reset before the first byte").frame_cycles == plain.frame_cycles
    for reset_cycles in (1, 4, 9):
        quiet = run("python", reset_after_bytes=16, reset_cycles=reset_cycles)
        assert quiet.frame_cycles == plain.frame_cycles


# One simulator for each implementation of the bench.
BENCHES = ["python", pytest.param("cxxrtl", marks=needs("cxxrtl"))]
RULES = [
    ("valid_falls", 1, "in cycle 10: m_axis_tvalid fell before byte 0 of frame 0 was taken"),
    ("data_changes", 1, "in cycle 10: m_axis_tdata changed while byte 0 of frame 0 waited for m_axis_tready"),
    ("last_changes", 1, "in cycle 10: m_axis_tlast changed while byte 0 of frame 0 waited for m_axis_tready"),
    ("last_missing", 1, "in cycle 13: m_axis_tlast is low at byte 2 of frame 0, which is the last of 3"),
    ("last_early", 1, "in cycle 9: m_axis_tlast is high at byte 0 of frame 0, which is not the last of 3"),
    ("surplus", 1, "in cycle 15: m_axis offers a byte after the last byte of the last frame"),
    ("surplus", 2, "in cycle 15: m_axis_tlast is high at byte 0 of frame 1, which is not the last of 3"),
]


@pytest.mark.parametrize("simulator", BENCHES)
@pytest.mark.parametrize(("fault", "frames", "sentence"), RULES)
def test_each_rule_is_checked(simulator: str, fault: str, frames: int, sentence: str) -> None:
    with pytest.raises(CheckError, match=f"^{simulator}: stream rule broken {re.escape(sentence)}$"):
        run(simulator, fault, frames, sink_waits_for_valid=True, deadline=1000)


# These two run the bench of the python simulator; one sentence shows that its verdict comes back.
@pytest.mark.parametrize("simulator", [
    pytest.param(name, marks=needs(name)) for name in ("icarus", "verilator")])
def test_rules_are_checked_through_cocotb(simulator: str) -> None:
    fault, frames, sentence = RULES[1]
    with pytest.raises(CheckError, match=f"^{simulator}: stream rule broken {re.escape(sentence)}$"):
        run(simulator, fault, frames, sink_waits_for_valid=True, deadline=1000)


@needs("icarus")
@pytest.mark.parametrize(("fault", "sentence"), [
    ("data_unknown", "in cycle 9: m_axis_tdata is X or Z at byte 0 of frame 0"),
    ("valid_unknown", "in cycle 7: m_axis_tvalid is X or Z"),
])
def test_icarus_sees_unknown_bits(fault: str, sentence: str) -> None:
    with pytest.raises(CheckError, match=f"^icarus: stream rule broken {sentence}$"):
        run("icarus", fault)


def test_a_rule_broken_before_the_reset_is_told_as_such() -> None:
    sentence = ("python: stream rule broken in cycle 13, before the reset: m_axis_tlast is low at byte 2 of "
                "frame 0, which is the last of 3")
    with pytest.raises(CheckError, match=f"^{sentence}$"):
        run("python", "last_missing", reset_after_bytes=6, reset_delay=30, sink_waits_for_valid=True)


def test_state_that_survives_reset_shows_in_the_outputs() -> None:
    result = run("python", "survives_reset", frames=2, reset_after_bytes=3, deadline=1000)
    assert not np.array_equal(result.outputs, STUB.compute(STUB.frames(2, "survives_reset")))


@pytest.mark.parametrize("simulator", BENCHES)
@pytest.mark.parametrize(("fault", "settings", "sentence"), [
    ("silent", {}, ": it took 11 of 18 bytes and gave 0 of 9 bytes, 0 of 3 frames"),
    ("deaf", {}, ": it took 1 of 18 bytes and gave 0 of 9 bytes, 0 of 3 frames"),
    ("waits_for_ready", {"sink_waits_for_valid": True},
     ": it took 11 of 18 bytes and gave 0 of 9 bytes, 0 of 3 frames"),
    ("deaf", {"reset_after_bytes": 2},
     ", before the reset: it took 1 of 18 bytes and gave 0 of 9 bytes, 0 of 3 frames"),
])
def test_a_deadlock_ends_at_the_deadline(simulator: str, fault: str, settings: dict, sentence: str) -> None:
    start = f"{simulator}: the accelerator was not done after 400 cycles"
    with pytest.raises(CheckError, match=f"^{start}{sentence}$"):
        run(simulator, fault, frames=3, deadline=400, **settings)


def test_a_legal_run_needs_no_more_than_the_deadline() -> None:
    cycles = run("python", frames=3).cycles
    assert run("python", frames=3, deadline=cycles).cycles == cycles
    with pytest.raises(CheckError, match="gave 8 of 9 bytes, 2 of 3 frames"):
        run("python", frames=3, deadline=cycles - 1)


@pytest.mark.parametrize("simulator", EACH_SIMULATOR)
def test_waves(simulator: str, tmp_path: Path) -> None:
    waves = tmp_path / "new folder" / "waves"
    stimulus = Stimulus(frames=STUB.frames(2, "last_missing"), output_bytes=3)
    with pytest.raises(CheckError, match="m_axis_tlast is low"):
        simulate(STUB, stimulus, simulator, waves=waves)
    # What went wrong is what one wants to see.
    content = waves.read_bytes()
    if WAVE_FORMATS[simulator] == "vcd":
        names = set(re.findall(rb"\$var \S+ \d+ \S+ (\S+)", content))
        assert {b"clk", b"rst", b"busy"} <= names
    else:
        # An FST file begins with a header block (0) of 329 bytes.
        assert content[:9] == b"\0" + (329).to_bytes(8, "big")
    assert list(waves.parent.iterdir()) == [waves]


def test_probes_record_every_cycle() -> None:
    stimulus = Stimulus(frames=STUB.frames(2), output_bytes=3, gaps={1: 20}, reset_after_bytes=3)
    result = simulate(STUB, stimulus, probes={"busy": STUB.busy, "valid": STUB.m_axis.tvalid})
    assert result.simulator == "python"
    busy = result.probes["busy"]
    # From two cycles after the last byte in, to the last byte out.
    starts = [5 + 2, 5 + 20 + 6 + 2]
    assert [cycle for cycle in range(1, len(busy)) if busy[cycle] > busy[cycle - 1]] == starts
    assert [cycle for cycle in range(1, len(busy)) if busy[cycle] < busy[cycle - 1]] == [
        cycle + 1 for cycle in result.frame_cycles]
    assert sum(result.probes["valid"]) == 6


@pytest.mark.parametrize("simulator", ["python", pytest.param("icarus", marks=needs("icarus"))])
def test_progress_counts_frames(simulator: str) -> None:
    seen: list[int] = []
    stimulus = Stimulus(frames=STUB.frames(1000), output_bytes=3)
    simulate(STUB, stimulus, simulator, progress=seen.append)
    assert seen == sorted(seen)
    assert 0 < seen[-1] <= 1000


@needs("cxxrtl")
def test_interruption_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run("cxxrtl", frames=1)
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    waves = tmp_path / "waves" / "waves.vcd"

    def interrupt(frames: int) -> None:
        raise KeyboardInterrupt

    # A deadlock that would last for minutes.
    stimulus = Stimulus(frames=STUB.frames(1, "silent"), output_bytes=3, deadline=10**10)
    with pytest.raises(KeyboardInterrupt):
        simulate(STUB, stimulus, "cxxrtl", progress=interrupt)
    with pytest.raises(KeyboardInterrupt):
        simulate(STUB, Stimulus(frames=STUB.frames(9), output_bytes=3), "python", waves=waves,
                 progress=interrupt)
    assert list(tmp_path.iterdir()) == []
    running = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout
    assert str(tmp_path) not in running


def test_auto_takes_the_fastest_present(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    assert set(available()) <= set(SIMULATORS)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert available() == ("python",)
    assert choose("auto") == "python"
    (tmp_path / "g++").write_text("#!/bin/sh\necho g++ 12.2.0\n")
    (tmp_path / "g++").chmod(0o755)
    assert choose("auto") == "cxxrtl"


@pytest.mark.parametrize(("simulator", "sentence"), [
    ("cxxrtl", "the simulator cxxrtl needs c++, which was not found; get it with apt-get install g++"),
    ("icarus",
     "the simulator icarus needs icarus, which was not found; get it with apt-get install iverilog"),
])
def test_a_missing_tool_is_named(simulator: str, sentence: str, monkeypatch: pytest.MonkeyPatch,
                                 tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    # Only programs are missing then; packages are there, wherever the tests run.
    monkeypatch.setattr(toolbox, "_in_package", lambda name, source: ("1", "/") if source.package else None)
    with pytest.raises(CheckError, match=f"^{re.escape(sentence)}$"):
        run(simulator)


def test_no_such_simulator() -> None:
    sentence = "found the simulator 'modelsim', allowed: auto, cxxrtl, verilator, icarus, python"
    with pytest.raises(InputError, match=f"^{sentence}$"):
        run("modelsim")
    with pytest.raises(InputError, match=r"^probes need the simulator python; cxxrtl cannot record them$"):
        simulate(STUB, Stimulus(frames=STUB.frames(1), output_bytes=3), "cxxrtl", probes={"busy": STUB.busy})


def test_every_tool_of_a_simulator_is_known() -> None:
    assert {tool for tools in TOOLS.values() for tool in tools} <= {tool.name for tool in toolbox.tools()}
    assert set(TOOLS) == set(SIMULATORS) == set(WAVE_FORMATS)


@needs("cxxrtl")
def test_a_failing_compiler_is_told_and_leaves_nothing(tmp_path: Path,
                                                       monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "g++").write_text(
        "#!/bin/sh\necho g++ 1.0\n[ $1 = --version ] || { echo 'x.cc:1: error: no'; exit 3; }\n")
    (tmp_path / "g++").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path / "cache"))
    with pytest.raises(CheckError, match=r"^the C\+\+ compiler failed with exit code 3: x.cc:1: error: no$"):
        run("cxxrtl")
    assert list((tmp_path / "cache" / "cxxrtl").iterdir()) == []
