"""Which flow makes the bitstreams of a family: the one place where families differ in tools."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Protocol

from gatecast.boards import Board

from . import ecp5_flow, ice40_flow
from .errors import InputError
from .flow_steps import Language, Progress, Route
from .netlist import Netlist

__all__ = ["Flow", "flow_of"]


class Flow(Protocol):
    """What the module of a family has; see :mod:`gatecast.ecp5_flow` for what its functions do."""

    PINS: str

    def synthesize(self, design: str, top: str, progress: Progress, *, language: Language = "rtlil") -> str:
        """From a design to a netlist."""

    def modelled(self, netlist: str, progress: Progress) -> str:
        """From a netlist to Verilog with models of its cells."""

    def untimed(self, netlist: Netlist) -> str:
        """What nextpnr leaves out of its timing; "" where that is nothing."""

    def part_options(self, board: Board) -> tuple[str, ...]:
        """How nextpnr is told the part."""

    def route(self, netlist: str, pins: str, part: tuple[str, ...], seed: int, progress: Progress,
              look: Callable[[], None] = ...) -> Route:
        """From a netlist to a placed and routed design."""

    def pack(self, configuration: str, progress: Progress) -> bytes:
        """From there to a bitstream."""


_FLOWS: MappingProxyType[str, Flow] = MappingProxyType({"ecp5": ecp5_flow, "ice40": ice40_flow})


def flow_of(family: str) -> Flow:
    """The flow of a family; ``InputError`` where there is none."""
    if family not in _FLOWS:
        raise InputError(f"synthesis for the family {family} is not there yet; use {' or '.join(_FLOWS)}")
    return _FLOWS[family]
