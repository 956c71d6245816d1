"""Netlists: what synthesis made of an accelerator, played like the accelerator itself."""

from __future__ import annotations

import time
from collections.abc import Callable

from . import cocotb_runner
from .simulators import SimulationResult, choose, result
from .stimulus import Stimulus

__all__ = ["simulate_netlist"]


def simulate_netlist(modelled: str, name: str, stimulus: Stimulus, *, simulator: str = "verilator",
                     progress: Callable[[int], None] = lambda _: None) -> SimulationResult:
    """Simulate a netlist under `stimulus` in "icarus" or "verilator", with the checks of :func:`simulate`.

    `modelled` is Verilog in which its cells are replaced by what they do (`gatecast.ecp5_flow.modelled`), and
    `name` that of its top, which has the ports of an accelerator.
    """
    started = time.monotonic()
    record, build_seconds, _ = cocotb_runner.play(modelled, name, stimulus.schedule(),
                                                  simulator=choose(simulator), progress=progress)
    return result(record, stimulus, simulator=simulator, build_seconds=build_seconds,
                  seconds=time.monotonic() - started - build_seconds)
