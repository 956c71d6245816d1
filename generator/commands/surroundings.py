"""``gatecast boards`` and ``gatecast doctor``: what there is to work with."""

from __future__ import annotations

import platform
from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from importlib import metadata

from gatecast.boards import boards

from .. import console, figures
from .command import Command, Outcome

__all__ = ["BOARDS", "DOCTOR"]


def _add_nothing(_parser: ArgumentParser) -> None:
    """Declare no options."""


def _boards(_arguments: Namespace) -> Outcome:
    """List all boards."""
    known = boards().values()
    rows = [{
        "name": board.name, "title": board.title, "family": board.family, "device": board.device,
        "luts": board.luts, "lut_inputs": board.part.lut_inputs, "ffs": board.ffs,
        "multipliers": board.multipliers, "multiplier_bits": list(board.part.multiplier_bits),
        "block_rams": board.block_rams, "memory_bits": board.block_rams * board.block_ram_bits,
        "lut_ram_bits": board.part.lut_ram_bits,
        "oscillator_mhz": board.clock_hz / 1e6, "bitstream": board.builds,
    } for board in known]
    shown = console.table(
        "boards", ("--board", "board", ">LUTs", ">multipliers", ">block RAM in Kbit", "output"),
        [(board.name, board.title, figures.count(board.luts), board.multipliers,
          figures.count(board.block_rams * board.block_ram_bits // 1024),
          "bitstream" if board.builds else "Verilog") for board in known])
    return Outcome(result={"boards": rows}, shown=[shown])


def _doctor(_arguments: Namespace) -> Outcome:
    """Look for every tool; one that is missing is no failure, for each command needs others."""
    from ..simulation import SIMULATORS, available
    from ..toolbox import tools
    found, ready = tools(), available()
    version, python = metadata.version("gatecast"), platform.python_version()
    shown = [
        console.table("tools", ("tool", "version", "for", "how to get it"), [
            (tool.name, "missing" if tool.version is None else tool.version or "present", tool.purpose,
             tool.how_to_get if tool.version is None else "") for tool in found]),
        console.facts("", [
            ("Gatecast", f"{version} on Python {python}"),
            ("simulators", ", ".join(ready)),
            ("not ready", ", ".join(name for name in SIMULATORS if name not in ready) or "none")])]
    return Outcome(shown=shown, result={"gatecast": version, "python": python, "simulators": list(ready),
                                        "tools": [asdict(tool) for tool in found]})


BOARDS = Command(name="boards", help="list the boards that plans can be made for", add=_add_nothing,
                 run=_boards)
DOCTOR = Command(name="doctor", help="show which tools are installed, and how to get those that are not",
                 add=_add_nothing, run=_doctor)
