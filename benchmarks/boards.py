"""What each network becomes on each chip: the fastest plan that fits, or why there is none.

    python benchmarks/boards.py NETWORK ... [--write FILE.md]

For each network (a file, or the name of a shipped one) and each size of chip on the boards that Gatecast
knows: the fastest plan found within all that the chip has, or the sentence that refuses it. Utilization is
the multiply-accumulates of the network / (array multipliers of the budget x cycles of an inference); the
bound beside it is that of the lower bound on cycles, which knows of multipliers alone. The multiplications
of constant channels count there, but plans leave them out, so that it can be more than 100 %. A budget is
all DSPs and block RAMs of a chip and 60 % of its LUTs, on iCE40 70 % of them; arrays may also be made of 36 %
of those LUTs, without DSPs of all. Cycles are exact, as are block RAMs, on ECP5 DSPs too; elsewhere they are
at most so many. LUTs are estimated. Seconds are of the processor.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

import tables

import gatecast
from gatecast.boards import Board, Part, boards
from gatecast.errors import InputError

COLUMNS = ("network", "chip", "utilization", "of at most", "cycles", "engines", "array multipliers", "DSPs",
           "block RAMs", "LUTs, estimated", "plan s", "refused")
CHIPS = ("chip", "as large", "boards", "array multipliers", "DSPs", "block RAMs", "LUTs", "flip-flops")


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table."""

    network: str
    part: Part


def chips() -> dict[Part, list[Board]]:
    """One part of each size, and the boards with a chip of that size."""
    sizes: dict[gatecast.Budget, Part] = {}
    found: dict[Part, list[Board]] = {}
    for board in boards().values():
        part = sizes.setdefault(gatecast.Budget.of(board.part, "any"), board.part)
        found.setdefault(part, []).append(board)
    return found


def planned(task: Task) -> tables.Row:
    """Plan, or say why not."""
    network, lowered = tables.networks(task.network)
    budget = gatecast.Budget.of(task.part, task.part.device)
    began = time.process_time()
    try:
        found = gatecast.search(lowered, budget)
    except InputError as refusal:
        seconds = f"{time.process_time() - began:.1f}"
        return [network.name, task.part.device, *[""] * (len(COLUMNS) - 4), seconds, str(refusal)]
    seconds = f"{time.process_time() - began:.1f}"
    plan = found.plan
    cycles = gatecast.predict(plan).cycles_per_inference
    need = gatecast.resources(plan, budget.family)
    limit = budget.array_limit
    return [network.name, task.part.device, f"{network.macs / (limit * cycles):.1%}",
            f"{network.macs / (limit * found.bound):.1%}" + ("" if found.exact else " (by work)"),
            f"{cycles:,.1f}".removesuffix(".0"), str(len(plan.engines)),
            tables.counted(need.multipliers, limit), tables.counted(need.dsps, budget.dsps),
            tables.counted(need.block_rams, budget.block_rams), tables.counted(need.luts, budget.luts),
            seconds, ""]


def main() -> None:
    """Make the table."""
    parser = tables.parser(__doc__ or "")
    parser.add_argument("networks", nargs="+", metavar="NETWORK")
    arguments = parser.parse_args()
    tables.check_networks(arguments.networks)
    known = chips()
    rows = tables.made(COLUMNS, planned, [
        Task(network=network, part=part) for network in arguments.networks for part in known], arguments)
    tables.write("Networks on the chips of boards", __doc__ or "", [
        "What plans may take:", "",
        *tables.lines(CHIPS, [limits(part, fitted) for part, fitted in known.items()]), "",
        *tables.lines(COLUMNS, rows)], arguments)


def limits(part: Part, fitted: list[Board]) -> tables.Row:
    """What plans for ``part`` may take, and the boards that these plans fit."""
    budget = gatecast.Budget.of(part, part.device)
    others = dict.fromkeys(board.device for board in fitted if board.device != part.device)
    return [part.device, ", ".join(others), ", ".join(board.name for board in fitted),
            *(f"{number or 0:,}" for number in (
                budget.array_limit, budget.dsps, budget.block_rams, budget.luts, budget.ffs))]


if __name__ == "__main__":
    tables.run(main)
