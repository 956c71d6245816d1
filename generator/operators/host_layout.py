"""What the host does to values that are the same but for where they stand, or how their bytes are read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .arithmetic import Ints
from .checks import check_array, check_ints, only_input, text
from .host import HostOperator
from .operator import Shape

__all__ = ["Rearrange", "Relabel"]

Values = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rearrange(HostOperator):
    """Each value to another place, as from channels first to channels last.

    Value ``i`` of the output, a map of ``shape``, is value ``order[i]`` of the input, both counted in the
    order height, width, channels. ``order`` is int64; a value may be taken several times or never.
    """

    place = "first or last"

    shape: Shape
    order: Ints

    def __post_init__(self) -> None:
        check_ints("shape", self.shape, "height width channels", 1)
        check_array("order", self.order, np.int64, "n")
        if len(self.order) != int(np.prod(self.shape)) or self.order.min() < 0:
            raise ValueError(f"order must hold a place for each value of {text(self.shape)}")
        super().__post_init__()

    def __str__(self) -> str:
        return f"rearrange to {text(self.shape)}"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """``shape``, if the input has all places."""
        shape = only_input(inputs)
        if self.order.max() >= np.prod(shape):
            raise ValueError(f"order must hold places of the input {text(shape)}, not {self.order.max()}")
        return self.shape

    def compute(self, inputs: Sequence[Values]) -> Values:
        """Copies a batch of any type."""
        x, = inputs
        return x.reshape(len(x), -1)[:, self.order].reshape(len(x), *self.shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Relabel(HostOperator):
    """Between uint8 and int8 that mean the same: the top bit of each byte is inverted, 128 taken or added."""

    place = "first or last"

    def __str__(self) -> str:
        return "relabel"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        return only_input(inputs)

    def compute(self, inputs: Sequence[Values]) -> Values:
        """uint8 to int8, int8 to uint8."""
        x, = inputs
        return (x.view(np.uint8) ^ np.uint8(128)).view(np.int8 if x.dtype == np.uint8 else np.uint8)
