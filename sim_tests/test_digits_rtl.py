"""The digits network in RTL: three kinds of plan, four simulators, real images."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from tools import needs

from gatecast import golden, networks
from gatecast.elaboration import elaborate
from gatecast.hdl.accelerator import Accelerator
from gatecast.lowering import lower
from gatecast.planner import Budget, Plan, plan, predict
from gatecast.planner.events import run
from gatecast.planner.schedule import schedule
from gatecast.planner.search import Engines
from gatecast.reader import read
from gatecast.simulation import SimulationResult, Stimulus, simulate

KINDS: tuple[Engines, ...] = ("folded", "per-layer", 2)
# Cycles for each frame, far more than any of these takes without a deadlock.
DEADLINE = 25_000
COMPILED = pytest.param("cxxrtl", marks=needs("cxxrtl"))
SIMULATORS = tuple(pytest.param(simulator, marks=needs(simulator)) for simulator in ("icarus", "verilator"))


@cache
def digits(kind: Engines) -> Plan:
    return plan(lower(read("digits")), Budget(multipliers=48), engines=kind)


@cache
def accelerator(kind: Engines) -> Accelerator:
    """Made once: RTLIL of the same accelerator is made once too."""
    return elaborate(digits(kind))


@cache
def images() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """All test images as frames, the scores that the golden model gives them, and their labels."""
    path = networks.test_inputs("digits")
    assert path is not None
    with np.load(path) as held_back:
        x, label = held_back["x"], held_back["label"]
    network = read("digits")
    return x.reshape(len(x), -1), golden.run(network, x)[network.output].reshape(len(x), -1), label


def simulate_digits(kind: Engines, simulator: str, frames: int, **stimulus: object) -> SimulationResult:
    """The first ``frames`` images, checked against the golden model."""
    x, scores, _ = images()
    result = simulate(accelerator(kind), Stimulus(
        frames=x[:frames], output_bytes=accelerator(kind).output_bytes,
        deadline=DEADLINE * (frames + 2), **stimulus), simulator, name="digits")
    np.testing.assert_array_equal(result.outputs, scores[:frames])
    return result


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("simulator", SIMULATORS)
def test_cocotb_with_stalls(kind: Engines, simulator: str) -> None:
    simulate_digits(kind, simulator, 2 if simulator == "icarus" else 4, source_stall=0.4, sink_stall=0.4,
                    seed=1)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("simulator", (*SIMULATORS, COMPILED))
def test_predicted_cycles(kind: Engines, simulator: str) -> None:
    """Completion cycles of all frames; but in the slowest simulator, of more than it takes to be steady."""
    frames = 3 if simulator == "icarus" else 24
    result = simulate_digits(kind, simulator, frames)
    assert result.frame_cycles == run(schedule(digits(kind)), frames, offered=frames).frame_cycles
    steady = np.diff(run(schedule(digits(kind)), 24).frame_cycles)[-8:]
    assert steady.mean() == predict(digits(kind)).cycles_per_inference


@pytest.mark.parametrize("kind", KINDS)
def test_the_bottleneck_never_rests(kind: Engines) -> None:
    """No cycles are lost between jobs, rows or frames: the busiest engine has a job in at least 97 %."""
    prediction = predict(digits(kind))
    assert prediction.occupied[prediction.bottleneck] >= 0.97 * prediction.cycles_per_inference


def test_kinds_of_plan() -> None:
    def systolic(kind: Engines) -> list[int]:
        return sorted(len(engine.layers) for engine in digits(kind).engines if engine.kind == "systolic")

    assert systolic("folded") == [4]
    assert systolic("per-layer") == [1, 1, 1, 1]
    assert len(systolic(2)) == 2 and sum(systolic(2)) == 4
    assert len(digits("folded").engines) == 2


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
def test_all_images(kind: Engines) -> None:
    x, scores, label = images()
    result = simulate_digits(kind, "cxxrtl", len(x))
    assert (result.outputs.argmax(axis=1) == label).mean() == (scores.argmax(axis=1) == label).mean() >= 0.97


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
def test_one_frame_alone_comes_out_whole(kind: Engines) -> None:
    result = simulate_digits(kind, "cxxrtl", 1)
    assert result.frame_cycles == run(schedule(digits(kind)), 1, offered=1).frame_cycles


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
def test_two_frames_with_a_long_gap(kind: Engines) -> None:
    """The second one runs as the first did: nothing of it is left."""
    gap = 50_000
    first, second = simulate_digits(kind, "cxxrtl", 2, gaps={1: gap}).frame_cycles
    alone, = run(schedule(digits(kind)), 1, offered=1).frame_cycles
    assert first == alone
    assert 0 < second - gap < 2 * alone


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
def test_input_stops_at_any_byte(kind: Engines) -> None:
    """In frame i the input stops before byte i, for longer than everything under way takes to drain."""
    size = images()[0].shape[1]
    pause = 2 * predict(digits(kind)).latency_cycles
    simulate_digits(kind, "cxxrtl", size, pauses={frame * size + frame: pause for frame in range(size)})


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("sent", (1, 63, 64, 100, 64 * 5 + 7))
def test_reset_in_mid_frame(kind: Engines, sent: int) -> None:
    result = simulate_digits(kind, "cxxrtl", 6, reset_after_bytes=sent, reset_delay=37 * sent % 1000)
    assert result.frame_cycles == run(schedule(digits(kind)), 6, offered=6).frame_cycles


@needs("cxxrtl")
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("lazy", (False, True))
def test_heavy_stalls(kind: Engines, lazy: bool) -> None:
    for seed in range(4):
        simulate_digits(kind, "cxxrtl", 20, source_stall=0.9 * (seed % 2), sink_stall=0.9 * (seed // 2),
                        seed=seed, sink_waits_for_valid=lazy)


@needs("cxxrtl")
def test_wrong_tlast_changes_nothing_but_its_flag() -> None:
    assert not simulate_digits("folded", "cxxrtl", 3).tlast_error
    for byte in (0, 63, 64, 100):
        assert simulate_digits("folded", "cxxrtl", 3, tlast_errors=frozenset({byte})).tlast_error


@needs("cxxrtl", "icarus", "verilator")
def test_all_simulators_agree() -> None:
    results = [simulate_digits(2, simulator, 3, source_stall=0.2, sink_stall=0.3, seed=5)
               for simulator in ("python", "cxxrtl", "icarus", "verilator")]
    assert len({result.frame_cycles for result in results}) == 1
    assert len({result.outputs.tobytes() for result in results}) == 1
