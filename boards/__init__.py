"""What each board offers, as data, and how its pins reach the accelerator."""

from .board import Board, Part
from .catalog import boards, families
from .packing import block_rams

__all__ = ["Board", "Part", "block_rams", "boards", "families"]
