"""RTL simulation of an accelerator in four simulators behind one function."""

from .simulation import SIMULATORS, WAVE_FORMATS, SimulationResult, available, choose, simulate
from .stimulus import Stimulus

__all__ = ["SIMULATORS", "WAVE_FORMATS", "SimulationResult", "Stimulus", "available", "choose", "simulate"]
