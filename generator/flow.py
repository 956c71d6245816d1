"""The straight line from a network to a checked accelerator, as the command line and Python users walk it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.lib import wiring

from . import golden
from .arrays import check_frames, check_labels
from .comparison import Comparison, accuracy, compare
from .elaboration import elaborate
from .errors import InputError
from .files import check_writable
from .network import Network
from .operators.operator import Int8
from .planner import Budget, Plan
from .planner.events import run as run_events
from .planner.schedule import schedule
from .simulation import SimulationResult, Stimulus, choose
from .simulation import simulate as simulate_accelerator
from .targets import DEFAULT_BOARD, find_board, find_part
from .verilog import module_name

__all__ = ["Trial", "budget", "check_options", "clock_mhz", "play", "simulate", "timing_failures"]

Progress = Callable[[int], None]
Values = npt.NDArray[Any]


def budget(board: str | None = None, *, family: str | None = None, multipliers: int | None = None,
           dsps: int | None = None, block_rams: int | None = None, luts: int | None = None) -> Budget:
    """What a plan may take of a board, or of the part that stands for a family.

    Without board and family it is the board ``DEFAULT_BOARD``. ``multipliers`` are those of the arrays,
    requantizers not counted, in DSP blocks or in LUTs; ``dsps``, ``block_rams`` and ``luts`` stand in for
    what the chip has, as :meth:`Budget.of` counts it. On a board with a bitstream a plan leaves block RAMs to
    the serial link, unless ``block_rams`` says how many it may take.
    """
    if board is not None and family is not None:
        raise InputError(f"found the board '{board}' and the family '{family}', allowed: one of the two")
    if family is None:
        found = find_board(board or DEFAULT_BOARD)
        part, name, link = found.part, f"board {found.name}", found.builds
    else:
        part, link = find_part(family), False
        name = f"family {family} ({part.device})"
    if not dsps is block_rams is luts is None:
        name = f"the budget on {name}"
    by_hand: dict[str, Any] = {
        "multipliers": multipliers, "dsps": dsps, "block_rams": block_rams, "luts": luts}
    return replace(Budget.of(part, name, serial_link=link and block_rams is None),
                   **{key: number for key, number in by_hand.items() if number is not None})


def clock_mhz(board: str | None = None, *, family: str | None = None) -> float | None:
    """The clock in MHz that a build for a board tries first; none where nothing is built."""
    clock_hz = find_board(board or DEFAULT_BOARD).build_clock_hz if family is None else 0
    return clock_hz / 1e6 if clock_hz else None


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """An accelerator simulated on real inputs, against the golden model and the predicted cycles.

    ``outputs`` are what the user gets, the ``last_output`` of the network [n, h, w, c]: int8, or float32
    where the host half ends in it. ``golden`` compares ``chip_outputs``, what the chip gave. ``expected`` and
    ``accuracy`` are there where expected outputs and labels were given. ``stall`` is the share of cycles in
    which either link stalled; with it the frame cycles need not be the predicted ones.
    """

    outputs: Values
    chip_outputs: Int8
    golden: Comparison
    expected: Comparison | None
    accuracy: float | None
    frame_cycles: tuple[int, ...]
    predicted_frame_cycles: tuple[int, ...]
    stall: float
    tlast_error: bool
    simulator: str
    seconds: float
    build_seconds: float

    @property
    def failures(self) -> tuple[str, ...]:
        """One sentence for each check that failed; none if all is well."""
        found = [str(comparison) for comparison in (self.golden, self.expected)
                 if comparison is not None and comparison.mismatches]
        return (*found, *timing_failures(self.frame_cycles, self.predicted_frame_cycles, self.stall,
                                         self.tlast_error))


def timing_failures(frame_cycles: tuple[int, ...], predicted: tuple[int, ...], stall: float,
                    tlast_error: bool) -> tuple[str, ...]:
    """One sentence for each check of a simulation that looks at no value."""
    found = []
    if not stall and frame_cycles != predicted:
        frame = next(index for index, cycles in enumerate(frame_cycles) if cycles != predicted[index])
        found.append(f"frame {frame} left in cycle {frame_cycles[frame]}, the plan predicts "
                     f"{predicted[frame]}")
    if tlast_error:
        found.append("the accelerator raised tlast_error on frames of the right length")
    return tuple(found)


def simulate(plan: Plan, inputs: npt.NDArray[np.number], *, network: Network | None = None,
             labels: npt.NDArray[np.integer] | None = None, expect: npt.NDArray[np.number] | None = None,
             simulator: str = "auto", stall: float = 0.0, seed: int = 0, waves: Path | None = None,
             progress: Progress | None = None) -> Trial:
    """Simulate the RTL of ``plan`` on ``inputs`` and compare every output value and every frame's cycle.

    Parameters
    ----------
    inputs : numbers [n, h, w, c] or [n, h * w * c]
        The frames, sent back to back, in the form of the network's first input: integers in [-128, 127], or
        real numbers where that is float32. The host half of the network runs as it does in a driver.
    network : Network
        What the golden model executes: the network as it was read. By default the lowered one of the plan.
    labels : integers [n]
        The classes of the frames, -1 where one is not known, for :attr:`Trial.accuracy`.
    expect : numbers like the outputs
        Outputs from elsewhere, compared too.
    simulator : "auto", "cxxrtl", "verilator", "icarus" or "python"
        "auto" takes the fastest one present.
    stall : float in [0, 1)
        Share of cycles in which the source and the sink stall, drawn from ``seed``, an integer of at least 0.
    waves : Path
        Write all signals there.
    progress : callable
        Called with the number of frames that are done.

    Raises ``InputError`` for inputs that do not fit, ``CheckError`` when a tool is missing or the accelerator
    breaks a rule of its streams; mismatches are not raised, see :attr:`Trial.failures`.
    """
    network = plan.network if network is None else network
    # What is refused is refused before anything slow starts.
    simulator = check_options(simulator, stall, seed)
    if waves is not None:
        check_writable(waves)
    frames = check_frames(np.asarray(inputs), network, tensor=network.first_input, what="the inputs")
    shape = network.tensors[network.last_output].shape
    classes = None if labels is None else check_labels(np.asarray(labels), len(frames), shape, what="labels")
    expected = None
    if expect is not None:
        expected = check_frames(np.asarray(expect), network, tensor=network.last_output,
                                what="the expected outputs")
        if len(expected) != len(frames):
            raise InputError(f"the expected outputs must be {len(frames)} frames like the inputs, not "
                             f"{len(expected)}")
    sent = golden.host_before(network, frames)
    result, predicted = play(elaborate(plan), plan, sent, simulator=simulator, stall=stall, seed=seed,
                             waves=waves, progress=progress)
    received = result.outputs.reshape(len(frames), *network.tensors[network.output].shape)
    right = golden.run(network, frames)[network.output]
    outputs = golden.host_after(network, received)
    return Trial(
        outputs=outputs, chip_outputs=received, golden=compare(received, right, "the golden model"),
        expected=None if expected is None else compare(outputs, expected, "the expected outputs"),
        accuracy=accuracy(outputs, classes),
        frame_cycles=result.frame_cycles, predicted_frame_cycles=predicted, stall=stall,
        tlast_error=result.tlast_error, simulator=result.simulator, seconds=result.seconds,
        build_seconds=result.build_seconds)


def check_options(simulator: str, stall: float, seed: int) -> str:
    """The simulator that ``simulator`` stands for; ``InputError`` for these where they cannot be."""
    if not 0 <= stall < 1:
        raise InputError(f"stall must be in [0, 1), not {stall}")
    if seed < 0:
        raise InputError(f"seed must be at least 0, not {seed}")
    return choose(simulator)


def play(accelerator: wiring.Component, plan: Plan, sent: Int8, *, simulator: str, stall: float, seed: int,
         waves: Path | None = None, progress: Progress | None = None,
         ) -> tuple[SimulationResult, tuple[int, ...]]:
    """Simulate ``accelerator``, that of ``plan``, probed or not, on the frames ``sent`` to the chip.

    Return the result and the frame cycles that the plan predicts.
    """
    predicted = run_events(schedule(plan), len(sent), offered=len(sent)).frame_cycles
    output_bytes = plan.network.tensors[plan.network.output].size
    result = simulate_accelerator(
        accelerator,
        Stimulus(frames=sent.reshape(len(sent), -1), output_bytes=output_bytes,
                 source_stall=stall, sink_stall=stall, seed=seed,
                 # Stalls on both links can add up, and each leaves a share of 1 - stall to work in.
                 deadline=int(4 * predicted[-1] / (1 - stall) ** 2) + 10_000),
        simulator, name=module_name(plan.network.name), waves=waves, progress=progress)
    return result, predicted
