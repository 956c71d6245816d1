"""What a report is made from."""

from __future__ import annotations

from dataclasses import dataclass

from gatecast.boards import Board

from ..network import Network
from ..plan_summary import family_of
from ..planner import Found, Plan, Prediction, Resources

__all__ = ["BuildSummary", "ReportInputs", "SimulationSummary"]


@dataclass(frozen=True, kw_only=True)
class SimulationSummary:
    """What a simulation of the generated hardware showed."""

    simulator: str
    inferences: int
    mismatches: int
    """Output values that differ from the golden model."""
    frame_cycles: tuple[int, ...]
    """Completion cycle of each frame."""
    predicted_frame_cycles: tuple[int, ...] | None = None
    """The same from the event model; none where the simulation paused its links, so that they may differ."""
    accuracy: float | None = None
    """Share of right labels, 0 to 1, where labels were given."""


@dataclass(frozen=True, kw_only=True)
class BuildSummary:
    """What synthesis, placement and routing measured."""

    clock_mhz: float
    """The clock that the design runs at."""
    fmax_mhz: float
    """The fastest clock that the placement would take."""
    luts: int
    ffs: int
    dsps: int
    brams: int
    link_inferences_per_second: float
    """What the board's own link lets through at most."""


@dataclass(frozen=True, kw_only=True)
class ReportInputs:
    """Everything that a report shows; what is None was not done, and the report says so.

    ``network`` is what the user gave, ``plan`` holds the lowered one. ``clock_mhz`` is the clock to count
    seconds with where nothing was built (``build.clock_mhz`` goes first); without either the report counts
    in cycles. ``found`` is what the search knew besides the plan. ``version`` is that of Gatecast.
    """

    network: Network
    plan: Plan
    prediction: Prediction
    resources: Resources
    version: str
    found: Found | None = None
    board: Board | None = None
    clock_mhz: float | None = None
    simulation: SimulationSummary | None = None
    build: BuildSummary | None = None

    @property
    def family(self) -> str:
        """Family of chips whose block RAMs are counted."""
        return family_of(self.board, self.found)

    @property
    def clock(self) -> float | None:
        """Clock in MHz, measured or asked for."""
        return self.clock_mhz if self.build is None else self.build.clock_mhz
