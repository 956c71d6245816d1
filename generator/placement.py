"""Placement: a netlist from several seeds side by side, for the seed decides on a tenth of the clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import dataclass
from threading import Event

from gatecast.boards import Board

from .errors import CheckError
from .flow_steps import Route
from .flows import flow_of
from .synthesis_report import fmax_mhz

__all__ = ["Placement", "place"]

# Whoever asks for a clock this far above what first placements reached does not get it by another seed.
SEED_SPREAD = 0.8


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A netlist placed and routed from one seed, and the highest clock in MHz that it allows."""

    seed: int
    routed: Route
    fmax_mhz: float


def place(netlist: str, pins: str, board: Board, clock_hz: float, seeds: Sequence[int],
          progress: Callable[[str], None]) -> list[Placement]:
    """Place and route from these seeds, as many at once as there are cores.

    Those that are left are not tried once one has met the clock, nor if all are hopelessly far from it.
    """
    at_once = min(os.cpu_count() or 1, len(seeds))
    placements: list[Placement] = []
    for first in range(0, len(seeds), at_once):
        placements += _side_by_side(netlist, pins, board, clock_hz, seeds[first:first + at_once], progress)
        best = max(placement.fmax_mhz for placement in placements) * 1e6
        if best >= clock_hz or best < clock_hz * SEED_SPREAD:
            break
    return placements


def _side_by_side(netlist: str, pins: str, board: Board, clock_hz: float, seeds: Sequence[int],
                  progress: Callable[[str], None]) -> list[Placement]:
    stopped = Event()
    flow = flow_of(board.family)

    def look() -> None:
        if stopped.is_set():
            raise KeyboardInterrupt

    def one(seed: int) -> Placement:
        routed = flow.route(netlist, pins, flow.part_options(board), seed, progress, look)
        fmax = fmax_mhz(routed.report, clock_hz)
        if fmax is None:
            raise CheckError(f"nextpnr did not check the clock of {clock_hz / 1e6:g} MHz")
        return Placement(seed=seed, routed=routed, fmax_mhz=fmax)

    with ThreadPoolExecutor(len(seeds)) as pool:
        futures = [pool.submit(one, seed) for seed in seeds]
        try:
            ended, _ = wait(futures, return_when=FIRST_EXCEPTION)
            for future in ended:
                future.result()
        except BaseException:
            # An interruption reaches this thread alone; the others look whether there was one.
            stopped.set()
            raise
        return [future.result() for future in futures]
