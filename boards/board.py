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
        "ecp5" or "ice40": what chooses the synthesis.
    device : str
        The maker's name of it.
    luts, ffs : int
        Lookup tables of four inputs, and flip-flops.
    multipliers : int
        DSP multipliers of at least 16 x 16 bits.
    block_rams : int
        Block RAMs of `block_ram_bits` each.
    """

    family: str
    device: str
    luts: int
    ffs: int
    multipliers: int
    block_rams: int
    block_ram_bits: int


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
        As the platform of amaranth-boards has them; "" where the family has no speed grades.
    clock_hz : int
        The oscillator.
    platform : str
        Where its pins are: module and class in amaranth-boards.
    builds : bool
        Whether there is a top with pins, so that Gatecast can make a bitstream; if not, `--board` still
        fits plans to it.
    programmer : str
        Its name for openFPGALoader; "" where that does not know it.
    """

    name: str
    title: str
    part: Part
    package: str
    speed: str
    clock_hz: int
    platform: str
    builds: bool = False
    programmer: str = ""

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
        """Lookup tables of four inputs."""
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
