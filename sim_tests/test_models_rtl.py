"""Real networks in RTL: every tensor, every frame's cycle, one engine and several, stalls on both links."""

from __future__ import annotations

from functools import cache, lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from tools import needs

import gatecast
from gatecast.planner.events import run, steady_state
from gatecast.planner.schedule import schedule
from gatecast.planner.search import Engines
from gatecast.simulation.probes import ProbedAccelerator

# Multipliers and engines of two plans each: one engine of each kind, and several systolic ones, whose number
# an int is. Their pace is steady after few frames, which are all simulated.
PLANS: dict[str, tuple[tuple[int, Engines], tuple[int, Engines]]] = {
    "pretrainedResnet_quant": ((32, "folded"), (64, "auto")),
    "kws_ref_model": ((16, "folded"), (48, 4)),
    "vww_96_int8": ((32, "folded"), (72, 2)),
    "ad01_int8": ((32, "folded"), (24, 3)),
    "micro_speech_quantized": ((8, "folded"), (24, 2)),
    "model_magic_wand": ((8, "folded"), (24, 2)),
    "hello_world_int8": ((4, "folded"), (16, 3)),
}
EACH = [pytest.param(model, kind, id=f"{model}-{'folded' if kind == 0 else 'several'}")
        for model in PLANS for kind in (0, 1)]
# Frames of which every tensor is looked at; all of the smallest networks.
FRAMES = {"hello_world_int8": 256, "ad01_int8": 24, "micro_speech_quantized": 8, "model_magic_wand": 8}
STALLED = 3
LONG = 40


@cache
def network(path: Path) -> gatecast.Network:
    return gatecast.read(path)


@cache
def plan(path: Path, kind: int) -> gatecast.Plan:
    multipliers, engines = PLANS[path.stem][kind]
    return gatecast.plan(gatecast.lower(network(path)), gatecast.budget(multipliers=multipliers),
                         engines=engines)


@lru_cache(maxsize=1)
def probed(path: Path, kind: int) -> ProbedAccelerator:
    """The accelerator of a plan, which takes seconds to become RTLIL: made once for its trials."""
    return ProbedAccelerator(gatecast.elaborate(plan(path, kind)))


def vectors(folder: Path, model: str, frames: int) -> dict[str, npt.NDArray[Any]]:
    """Inputs, outputs and tensors as others have them, shaped as the network has them."""
    read = network(folder / f"{model}.tflite")
    with np.load(folder / "vectors" / f"{model}.npz") as file:
        stored = {name: file[name][:frames] for name in file.files if name in {"x", "y", *read.tensors}}
    names = {"x": read.first_input, "y": read.last_output}
    return {name: array.reshape(len(array), *read.tensors[names.get(name, name)].shape)
            for name, array in stored.items()}


def steady_frames(chosen: gatecast.Plan) -> int:
    """Frames after which the plan has taken its steady pace: the last of them make a period."""
    steady = steady_state(schedule(chosen))
    assert steady.periodic
    cycles = run(schedule(chosen), LONG, offered=LONG).frame_cycles
    return next(frame + 1 for frame in range(steady.frames, LONG)
                if cycles[frame] - cycles[frame - steady.frames] == steady.cycles)


@pytest.mark.parametrize(("model", "kind"), EACH)
@needs("cxxrtl")
def test_every_tensor_is_exact(shared_models: Path, model: str, kind: int) -> None:
    known = vectors(shared_models, model, FRAMES.get(model, 4))
    path = shared_models / f"{model}.tflite"
    chosen = plan(path, kind)
    frames = max(len(known["x"]), steady_frames(chosen))
    x = np.resize(known["x"], (frames, *known["x"].shape[1:]))
    trial = gatecast.compare(chosen, x, network=network(path), reference=known, simulator="cxxrtl",
                             accelerator=probed(path, kind))
    assert not trial.failures
    # Every tensor that a feature memory holds has been looked at, and every frame left when predicted.
    assert {check.tensor for check in trial.checks} >= set(chosen.network.tensors)
    assert trial.frame_cycles == trial.predicted_frame_cycles
    stalled = gatecast.compare(chosen, known["x"][:STALLED], network=network(path), reference=known,
                               simulator="cxxrtl", stall=0.4, seed=kind, accelerator=probed(path, kind))
    assert not stalled.failures


@pytest.mark.parametrize("model", ["pretrainedResnet_quant", "kws_ref_model"])
@needs("verilator")
def test_cocotb_on_verilator(shared_models: Path, model: str) -> None:
    path = shared_models / f"{model}.tflite"
    known = vectors(shared_models, model, 3)
    trial = gatecast.simulate(plan(path, 1), known["x"], network=network(path), expect=known["y"],
                              simulator="verilator", stall=0.2, seed=5)
    assert not trial.failures


@needs("cxxrtl")
def test_400_keywords(shared_models: Path) -> None:
    with np.load(shared_models / "vectors" / "kws_ref_model_acc400.npz") as file:
        x, y, label = file["x"], file["y"], file["label"]
    path = shared_models / "kws_ref_model.tflite"
    trial = gatecast.simulate(plan(path, 1), x, network=network(path), expect=y, labels=label,
                              simulator="cxxrtl")
    assert not trial.failures
    assert trial.expected is not None and not trial.expected.mismatches
    assert trial.accuracy == np.mean(y.argmax(axis=1) == label)
