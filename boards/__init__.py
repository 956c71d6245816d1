"""What each board offers, as data, and how its pins reach the accelerator."""

from .board import Board, Part
from .catalog import boards, families
from .packing import block_rams, lut_ram_luts

__all__ = ["Board", "Part", "block_rams", "boards", "families", "lut_ram_luts"]
