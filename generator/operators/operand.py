"""What a window reads of one input tensor: a slice, the taps of a kernel on it, and what each tap means."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..quantization import INT8_MAX, INT8_MIN
from .arithmetic import Ints
from .checks import check_ints
from .operator import Attributes, Int8, Shape

__all__ = ["Operand"]

Int16 = npt.NDArray[np.int16]

# What a lane of a channel engine multiplies by: the difference of two int8.
WEIGHT_MIN, WEIGHT_MAX = INT8_MIN - INT8_MAX, INT8_MAX - INT8_MIN


@dataclass(frozen=True, kw_only=True, eq=False)
class Operand(Attributes):
    """Taps on the slice ``rows`` x ``columns`` of a tensor; all pairs are ``(height, width)``.

    Tap ``k`` of output ``i`` lies at ``(i * stride + offset) // divisor - origin + k * dilation``, counted
    from the first row or column of the slice. Taps outside the slice read ``pad_value``. A stride of 0 lets
    all outputs read the same place, a divisor resizes.

    ``weights`` are int8 ``[co, kh, kw, ci]`` in a ``dot`` (or int16 from -255 to 255), int16 ``[kh, kw, co]``
    from -255 to 255 in a ``multiply``. ``table`` is int64 ``[256]`` in a ``lookup``: entry ``x + 128`` is
    what ``x`` counts for. ``zero`` comes off ``x`` in a ``product``.
    """

    rows: tuple[int, int]
    """First row of the slice, and how many."""
    columns: tuple[int, int]
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    divisor: tuple[int, int] = (1, 1)
    offset: tuple[int, int] = (0, 0)
    origin: tuple[int, int] = (0, 0)
    """Rows above and columns left of the slice at which the first tap of output 0 lies."""
    dilation: tuple[int, int] = (1, 1)
    pad_value: int = 0
    weights: Int8 | Int16 | None = None
    table: Ints | None = None
    zero: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        for name, least in (("rows", 0), ("columns", 0), ("kernel", 1), ("stride", 0), ("divisor", 1),
                            ("offset", 0), ("dilation", 1)):
            parts = "first count" if name in ("rows", "columns") else "height width"
            check_ints(name, getattr(self, name), parts, least)
        if not self.rows[1] or not self.columns[1]:
            raise ValueError(f"the slice must not be empty, not {self.rows[1]} rows and "
                             f"{self.columns[1]} columns")
        for name in ("pad_value", "zero"):
            if not INT8_MIN <= getattr(self, name) <= INT8_MAX:
                raise ValueError(f"{name} must be in [-128, 127], not {getattr(self, name)}")

    @property
    def taps(self) -> int:
        """Taps of the kernel."""
        return self.kernel[0] * self.kernel[1]

    def row(self, output_row: int) -> int:
        """Row of the slice under the first tap of ``output_row``; may lie outside."""
        return self._position(0, output_row)

    def column(self, output_column: int) -> int:
        """Column of the slice under the first tap of ``output_column``; may lie outside."""
        return self._position(1, output_column)

    def _position(self, axis: int, index: int) -> int:
        return (index * self.stride[axis] + self.offset[axis]) // self.divisor[axis] - self.origin[axis]

    def gather(self, x: Int8, rows_of: range, columns_of: range) -> Int8:
        """The taps ``[n, oh, ow, kh, kw, c]`` of some outputs, by row and column, on ``x [n, h, w, c]``."""
        rows, columns = self._taps_of(0, rows_of), self._taps_of(1, columns_of)
        (inside_rows, rows), (inside_columns, columns) = self._inside(rows, 0), self._inside(columns, 1)
        oh, kh = rows.shape
        ow, kw = columns.shape
        taps = x[:, rows.reshape(-1)][:, :, columns.reshape(-1)]
        taps = taps.reshape(len(x), oh, kh, ow, kw, -1).transpose(0, 1, 3, 2, 4, 5)
        inside = inside_rows[:, np.newaxis, :, np.newaxis] & inside_columns[np.newaxis, :, np.newaxis, :]
        return taps if inside.all() else np.where(inside[..., np.newaxis], taps, np.int8(self.pad_value))

    def inside(self, size: tuple[int, int]) -> Ints:
        """How many taps of each output of ``size`` lie inside the slice, ``[oh, ow]``."""
        counts = []
        for axis, count in enumerate((self.rows[1], self.columns[1])):
            starts = self._starts(axis, range(size[axis]))
            # The first tap at or below 0, and the first at or below the end of the slice.
            first, end = (np.clip(-((starts - edge) // self.dilation[axis]), 0, self.kernel[axis])
                          for edge in (0, count))
            counts.append(end - first)
        product: Ints = counts[0][:, np.newaxis] * counts[1]
        return product

    def check(self, shape: Shape) -> None:
        """A ``ValueError`` where the slice is not part of a tensor of ``shape``."""
        if sum(self.rows) > shape[0] or sum(self.columns) > shape[1]:
            raise ValueError(f"reads rows up to {sum(self.rows)} and columns up to {sum(self.columns)} of an "
                             f"input of {shape[0]} x {shape[1]}")

    def _starts(self, axis: int, outputs: range) -> Ints:
        """Positions of the first taps of ``outputs`` along an axis."""
        return np.array([self._position(axis, index) for index in outputs], np.int64)

    def _taps_of(self, axis: int, outputs: range) -> Ints:
        """Positions of all taps of ``outputs`` along an axis, ``[outputs, kernel]``."""
        return (self._starts(axis, outputs)[:, np.newaxis]
                + np.arange(self.kernel[axis]) * self.dilation[axis])

    def _inside(self, positions: Ints, axis: int) -> tuple[npt.NDArray[np.bool_], Ints]:
        """Which positions lie in the slice, and all of them moved into it, as indices of the tensor."""
        first, count = (self.rows, self.columns)[axis]
        return (positions >= 0) & (positions < count), np.clip(positions, 0, count - 1) + first

