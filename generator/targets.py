"""Boards and families by the names that people type."""

from __future__ import annotations

from gatecast.boards import Board, Part, boards, families

from . import toolbox
from .errors import InputError
from .hints import did_you_mean

__all__ = ["DEFAULT_BOARD", "TOOLS", "check_builds", "check_tools", "find_board", "find_part"]

DEFAULT_BOARD = "ulx3s-85f"
# What makes bitstreams of a family, as `gatecast.toolbox` names it.
TOOLS = {"ecp5": ("yosys", "nextpnr-ecp5", "ecppack"), "ice40": ("yosys", "nextpnr-ice40", "icepack")}


def find_board(name: str) -> Board:
    """The board of this name; ``InputError`` where there is none."""
    known = boards()
    if name not in known:
        raise InputError(f"found the board '{name}'{did_you_mean(name, known)}, allowed: {', '.join(known)}")
    return known[name]


def find_part(family: str) -> Part:
    """The part that stands for a family; ``InputError`` where there is none."""
    known = families()
    if family not in known:
        raise InputError(f"found the family '{family}'{did_you_mean(family, known)}, "
                         f"allowed: {', '.join(known)}")
    return known[family]


def check_builds(board: Board) -> None:
    """Raise ``InputError`` for a board without a top, and so without a bitstream."""
    if not board.builds:
        able = ", ".join(name for name, other in boards().items() if other.builds)
        raise InputError(f"found the board '{board.name}', for which there is no bitstream yet, allowed: "
                         f"{able}; or use `gatecast generate` and a top of your own")


def check_tools(board: Board) -> None:
    """Raise ``CheckError`` that names a tool that is missing to build for a board."""
    for name in TOOLS[board.family]:
        toolbox.require(name, f"building for {board.title}")
