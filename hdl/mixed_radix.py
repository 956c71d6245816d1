"""Mixed radix: addresses of the parts of words, where a word has any number of parts."""

from dataclasses import dataclass

from amaranth.hdl import Cat, Mux, Value
from amaranth.utils import ceil_log2

__all__ = ["MixedRadix"]


@dataclass(frozen=True)
class MixedRadix:
    """Addresses ``(word << part_bits) | part``: nothing has to be divided to find the word.

    Parts from ``parts`` on do not exist. Where ``parts`` is a power of two, an address is a plain number.
    """

    parts: int
    """Parts of a word."""

    def __post_init__(self) -> None:
        if self.parts < 1:
            raise ValueError(f"A word must have at least one part, not {self.parts}")

    @property
    def part_bits(self) -> int:
        """Bits of an address that name the part."""
        return ceil_log2(self.parts)

    @property
    def gap(self) -> int:
        """Parts that could be named but do not exist."""
        return (1 << self.part_bits) - self.parts

    def address(self, number: int) -> int:
        """The address of a part, from the ``number`` of parts before it."""
        word, part = divmod(number, self.parts)
        return (word << self.part_bits) | part

    def step(self, number: int) -> int:
        """What :meth:`add` takes to go on by a ``number`` of parts, or back if negative."""
        return self.address(number) + self.gap

    def add(self, address: Value, step: Value) -> Value:
        """The address a step further: sums side by side, and a choice between them.

        A step is larger by the gap than the distance of the addresses, so that a part beyond the last one
        carries into the word; a part without a carry is less by the gap, which is a sum of its own.
        """
        total = (address + step)[:len(address)]
        if not self.gap:
            return total
        bits = self.part_bits
        part = address[:bits] + step[:bits]
        lowered = address[:bits] + (step[:bits] - self.gap)[:bits]
        return Cat(Mux(part[bits], part[:bits], lowered[:bits]), total[bits:])
