"""Netlists: what synthesis made of an accelerator, played like the accelerator itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import cxxrtl
from .simulators import SimulationResult, choose, result
from .stimulus import Stimulus

__all__ = ["simulate_netlist"]


def simulate_netlist(modelled: str, name: str, stimulus: Stimulus, *,
                     progress: Callable[[int], None] = lambda _: None) -> SimulationResult:
    """Simulate a netlist under `stimulus` in CXXRTL, with the checks of :func:`simulate`.

    `modelled` is RTLIL in which its cells are replaced by what they do (`gatecast.ecp5_flow.modelled`), and
    `name` that of its top, which has the ports of an accelerator.
    """
    choose("cxxrtl")
    started = time.monotonic()
    record, build_seconds, _ = cxxrtl.play(modelled, name, stimulus.schedule(), progress=progress)
    return result(record, stimulus, simulator="cxxrtl", build_seconds=build_seconds,
                  seconds=time.monotonic() - started - build_seconds)
