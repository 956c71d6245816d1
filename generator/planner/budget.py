"""Budget: what a plan may take."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

from gatecast.boards import Part, block_rams, families
from gatecast.hdl.frame_buffer import bank_sizes
from gatecast.hdl.frame_link import default_slots

from ..errors import InputError
from ..network import Network

__all__ = ["LUTS_OF_MULTIPLIER", "USABLE", "Budget", "link_block_rams"]

# Share of a chip's LUTs and flip-flops that a plan may take. Of an LFE5U-85F, plans that took two thirds had
# no legal placement after twenty minutes, and gained little: MobileNet for 96 x 96 pixels takes as many
# cycles with this share as with 0.8. The chips of iCE40 are so small that the serial link needs a tenth, and
# placement takes very long where nine tenths are in use.
USABLE = 0.6
USABLE_OF = {"ice40": 0.7}

# Lookup tables of four inputs for an 8 x 8 multiplier without a DSP block and its part of an adder tree.
LUTS_OF_MULTIPLIER = 120
# Share of the LUTs that multipliers of arrays may be made of beside DSPs. Plans that took more of an
# LFE5U-85F won little for it: DS-CNN 3 % of its cycles for a third more LUTs.
LUT_SHARE = 0.36


@dataclass(frozen=True, kw_only=True)
class Budget:
    """What a plan may take; what is not given is not limited, but something must limit the arrays."""

    multipliers: int | None = None
    """Multipliers of the arrays, in DSP blocks or in LUTs; by default as many as there are ``dsps`` and as
    many more as 36 % of the ``luts`` make, on a chip without DSPs as all of them make."""
    dsps: int | None = None
    """DSP multipliers of the chip, for arrays and requantizers together."""
    block_rams: int | None = None
    """Block RAMs of the chip."""
    luts: int | None = None
    """Lookup tables that placement can use."""
    ffs: int | None = None
    """Flip-flops that placement can use."""
    family: str = "ecp5"
    """What block RAMs hold, see :mod:`gatecast.boards.packing`."""
    name: str = "the budget"
    """For messages."""
    part: Part | None = field(default=None, compare=False)
    """The chip whose limits these are, but for those given by hand."""
    serial_link: bool = False
    """Whether the serial link of a board takes some of the block RAMs, which hold whole frames."""
    link_block_rams: int = 0
    """How many it was found to take, see :meth:`beside_link`; they are no more among the ``block_rams``."""

    def __post_init__(self) -> None:
        for key in ("multipliers", "dsps", "block_rams", "luts", "ffs"):
            number, least = getattr(self, key), int(key == "multipliers")
            if number is not None and (type(number) is not int or number < least):
                raise InputError(f"{key} must be an integer of at least {least}, not {number!r}")
        if self.multipliers is None and not self.dsps and self.luts is None:
            raise InputError("a budget needs multipliers, DSPs or LUTs to limit the arrays; "
                             "give one of the three")

    @staticmethod
    def of(part: Part, name: str, *, serial_link: bool = False) -> Budget:
        """What a plan may take of ``part``: of its LUTs and flip-flops the share that is usable."""
        usable = USABLE_OF.get(part.family, USABLE)
        return Budget(dsps=part.multipliers, block_rams=part.block_rams, luts=int(part.luts * usable),
                      ffs=int(part.ffs * usable), family=part.family, name=name, part=part,
                      serial_link=serial_link)

    def beside_link(self, network: Network) -> Budget:
        """What the serial link leaves of it for an accelerator for ``network``; without one, all."""
        if not self.serial_link or self.block_rams is None:
            return self
        taken = min(link_block_rams(network.tensors[network.input].size, self.family), self.block_rams)
        return replace(self, block_rams=self.block_rams - taken, serial_link=False, link_block_rams=taken)

    def by_hand(self, limit: str) -> bool:
        """Whether the limit of this name was given by hand, and not taken from a chip."""
        if self.part is None:
            return True
        taken = self.link_block_rams if limit == "block_rams" else 0
        return bool(getattr(self, limit) != getattr(Budget.of(self.part, self.name), limit) - taken)

    @property
    def memory_bits(self) -> int | None:
        """The most that block RAMs and LUTs can hold, if nothing else needs these; none if not limited.

        Words of read-only tables that agree are made once, so that LUTs hold more than their bits: up to
        twice as many, where half of them join the words of others.
        """
        if self.block_rams is None or self.luts is None:
            return None
        part = families()[self.family]
        return self.block_rams * part.block_ram_bits + 2 * self.luts * (1 << part.lut_inputs)

    @property
    def array_limit(self) -> int:
        """The most multipliers that arrays can have."""
        if self.multipliers is not None:
            return self.multipliers
        luts = self.luts or 0
        if self.dsps:
            return self.dsps + int(LUT_SHARE * luts) // LUTS_OF_MULTIPLIER
        return max(luts // LUTS_OF_MULTIPLIER, 1)


def link_block_rams(frame_bytes: int, family: str) -> int:
    """Block RAMs of the serial link of an accelerator that takes frames of so many bytes."""
    slots = default_slots(frame_bytes, families()[family].block_ram_bytes)
    return sum(block_rams(family, depth=bank, width=8, writable=True)
               for bank in bank_sizes(frame_bytes * slots))
