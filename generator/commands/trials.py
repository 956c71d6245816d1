"""Simulations that commands start: their options, their inputs, and how their results are shown."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from typing import Any

import numpy.typing as npt
from rich.table import Table

from gatecast.networks import test_inputs

from .. import console, figures, flow
from ..arrays import load_arrays
from ..errors import InputError
from ..network import Network
from ..planner import Plan
from .options import natural, path, positive, share

__all__ = ["add_inputs", "add_simulator", "add_stalls", "facts", "inputs", "result", "try_out"]

Array = npt.NDArray[Any]


def add_inputs(parser: ArgumentParser, *, labels: bool = True) -> None:
    """--inputs, --labels, --frames."""
    parser.add_argument("--inputs", metavar="FILE", type=path,
                        help=".npy, or .npz with x and perhaps label: [n, height, width, channels], int8 or "
                             "float32, as the network takes it (default: the test images of a shipped "
                             "network)")
    if labels:
        parser.add_argument("--labels", metavar="FILE", type=path,
                            help=".npy, or .npz with label: the class of each input, for the accuracy")
    parser.add_argument("--frames", metavar="N", type=positive, help="use the first N inputs only")


def add_simulator(parser: ArgumentParser) -> None:
    """--simulator."""
    parser.add_argument("--simulator", metavar="S", default="auto",
                        help="auto, cxxrtl, verilator, icarus or python (default: auto, the fastest present)")


def add_stalls(parser: ArgumentParser) -> None:
    """--stall, --seed."""
    parser.add_argument("--stall", metavar="P", type=share, default=0.0,
                        help="share of cycles in which either link stalls, from 0 to below 1 (default: 0)")
    parser.add_argument("--seed", metavar="N", type=natural, default=0, help="of the stalls (default: 0)")


def inputs(arguments: Namespace, name: str) -> tuple[Array, Array | None]:
    """Inputs and labels that the options ask for; without any, those of the shipped network ``name``.

    Any other name has none.
    """
    file = arguments.inputs or test_inputs(name)
    if file is None:
        raise InputError("found no --inputs, allowed: --inputs FILE with an .npy or .npz file")
    arrays = load_arrays(file, "x")
    frames, labels = arrays["x"], arrays.get("label")
    if getattr(arguments, "labels", None) is not None:
        labels = load_arrays(arguments.labels, "label")["label"]
    limit = arguments.frames
    if limit is not None and frames.ndim:
        if limit > len(frames):
            raise InputError(f"--frames must be at most {len(frames)}, the number of frames in {file.name}, "
                             f"not {limit}")
        frames = frames[:limit]
        labels = labels[:limit] if labels is not None and labels.ndim else labels
    return frames, labels


def try_out(arguments: Namespace, network: Network, plan: Plan, **options: Any) -> flow.Trial:
    """Simulate ``plan`` as the options say; ``options`` go on to :func:`gatecast.flow.simulate`."""
    frames, labels = inputs(arguments, arguments.network)
    with console.counting(f"simulating {network.name}", len(frames) if frames.ndim else 0,
                          before=f"building the simulator of {network.name}") as progress:
        return flow.simulate(plan, frames, network=network, labels=labels, simulator=arguments.simulator,
                             progress=progress, **options)


def result(trial: flow.Trial) -> dict[str, Any]:
    """A trial as plain data."""
    found: dict[str, Any] = {
        "simulator": trial.simulator,
        "inferences": len(trial.outputs),
        "mismatches": trial.golden.mismatches,
        "frame_cycles": list(trial.frame_cycles),
        "predicted_frame_cycles": list(trial.predicted_frame_cycles),
        "stall": trial.stall,
        "seconds": round(trial.seconds, 3),
        "build_seconds": round(trial.build_seconds, 3),
    }
    if trial.expected is not None:
        found["expected_mismatches"] = trial.expected.mismatches
    if trial.accuracy is not None:
        found["accuracy"] = trial.accuracy
    return found


def facts(trial: flow.Trial) -> Table:
    """A trial for a person."""
    last, predicted = trial.frame_cycles[-1], trial.predicted_frame_cycles[-1]
    pairs = [
        ("inferences", f"{figures.count(len(trial.outputs))} in {trial.seconds:.1f} s on {trial.simulator}, "
                       f"after {trial.build_seconds:.1f} s to build the simulator"),
        ("golden model", str(trial.golden)),
    ]
    if trial.expected is not None:
        pairs.append(("expected outputs", str(trial.expected)))
    if trial.accuracy is not None:
        pairs.append(("accuracy", figures.percent(trial.accuracy, 2)))
    if trial.stall:
        pairs.append(("cycles", f"{figures.count(last)} with stalls, {figures.count(predicted)} without"))
    elif trial.frame_cycles == trial.predicted_frame_cycles:
        pairs.append(("cycles", f"{figures.count(last)}, every frame when predicted"))
    else:
        pairs.append(("cycles", f"{figures.count(last)}, {figures.count(predicted)} predicted"))
    return console.facts("simulation", pairs)
