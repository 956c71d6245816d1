"""The commands, one module each: ``add`` declares its options, ``run`` does it and gives an ``Outcome``."""

from . import inspect, plan, simulate

__all__ = ["COMMANDS"]

COMMANDS = (inspect, plan, simulate)
