"""``gatecast simulate``: the RTL of a plan on real inputs, against the golden model, cycle by cycle."""

from __future__ import annotations

import os
from argparse import ArgumentParser, Namespace

from ..arrays import load_arrays
from ..errors import InputError
from ..simulation import WAVE_FORMATS
from . import trials
from .command import Command, Outcome
from .options import add_budget, add_network, path, planned

__all__ = ["SIMULATE", "wave_formats"]


def _add(parser: ArgumentParser) -> None:
    """Declare the options."""
    add_network(parser)
    add_budget(parser)
    trials.add_inputs(parser)
    parser.add_argument("--expect", metavar="FILE", type=path,
                        help=".npy, or .npz with y: outputs from elsewhere to compare with too")
    trials.add_simulator(parser)
    trials.add_stalls(parser)
    parser.add_argument("--waves", metavar="FILE", type=path,
                        help=f"write all signals: {wave_formats()}")


def wave_formats() -> str:
    """Which simulators write which format, for people."""
    writers: dict[str, list[str]] = {}
    for simulator, name in WAVE_FORMATS.items():
        writers.setdefault(name.upper(), []).append(simulator)
    return ", ".join(f"{name} from {' and '.join(filter(None, [', '.join(rest), last]))}"
                     for name, (*rest, last) in writers.items())


def _run(arguments: Namespace) -> Outcome:
    """Plan, simulate, compare."""
    if arguments.waves is not None:
        _keep(arguments)
    network, found = planned(arguments)
    plan = found.plan
    expect = None
    if arguments.expect is not None:
        expect = load_arrays(arguments.expect, "y")["y"]
        expect = expect[:arguments.frames] if expect.ndim else expect
    trial = trials.try_out(arguments, network, plan, expect=expect, stall=arguments.stall,
                           seed=arguments.seed, waves=arguments.waves)
    return Outcome(result={"network": network.name, **trials.result(trial)}, shown=[trials.facts(trial)],
                   failure="; ".join(trial.failures) or None)


def _keep(arguments: Namespace) -> None:
    """Refuse to write the waves over a file that is read."""
    for given in (arguments.network, arguments.inputs, arguments.labels, arguments.expect):
        if given is not None and os.path.realpath(given) == os.path.realpath(arguments.waves):
            raise InputError(f"{arguments.waves}: found a file that is read too, allowed for --waves: "
                             f"a file of its own")


SIMULATE = Command(name="simulate", add=_add, run=_run,
                   help="simulate the accelerator on inputs and compare with the golden model")
