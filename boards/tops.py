"""Which top each board has that Gatecast makes bitstreams for."""

from .board import Board
from .ice40_boards import BreakoutTop, IcebreakerTop
from .top import BoardTop
from .ulx3s import Ulx3sTop

__all__ = ["top_of"]

_TOPS: dict[str, type[BoardTop]] = {
    **{f"ulx3s-{size}": Ulx3sTop for size in ("12f", "25f", "45f", "85f")},
    "icebreaker": IcebreakerTop, "hx8k-evn": BreakoutTop}


def top_of(board: Board) -> type[BoardTop]:
    """The top of a board that ``builds``."""
    return _TOPS[board.name]
