"""The commands, in the order of a person's work."""

from .build import BUILD
from .command import Command, Outcome
from .compare import COMPARE
from .device import PROGRAM, RUN
from .generate import GENERATE
from .inspect import INSPECT
from .plan import PLAN
from .quantize import QUANTIZE
from .simulate import SIMULATE
from .surroundings import BOARDS, DOCTOR

__all__ = ["COMMANDS", "Command", "Outcome"]

COMMANDS = (QUANTIZE, INSPECT, PLAN, SIMULATE, COMPARE, GENERATE, BUILD, PROGRAM, RUN, BOARDS, DOCTOR)
