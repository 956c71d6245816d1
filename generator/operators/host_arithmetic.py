"""What the host does to real numbers before it quantizes them, such as taking off a mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from .checks import check_array, only_input, text
from .half_even import Singles
from .host import HostOperator
from .operator import Shape

__all__ = ["HostArithmetic"]

Values = npt.NDArray[Any]

FUNCTIONS: Mapping[str, Callable[[Singles, Singles], Singles]] = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide}


@dataclass(frozen=True, kw_only=True, eq=False)
class HostArithmetic(HostOperator):
    """A sum, difference, product or quotient of float32 values and a constant, in float32.

    ``function`` is "add", "sub", "mul" or "div". ``constant`` is float32 with three axes, each of the length
    of the map's or 1; it is the second operand, or the first if ``constant_first``.
    """

    place = "first"

    function: str
    constant: Singles
    constant_first: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_array("constant", self.constant, np.float32, "h w c")
        if self.function not in FUNCTIONS:
            raise ValueError(f"function must be one of {', '.join(FUNCTIONS)}, not {self.function}")

    def __str__(self) -> str:
        return f"{self.function} on the host"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        shape = only_input(inputs)
        if any(size not in (1, whole) for size, whole in zip(self.constant.shape, shape, strict=True)):
            raise ValueError(f"constant must spread over the input {text(shape)}, "
                             f"not be {text(self.constant.shape)}")
        return shape

    def compute(self, inputs: Sequence[Values]) -> Values:
        """float32 batches."""
        x, = inputs
        operands = (self.constant, x) if self.constant_first else (x, self.constant)
        with np.errstate(all="ignore"):
            return FUNCTIONS[self.function](*operands)
