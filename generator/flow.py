"""The straight line from a network to a checked accelerator, as the command line and Python users walk it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

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
from .simulation import Stimulus, choose
from .simulation import simulate as simulate_accelerator
from .targets import DEFAULT_BOARD, find_board, find_part
from .verilog import module_name

__all__ = ["Trial", "budget", "simulate"]

Progress = Callable[[int], None]


def budget(board: str | None = None, *, family: str | None = None, multipliers: int | None = None) -> Budget:
    """What a plan may take of a board, or of the part that stands for a family.

    ``multipliers`` limits those of the arrays, requantizers not counted; never beyond what the chip has.
    Without board and family it is the board ``DEFAULT_BOARD``.
    """
    if board is not None and family is not None:
        raise InputError(f"found the board '{board}' and the family '{family}', allowed: one of the two")
    if multipliers is not None and multipliers < 1:
        raise InputError(f"multipliers must be at least 1, not {multipliers}")
    part, name = ((find_board(board or DEFAULT_BOARD).part, f"board {board or DEFAULT_BOARD}")
                  if family is None else (find_part(family), f"family {family} ({find_part(family).device})"))
    if multipliers is not None and multipliers < part.multipliers:
        name += f" limited to {multipliers}"
    return Budget(multipliers=part.multipliers if multipliers is None else min(multipliers, part.multipliers),
                  dsps=part.multipliers, memory_bits=part.block_rams * part.block_ram_bits, name=name)


@dataclass(frozen=True, kw_only=True, eq=False)
class Trial:
    """An accelerator simulated on real inputs, against the golden model and the predicted cycles.

    ``expected`` and ``accuracy`` are there where expected outputs and labels were given. ``stall`` is the
    share of cycles in which either link stalled; with it the frame cycles need not be the predicted ones.
    """

    outputs: Int8
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
        if not self.stall and self.frame_cycles != self.predicted_frame_cycles:
            frame = next(index for index, cycles in enumerate(self.frame_cycles)
                         if cycles != self.predicted_frame_cycles[index])
            found.append(f"frame {frame} left in cycle {self.frame_cycles[frame]}, the plan predicts "
                         f"{self.predicted_frame_cycles[frame]}")
        if self.tlast_error:
            found.append("the accelerator raised tlast_error on frames of the right length")
        return tuple(found)


def simulate(plan: Plan, inputs: npt.NDArray[np.integer], *, network: Network | None = None,
             labels: npt.NDArray[np.integer] | None = None, expect: npt.NDArray[np.integer] | None = None,
             simulator: str = "auto", stall: float = 0.0, seed: int = 0, waves: Path | None = None,
             progress: Progress | None = None) -> Trial:
    """Simulate the RTL of ``plan`` on ``inputs`` and compare every output value and every frame's cycle.

    Parameters
    ----------
    inputs : integers [n, h, w, c] or [n, h * w * c] in [-128, 127]
        The frames, sent back to back.
    network : Network
        What the golden model executes: the network as it was read. By default the lowered one of the plan.
    labels : integers [n]
        The classes of the frames, for :attr:`Trial.accuracy`.
    expect : integers like the outputs
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
    simulator = choose(simulator)
    if not 0 <= stall < 1:
        raise InputError(f"stall must be in [0, 1), not {stall}")
    if seed < 0:
        raise InputError(f"seed must be at least 0, not {seed}")
    if waves is not None:
        check_writable(waves)
    frames = check_frames(np.asarray(inputs), network, tensor=network.input, what="the inputs")
    shape = network.tensors[network.output].shape
    classes = None if labels is None else check_labels(np.asarray(labels), len(frames), shape, what="labels")
    expected = None
    if expect is not None:
        expected = check_frames(np.asarray(expect), network, tensor=network.output,
                                what="the expected outputs")
        if len(expected) != len(frames):
            raise InputError(f"the expected outputs must be {len(frames)} frames like the inputs, not "
                             f"{len(expected)}")
    predicted = run_events(schedule(plan), len(frames), offered=len(frames)).frame_cycles
    accelerator = elaborate(plan)
    result = simulate_accelerator(
        accelerator,
        Stimulus(frames=frames.reshape(len(frames), -1), output_bytes=accelerator.output_bytes,
                 source_stall=stall, sink_stall=stall, seed=seed,
                 # Stalls on both links can add up, and each leaves a share of 1 - stall to work in.
                 deadline=int(4 * predicted[-1] / (1 - stall) ** 2) + 10_000),
        simulator, name=module_name(plan.network.name), waves=waves, progress=progress)
    outputs = result.outputs.reshape(len(frames), *shape)
    right = golden.run(network, frames)[network.output]
    return Trial(
        outputs=outputs, golden=compare(outputs, right, "the golden model"),
        expected=None if expected is None else compare(outputs, expected, "the expected outputs"),
        accuracy=None if classes is None else accuracy(outputs, classes),
        frame_cycles=result.frame_cycles, predicted_frame_cycles=predicted, stall=stall,
        tlast_error=result.tlast_error, simulator=result.simulator, seconds=result.seconds,
        build_seconds=result.build_seconds)
