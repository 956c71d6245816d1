"""What every operator offers: shape rule, golden computation, work, lowering."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from .window import Window

__all__ = ["Attributes", "Int8", "Operator", "Shape"]

# Height, width, channels.
Shape = tuple[int, int, int]
Int8 = npt.NDArray[np.int8]


@dataclass(frozen=True, kw_only=True, eq=False)
class Attributes:
    """Fields with arrays among them, immutable and comparable.

    Subclasses are frozen dataclasses too (``eq=False``: the comparison below knows arrays). They check
    their fields in ``__post_init__`` with one-sentence ``ValueError``s that name the field, what was
    found and what is allowed; array fields become read-only copies.
    """

    def __post_init__(self) -> None:
        for f in fields(self):
            value = getattr(self, f.name)
            if isinstance(value, np.ndarray):
                value = value.copy()
                value.flags.writeable = False
                object.__setattr__(self, f.name, value)

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(
            _equal(getattr(self, f.name), getattr(other, f.name)) for f in fields(self))

    def __hash__(self) -> int:
        return hash((type(self), tuple(_key(getattr(self, f.name)) for f in fields(self))))


@dataclass(frozen=True, kw_only=True, eq=False)
class Operator(Attributes, ABC):
    """An operator with all its attributes and weights."""

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions: ``MaxPool`` is ``max_pool``."""
        name = type(self).__name__
        return "".join(f"_{c.lower()}" if c.isupper() and i else c.lower() for i, c in enumerate(name))

    @abstractmethod
    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Shape of the output; a one-sentence ``ValueError`` where the inputs do not fit."""

    @abstractmethod
    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """The golden model: int8 batches ``[n, h, w, c]`` in, int8 batch out, bit for bit."""

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """The same function as the hardware runs it; a one-sentence ``ValueError`` where it cannot.

        Operators that only say which values are read, and where from, become part of what reads them.
        """
        raise ValueError(f"{type(self).__name__} is no window")

    @property
    def multiplier_bits(self) -> int | None:
        """Width of the multipliers that its own arithmetic rescales sums with; None where there is none."""
        return None

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Multiply-accumulates of one inference, taps in the padding counted."""
        return 0


def _equal(a: Any, b: Any) -> bool:
    if isinstance(a, np.ndarray) and isinstance(b, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b)
    return type(a) is type(b) and bool(a == b)


def _key(value: Any) -> Any:
    return value.tobytes() if isinstance(value, np.ndarray) else value
