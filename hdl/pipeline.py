"""Small words that every template uses: delays and the widths of numbers."""

from collections.abc import Iterable
from typing import Any

from amaranth.hdl import Module, Shape, Signal, ValueLike, signed, unsigned

__all__ = ["bits_for_range", "delay", "shape_for"]


def delay(m: Module, value: ValueLike, cycles: int, name: str, *, reset: bool = False) -> Any:
    """``value`` as it was ``cycles`` clock edges ago, through a chain of registers.

    Data needs no reset and gets none; marks and valids ask for one with ``reset``.
    """
    stage: Any = value
    for index in range(cycles):
        following = Signal.like(stage, name=f"{name}_d{index + 1}", reset_less=not reset, init=0)
        m.d.sync += following.eq(stage)
        stage = following
    return stage


def bits_for_range(low: int, high: int) -> Shape:
    """The narrowest shape of at least one bit that holds every integer from ``low`` to ``high``.

    Not less than a bit: Amaranth 0.5 prints RTLIL that names wires of no width, which Yosys refuses.
    """
    if low < 0:
        return signed(max(int(max(high, 0)).bit_length(), int(~low).bit_length()) + 1)
    return unsigned(max(int(high).bit_length(), 1))


def shape_for(values: Iterable[int]) -> Shape:
    """The narrowest shape that holds all ``values``."""
    values = [int(value) for value in values]
    return bits_for_range(min(values), max(values))
