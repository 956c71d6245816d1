"""What a part and a board offer, as data."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Board", "Part"]


@dataclass(frozen=True, kw_only=True)
class Part:
    """One FPGA, with the counts of its data sheet.

    Parameters
    ----------
    family : str
        "ecp5", "ice40", "gowin" or "xc7": what chooses the synthesis.
    device : str
        The maker's name of it.
    luts, lut_inputs, ffs : int
        Lookup tables, how many inputs each has (four, on xc7 six), and flip-flops.
    multipliers : int
        DSP multipliers that multiply two signed numbers of `multiplier_bits`.
    multiplier_bits : tuple of int
        Bits of the wider operand and of the other; what the family has, even where the part has none.
    block_rams : int
        Block RAMs of `block_ram_bits` each, as `packing.block_rams` counts them.
    lut_ram_bits : int
        Bits that LUTs can hold as RAM, where all that can do so; 0 where none can.
    """

    family: str
    device: str
    luts: int
    lut_inputs: int
    ffs: int
    multipliers: int
    multiplier_bits: tuple[int, int]
    block_rams: int
    block_ram_bits: int
    lut_ram_bits: int

    @property
    def block_ram_bytes(self) -> int:
        """Bytes of one block RAM that a memory of bytes can have: a power of two."""
        return 1 << (self.block_ram_bits // 8).bit_length() - 1


@dataclass(frozen=True, kw_only=True)
class Board:
    """A board that can be bought, and the part on it.

    Parameters
    ----------
    name, title : str
        What to type, and what to print.
    part : Part
        The FPGA.
    package, speed : str
        As the platform of amaranth-boards has them, or the name of the part has behind the device; "" where
        the family has no speed grades.
    clock_hz : int
        The oscillator.
    platform : str
        Where its pins are: module and class in amaranth-boards; "" where that does not know the board.
    programmer : str
        Its name for openFPGALoader; "" where that does not know it.
    build_clock_hz : int
        The clock that a build tries first where none is asked for: what most plans meet; 0 where there is no
        top with pins to make a bitstream with. `--board` still fits plans to such a board.
    """

    name: str
    title: str
    part: Part
    package: str
    speed: str
    clock_hz: int
    platform: str
    programmer: str = ""
    build_clock_hz: int = 0

    @property
    def builds(self) -> bool:
        """Whether Gatecast can make a bitstream for it."""
        return self.build_clock_hz > 0

    @property
    def family(self) -> str:
        """Family of the part."""
        return self.part.family

    @property
    def device(self) -> str:
        """Device name of the part."""
        return self.part.device

    @property
    def luts(self) -> int:
        """Lookup tables."""
        return self.part.luts

    @property
    def ffs(self) -> int:
        """Flip-flops."""
        return self.part.ffs

    @property
    def multipliers(self) -> int:
        """DSP multipliers."""
        return self.part.multipliers

    @property
    def block_rams(self) -> int:
        """Block RAMs."""
        return self.part.block_rams

    @property
    def block_ram_bits(self) -> int:
        """Bits of one block RAM."""
        return self.part.block_ram_bits
