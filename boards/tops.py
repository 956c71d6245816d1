"""Which top each board has that Gatecast makes bitstreams for."""

from .board import Board
from .ice40_boards import BreakoutTop, IcebreakerTop
from .top import BoardTop
from .ulx3s import Ulx3sTop

__all__ = ["top_of"]

_TOPS: dict[str, type[BoardTop]] = {"icebreaker": IcebreakerTop, "hx8k-evn": BreakoutTop}


def top_of(board: Board) -> type[BoardTop]:
    """The top of a board that has one."""
    return _TOPS.get(board.name, Ulx3sTop)
