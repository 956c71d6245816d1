"""What a build folder tells its reader: one HTML file with pictures."""

from .inputs import BuildSummary, ReportInputs, SimulationSummary
from .page import render

__all__ = ["BuildSummary", "ReportInputs", "SimulationSummary", "render"]
