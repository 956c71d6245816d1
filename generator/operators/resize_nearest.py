"""Resizing to the nearest neighbour."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from ..requantizations import identity
from .arithmetic import Ints
from .checks import check_array, check_ints, only_input, text
from .line import line_through
from .operand import Operand
from .operator import Int8, Operator, Shape
from .window import Window

__all__ = ["ResizeNearest", "ResizePositions"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Resize(Operator):
    """Each row of the output copies one of the input, and so does each column; both only go forward."""

    @property
    @abstractmethod
    def output_size(self) -> tuple[int, int]:
        """Height and width of the output."""

    @abstractmethod
    def positions(self, axis: int, given: int) -> Ints:
        """The row or column, of ``given``, that each output reads."""

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions."""
        return "resize_nearest"

    def __str__(self) -> str:
        return f"resize_nearest to {text(self.output_size)}"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width of its own, channels as in the input."""
        return *self.output_size, only_input(inputs)[2]

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """Copies a batch."""
        x, = inputs
        return x[:, self.positions(0, x.shape[1])][:, :, self.positions(1, x.shape[2])]

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``sum`` of one tap, at positions that are multiples of a fraction."""
        shape = only_input(inputs)
        (stride_h, offset_h, divisor_h), (stride_w, offset_w, divisor_w) = (
            self._line(axis, shape[axis]) for axis in (0, 1))
        channels = shape[2]
        operand = Operand(rows=(0, shape[0]), columns=(0, shape[1]), stride=(stride_h, stride_w),
                          offset=(offset_h, offset_w), divisor=(divisor_h, divisor_w))
        return Window(operation="sum", operands=(operand,), size=self.output_size, out_channels=channels,
                      requantizations=(identity(channels),))

    def _line(self, axis: int, given: int) -> tuple[int, int, int]:
        """Stride, offset and divisor along an axis."""
        line = line_through(self.positions(axis, given).tolist())
        if line is None:
            raise ValueError(f"rounding in float32 spreads {self.output_size[axis]} "
                             f"{('rows', 'columns')[axis]} over {given} unevenly, which the hardware cannot "
                             f"follow; use another size")
        return line


@dataclass(frozen=True, kw_only=True, eq=False)
class ResizeNearest(Resize):
    """TFLite's RESIZE_NEAREST_NEIGHBOR to ``size (height, width)``.

    ``align_corners`` spreads the outputs from the first to the last input and rounds; ``half_pixel_centers``
    measures at the middle of the outputs.
    """

    size: tuple[int, int]
    align_corners: bool = False
    half_pixel_centers: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        check_ints("size", self.size, "height width", 1)

    @property
    def output_size(self) -> tuple[int, int]:
        """``size``."""
        return self.size

    def positions(self, axis: int, given: int) -> Ints:
        """The row or column, of ``given``, that each output reads; in float32 as the reference has it."""
        wanted = self.size[axis]
        corners = self.align_corners and wanted > 1
        scale = np.float32(given - 1 if corners else given) / np.float32(wanted - 1 if corners else wanted)
        middle = np.float32(0.5 if self.half_pixel_centers else 0.0)
        exact = ((np.arange(wanted).astype(np.float32) + middle) * scale).astype(np.float64)
        nearest = np.floor(exact + 0.5 if self.align_corners else exact).astype(np.int64)
        return np.minimum(nearest, given - 1)


@dataclass(frozen=True, kw_only=True, eq=False)
class ResizePositions(Resize):
    """Resizing by ``rows`` and ``columns``: int64, what each row and column of the output reads."""

    rows: Ints
    columns: Ints

    def __post_init__(self) -> None:
        for name in ("rows", "columns"):
            positions = getattr(self, name)
            check_array(name, positions, np.int64, "n")
            if positions[0] < 0 or (np.diff(positions) < 0).any():
                raise ValueError(f"{name} must not fall nor begin below 0, not {positions[:8].tolist()}...")
        super().__post_init__()

    @property
    def output_size(self) -> tuple[int, int]:
        """As many rows and columns as there are positions."""
        return len(self.rows), len(self.columns)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width of its own; the input must have all rows and columns that are read."""
        shape = only_input(inputs)
        if self.rows[-1] >= shape[0] or self.columns[-1] >= shape[1]:
            raise ValueError(f"reads up to row {self.rows[-1]} and column {self.columns[-1]} of an input "
                             f"{text(shape)}")
        return super().output_shape(inputs)

    def positions(self, axis: int, given: int) -> Ints:
        """``rows`` or ``columns``."""
        return self.columns if axis else self.rows
