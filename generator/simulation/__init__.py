"""RTL simulation of an accelerator in four simulators behind one function."""

from .simulators import SIMULATORS, WAVE_FORMATS, SimulationResult, available, choose, simulate
from .stimulus import Stimulus

__all__ = ["SIMULATORS", "WAVE_FORMATS", "SimulationResult", "Stimulus", "available", "choose", "simulate"]
