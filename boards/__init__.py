"""What each board offers, as data, and how its pins reach the accelerator."""

from .board import Board, Part
from .catalog import boards, families

__all__ = ["Board", "Part", "boards", "families"]
