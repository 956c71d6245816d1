"""``gatecast simulate``: the RTL of a plan on real inputs, against the golden model, cycle by cycle."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from pathlib import Path
from typing import Any

import numpy.typing as npt
from gatecast.networks import test_inputs

from .. import console, flow
from ..arrays import load_arrays
from ..errors import InputError
from ..planner import predict
from .options import add_budget, add_network, count, planned, share
from .outcome import Outcome

__all__ = ["HELP", "NAME", "add", "add_inputs", "inputs", "run"]

NAME = "simulate"
HELP = "simulate the accelerator on inputs and compare with the golden model"

Array = npt.NDArray[Any]


def add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)
    add_inputs(parser)
    parser.add_argument("--expect", metavar="FILE", type=Path,
                        help=".npy, or .npz with y: outputs from elsewhere to compare with too")
    parser.add_argument("--simulator", metavar="S", default="auto",
                        help="auto, cxxrtl, verilator, icarus or python (default: auto, the fastest present)")
    parser.add_argument("--stall", metavar="P", type=share, default=0.0,
                        help="share of cycles in which either link stalls, from 0 to below 1 (default: 0)")
    parser.add_argument("--seed", metavar="N", type=count, default=1, help="of the stalls (default: 1)")
    parser.add_argument("--waves", metavar="FILE", type=Path,
                        help="write all signals: VCD from python and cxxrtl, FST from icarus and verilator")


def add_inputs(parser: ArgumentParser) -> None:
    """--inputs, --labels, --frames."""
    parser.add_argument("--inputs", metavar="FILE", type=Path,
                        help=".npy, or .npz with x and perhaps label: int8 [n, height, width, channels] "
                             "(default: the test images of a shipped network)")
    parser.add_argument("--labels", metavar="FILE", type=Path,
                        help=".npy, or .npz with label: the class of each input, for the accuracy")
    parser.add_argument("--frames", metavar="N", type=count, help="use the first N inputs only")


def inputs(arguments: Namespace, name: str) -> tuple[Array, Array | None]:
    """Inputs and labels that the options ask for; without any, those of the shipped network ``name``."""
    path = arguments.inputs or test_inputs(name)
    if path is None:
        raise InputError("found no --inputs, allowed: --inputs FILE with an .npy or .npz file")
    arrays = load_arrays(path, "x")
    frames, labels = arrays["x"], arrays.get("label")
    if arguments.labels is not None:
        labels = load_arrays(arguments.labels, "label")["label"]
    if arguments.frames is not None:
        if frames.ndim and arguments.frames > len(frames):
            raise InputError(f"--frames must be at most {len(frames)}, the number of frames in {path.name}, "
                             f"not {arguments.frames}")
        frames = frames[:arguments.frames] if frames.ndim else frames
        labels = labels[:arguments.frames] if labels is not None and labels.ndim else labels
    return frames, labels


def run(arguments: Namespace) -> Outcome:
    """Plan, simulate, compare."""
    network, plan = planned(arguments)
    frames, labels = inputs(arguments, arguments.network)
    expect = None
    if arguments.expect is not None:
        expect = load_arrays(arguments.expect, "y")["y"]
        if arguments.frames is not None and expect.ndim:
            expect = expect[:arguments.frames]
    with console.counting(f"simulating {network.name}", len(frames) if frames.ndim else 0) as progress:
        trial = flow.simulate(plan, frames, network=network, labels=labels, expect=expect,
                              simulator=arguments.simulator, stall=arguments.stall, seed=arguments.seed,
                              waves=arguments.waves, progress=progress)
    prediction = predict(plan)
    result: dict[str, Any] = {
        "network": network.name,
        "simulator": trial.simulator,
        "inferences": len(trial.outputs),
        "mismatches": trial.golden.mismatches,
        "frame_cycles": list(trial.frame_cycles),
        "predicted_frame_cycles": list(trial.predicted_frame_cycles),
        "predicted_cycles_per_inference": prediction.cycles_per_inference,
        "stall": trial.stall,
        "simulation_seconds": round(trial.seconds, 3),
        "build_seconds": round(trial.build_seconds, 3),
    }
    if trial.expected is not None:
        result["expected_mismatches"] = trial.expected.mismatches
    if trial.accuracy is not None:
        result["accuracy"] = trial.accuracy
    return Outcome(result=result, shown=[_facts(trial, prediction.cycles_per_inference)],
                   failure="; ".join(trial.failures) or None)


def _facts(trial: flow.Trial, cycles_per_inference: float) -> Any:
    last, predicted = trial.frame_cycles[-1], trial.predicted_frame_cycles[-1]
    equal = trial.frame_cycles == trial.predicted_frame_cycles
    pairs = [
        ("inferences", f"{console.number(len(trial.outputs))} on {trial.simulator} in {trial.seconds:.1f} s, "
                       f"{trial.build_seconds:.1f} s to build the simulator"),
        ("golden model", str(trial.golden)),
    ]
    if trial.expected is not None:
        pairs.append(("expected outputs", str(trial.expected)))
    if trial.accuracy is not None:
        pairs.append(("accuracy", f"{100 * trial.accuracy:.2f} %"))
    if trial.stall:
        pairs.append(("cycles", f"{console.number(last)} with stalls, {console.number(predicted)} without"))
    else:
        verdict = "as predicted for every frame" if equal else f"{console.number(predicted)} predicted"
        pairs.append(("cycles", f"{console.number(last)}, {verdict}"))
    pairs.append(("cycles an inference", f"{console.number(cycles_per_inference, 1)} in the steady state"))
    return console.facts("", pairs)
