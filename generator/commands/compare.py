"""``gatecast compare``: every tensor of the RTL against the golden model, layer by layer."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from .. import console, figures
from ..arrays import load_arrays
from ..errors import InputError
from . import trials
from .command import Command, Outcome
from .options import add_budget, add_network, path, planned

if TYPE_CHECKING:
    from ..layer_checks import TensorCheck

__all__ = ["COMPARE"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)
    trials.add_inputs(parser, labels=False)
    parser.add_argument("--reference", metavar="FILE", type=path,
                        help=".npz with tensors from elsewhere by tensor or layer: compared too")
    trials.add_simulator(parser)
    trials.add_stalls(parser)


def _run(arguments: Namespace) -> Outcome:
    """Plan, simulate with probes, compare."""
    # Imported here, because it brings the hardware, which takes a while.
    from ..layer_trial import compare
    network, found = planned(arguments)
    plan = found.plan
    reference = None
    if arguments.reference is not None:
        if arguments.reference.suffix.lower() != ".npz":
            raise InputError(f"{arguments.reference}: found the suffix '{arguments.reference.suffix}', "
                             f"allowed as a reference: .npz, with arrays named by tensor or layer")
        reference = load_arrays(arguments.reference)
    frames, _ = trials.inputs(arguments, arguments.network)
    with console.counting(f"comparing {network.name}", len(frames) if frames.ndim else 0,
                          before=f"building the simulator of {network.name}") as progress:
        trial = compare(plan, frames, network=network, reference=reference, simulator=arguments.simulator,
                        stall=arguments.stall, seed=arguments.seed, progress=progress)
    first = trial.first_wrong
    result: dict[str, Any] = {
        "network": network.name, "simulator": trial.simulator, "inferences": trial.inferences,
        "mismatches": sum(check.mismatches for check in trial.checks),
        "first_wrong": None if first is None else first.layer or first.tensor,
        "checks": [_numbers(check) for check in trial.checks],
        "frame_cycles": list(trial.frame_cycles),
        "predicted_frame_cycles": list(trial.predicted_frame_cycles), "stall": trial.stall,
        "seconds": round(trial.seconds, 3), "build_seconds": round(trial.build_seconds, 3)}
    wrong = sum(not check.exact for check in trial.checks)
    shown = [
        console.table(
            f"tensors of {network.name}", ("layer", "tensor", "found in", "against the", ">values", "result"),
            [(check.layer or "", check.tensor, check.place, check.against, figures.count(check.values),
              check.reason) for check in trial.checks]),
        console.facts("", [
            ("inferences", f"{figures.count(trial.inferences)} in {trial.seconds:.1f} s on "
                           f"{trial.simulator}, after {trial.build_seconds:.1f} s to build the simulator"),
            ("values", f"{figures.count(sum(check.values for check in trial.checks))} compared in "
                       f"{len(trial.checks)} tensors"),
            ("result", "every tensor is exact" if first is None else
             f"{wrong} tensors differ, the first is that of {first.layer or first.tensor}")]),
    ]
    return Outcome(result=result, shown=shown, failure="; ".join(trial.failures) or None)


def _numbers(check: TensorCheck) -> dict[str, Any]:
    """A check as plain data."""
    first = None if check.first is None else {**asdict(check.first), "scale": check.first.scale}
    return {**asdict(check), "first": first, "exact": check.exact}


COMPARE = Command(name="compare", add=_add, run=_run,
                  help="compare every tensor of the simulated accelerator with the golden model")
