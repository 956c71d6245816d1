"""RTL simulation of an accelerator in four simulators behind one function."""

from .simulation import SIMULATORS, SimulationResult, available, simulate
from .stimulus import Stimulus

__all__ = ["SIMULATORS", "SimulationResult", "Stimulus", "available", "simulate"]
