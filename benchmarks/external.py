"""Large networks whose weights come from a memory outside the chip, beside DNNBuilder's figures.

    python benchmarks/external.py [NETWORK=MULTIPLIERS ...] [--clock 200] [--write FILE.md]

DNNBuilder (X. Zhang et al., "DNNBuilder: an automated tool for building high-performance DNN hardware
accelerators for FPGAs", ICCAD 2018) gives each layer an array of its own and streams the weights from a
memory outside the chip. For its networks and numbers of multipliers: the fastest plan found here with
weights from outside, limited by array multipliers alone. Such a plan is for exploring, nothing can be built
from it yet.

Utilization is the multiply-accumulates of the network / (multipliers x cycles of an inference); the bound
beside it is that of the lower bound on cycles; DNNBuilder's is what the configurations that it comes with
project. Feature maps stay on the chip, in block RAMs of 18 Kbit; each row of an output reads the weights of
its layer once, which is the weight stream. Seconds are of the processor.
"""

from __future__ import annotations

import time
from argparse import ArgumentTypeError
from dataclasses import dataclass

import tables

import gatecast
from gatecast.planner.weight_stream import weight_stream_bytes

COLUMNS = ("network", "multipliers", "utilization", "of at most", "DNNBuilder's", "cycles", "engines",
           "block RAMs", "frames/s", "weight stream GB/s", "plan s")
# Multipliers that its configurations have, and what they keep busy.
DNNBUILDER = {"alexnet": (456, 0.713), "vgg16": (1086, 0.986), "tiny_yolo": (616, 0.989)}


@dataclass(frozen=True, kw_only=True)
class Task:
    """A row of the table."""

    network: str
    multipliers: int
    clock_mhz: int


def planned(task: Task) -> tables.Row:
    """Plan."""
    network, lowered = tables.networks(task.network)
    began = time.process_time()
    found = gatecast.search(lowered, gatecast.Budget(multipliers=task.multipliers), external_weights=True)
    seconds = time.process_time() - began
    plan = found.plan
    cycles = gatecast.predict(plan).cycles_per_inference
    need = gatecast.resources(plan)
    multipliers, theirs = DNNBUILDER.get(task.network, (0, 0.0))
    return [network.name, f"{task.multipliers:,}", f"{network.macs / (task.multipliers * cycles):.2%}",
            f"{network.macs / (task.multipliers * found.bound):.2%}" + ("" if found.exact else " (by work)"),
            f"{theirs:.1%}" if multipliers == task.multipliers else "",
            f"{cycles:,.1f}".removesuffix(".0"), str(len(plan.engines)), f"{need.block_rams:,}",
            f"{task.clock_mhz * 1e6 / cycles:,.1f}",
            f"{weight_stream_bytes(plan) / cycles * task.clock_mhz / 1000:.1f}", f"{seconds:.1f}"]


def budgeted(text: str) -> tuple[str, int]:
    """A network and its multipliers."""
    network, _, multipliers = text.rpartition("=")
    if not network:
        raise ArgumentTypeError(f"must be NETWORK=MULTIPLIERS, not '{text}'")
    return network, tables.positive(multipliers)


def main() -> None:
    """Make the table."""
    parser = tables.parser(__doc__ or "")
    parser.add_argument("networks", nargs="*", type=budgeted, metavar="NETWORK=MULTIPLIERS",
                        default=[(name, multipliers) for name, (multipliers, _) in DNNBUILDER.items()],
                        help="default: those of DNNBuilder")
    parser.add_argument("--clock", type=tables.positive, default=200, metavar="MHZ",
                        help="to count seconds with (default: %(default)s)")
    arguments = parser.parse_args()
    tables.check_networks([network for network, _ in arguments.networks])
    rows = tables.made(COLUMNS, planned, [
        Task(network=network, multipliers=multipliers, clock_mhz=arguments.clock)
        for network, multipliers in arguments.networks], arguments)
    tables.write("Weights from outside the chip", __doc__ or "", [
        f"Frames and bytes a second at {arguments.clock} MHz:", "", *tables.lines(COLUMNS, rows)], arguments)


if __name__ == "__main__":
    tables.run(main)
