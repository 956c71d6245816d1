"""What Add, Sub and Mul share: two operands, value by value, of which one may be a constant."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..quantization import Quantization
from ..requantizations import repeated
from .arithmetic import Activation, Ints, activation_range
from .checks import check_activation, check_array, check_scale, only_input, text
from .operand import Operand
from .operator import Int8, Operator, Shape
from .window import Window

__all__ = ["Elementwise", "common_shape", "looked_up", "operand"]


def operand(shape: Shape, output: Sequence[int], **attributes: Any) -> Operand:
    """One tap at each output; an axis of size 1 is read again for every position of a longer output."""
    return Operand(rows=(0, shape[0]), columns=(0, shape[1]),
                   stride=(int(shape[0] == output[0]), int(shape[1] == output[1])), **attributes)


def common_shape(inputs: Sequence[Shape]) -> Shape:
    """The larger of each axis of two inputs, of which single rows and columns repeat."""
    if len(inputs) != 2:
        raise ValueError(f"takes two inputs, not {len(inputs)}")
    first, second = inputs
    if first[2] != second[2] or any(a != b and 1 not in (a, b)
                                    for a, b in zip(first[:2], second[:2], strict=True)):
        raise ValueError(f"inputs must have one shape but for single rows and columns, "
                         f"not {text(first)} and {text(second)}")
    return max(first[0], second[0]), max(first[1], second[1]), first[2]


def looked_up(inputs: Sequence[Shape], shape: Shape, tables: Sequence[Ints],
              staircase: Requantization) -> Window:
    """The sum of what each of ``tables`` says of its input, requantized by one ``staircase``."""
    operands = tuple(operand(each, shape, table=table) for each, table in zip(inputs, tables, strict=True))
    return Window(operation="lookup", operands=operands, size=shape[:2], out_channels=shape[2],
                  requantizations=(repeated(staircase, shape[2]),))


@dataclass(frozen=True, kw_only=True, eq=False)
class Elementwise(Operator):
    """An operator on two tensors of one shape, or one tensor and a constant.

    A tensor of one row or one column is repeated along the other's. ``constant`` is int8 ``[c]``, a value
    for each channel, or ``[1]``; it stands for the second operand, or for the first if ``constant_first``.
    ``first`` and ``second`` are the quantizations of the operands, constant or not.
    """

    first: Quantization
    second: Quantization
    output: Quantization
    activation: Activation = "none"
    constant: Int8 | None = None
    constant_first: bool = False

    def __post_init__(self) -> None:
        if self.constant is not None:
            check_array("constant", self.constant, np.int8, "c")
        elif self.constant_first:
            raise ValueError("constant_first must be False where there is no constant")
        super().__post_init__()
        for name in ("first", "second", "output"):
            check_scale(name, getattr(self, name))
        check_activation(self.activation)

    def __str__(self) -> str:
        return type(self).__name__.lower() + ("" if self.constant is None else " of a constant")

    @property
    def limits(self) -> tuple[int, int]:
        """Lowest and highest output."""
        return activation_range(self.activation, self.output)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The larger of each axis; channels must be the same."""
        if self.constant is not None:
            shape = only_input(inputs)
            if len(self.constant) not in (1, shape[2]):
                raise ValueError(f"constant must hold a value for each of the {shape[2]} channels of the "
                                 f"input {text(shape)}, or one for all, not {len(self.constant)}")
            return shape
        return common_shape(inputs)

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """TFLite-Micro's reference kernel on a batch."""
        values = [x.astype(np.int64) for x in inputs]
        if self.constant is not None:
            values.insert(int(not self.constant_first), self.constant.astype(np.int64))
        first, second = values
        return self._combine(first, second)

    @abstractmethod
    def _combine(self, first: Ints, second: Ints) -> Int8:
        """Outputs of raw operands, which broadcast."""
