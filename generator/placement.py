"""Placement: a netlist from several seeds side by side, for the seed decides on a tenth of the clock."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from gatecast.boards import Board

from .errors import CheckError
from .flow_steps import Route
from .flows import flow_of
from .synthesis_report import fmax_mhz

__all__ = ["Placement", "place"]

# Whoever asks for a clock this far above what the first placement reached does not get it by another seed.
SEED_SPREAD = 0.8


@dataclass(frozen=True, kw_only=True)
class Placement:
    """A netlist placed and routed from one seed, and the highest clock in MHz that it allows."""

    seed: int
    routed: Route
    fmax_mhz: float


def place(netlist: str, pins: str, board: Board, clock_hz: float, seeds: Sequence[int],
          progress: Callable[[str], None]) -> list[Placement]:
    """Place and route from these seeds, as many at once as there are cores, until one meets the clock.

    Return the placements of `seeds`, given in rising order, up to the first that meets it; of the first seed
    alone, if that is hopelessly far from it. They depend on no number of cores. Seeds that no tool could
    place are passed over; ``CheckError`` where none could be placed.
    """
    stopped = Event()
    # Seeds beyond which none is needed; known here at once, so that a thread that is free begins no other.
    last: list[int] = []
    flow = flow_of(board.family)

    def one(seed: int) -> Placement:
        def look() -> None:
            if stopped.is_set() or any(seed > other for other in last):
                raise KeyboardInterrupt

        look()
        routed = flow.route(netlist, pins, flow.part_options(board), seed, progress, look)
        fmax = fmax_mhz(routed.report, clock_hz)
        if fmax is None:
            raise CheckError(f"nextpnr did not check the clock of {clock_hz / 1e6:g} MHz")
        if fmax * 1e6 >= clock_hz or (seed == seeds[0] and fmax * 1e6 < clock_hz * SEED_SPREAD):
            last.append(seed)
        return Placement(seed=seed, routed=routed, fmax_mhz=fmax)

    placements: list[Placement] = []
    failures: list[CheckError] = []
    with ThreadPoolExecutor(min(os.cpu_count() or 1, len(seeds))) as pool:
        futures = [pool.submit(one, seed) for seed in seeds]
        try:
            for future in futures:
                try:
                    placements.append(future.result())
                except CheckError as failure:
                    failures.append(failure)
                    continue
                if placements[-1].seed in last:
                    break
        finally:
            # An interruption reaches this thread alone; the others look whether there was one.
            stopped.set()
            for future in futures:
                future.cancel()
    if not placements:
        raise failures[0]
    return placements
