"""Small words that every template uses: delays and the widths of numbers."""

from collections.abc import Iterable
from typing import Any, get_args

from amaranth.hdl import Module, Shape, Signal, ValueLike, signed, unsigned

__all__ = ["bits_for_range", "check_choice", "delay", "packed", "product_shape", "shape_for"]


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


def product_shape(a: Shape, b: Shape) -> Shape:
    """The narrowest shape that holds every product of a number of shape ``a`` and one of shape ``b``."""
    def extremes(shape: Shape) -> tuple[int, int]:
        if shape.signed:
            return -1 << (shape.width - 1), (1 << (shape.width - 1)) - 1
        return 0, (1 << shape.width) - 1

    return shape_for(x * y for x in extremes(a) for y in extremes(b))


def check_choice(what: str, choice: str, choices: Any) -> None:
    """Refuse with a ValueError what is not among the ``choices``, a ``Literal`` of strings."""
    if choice not in get_args(choices):
        raise ValueError(f"{what} must be {' or '.join(map(repr, get_args(choices)))}, not {choice!r}")


def packed(numbers: Iterable[int], width: int) -> int:
    """The numbers side by side, the first lowest, each as ``width`` bits of two's complement."""
    mask = (1 << width) - 1
    return sum((number & mask) << (width * index) for index, number in enumerate(numbers))
