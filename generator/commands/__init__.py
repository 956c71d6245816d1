"""The commands, in the order of a person's work."""

from .build import BUILD
from .command import Command, Outcome
from .device import PROGRAM, RUN
from .generate import GENERATE
from .inspect import INSPECT
from .plan import PLAN
from .simulate import SIMULATE
from .surroundings import BOARDS, DOCTOR

__all__ = ["COMMANDS", "Command", "Outcome"]

COMMANDS = (INSPECT, PLAN, SIMULATE, GENERATE, BUILD, PROGRAM, RUN, BOARDS, DOCTOR)
