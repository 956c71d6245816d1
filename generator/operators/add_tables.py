"""Addition of two tensors in float32, each of its values looked up in a table, rounded half to even."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..quantization import INT8_MAX, INT8_MIN
from .arithmetic import Ints
from .checks import check_array
from .elementwise import common_shape, looked_up
from .half_even import Singles, steps
from .operator import Int8, Operator, Shape
from .sum_tables import centred, sum_tables
from .window import Window

__all__ = ["AddTables"]


@dataclass(frozen=True, kw_only=True, eq=False)
class AddTables(Operator):
    """``y = clamp(round((first[x1 + 128] + second[x2 + 128]) / scale) + zero_point)``, as ONNX says.

    ``first`` and ``second`` are float32 ``[256]``; sum and quotient are rounded to float32, the quotient half
    to even. ``limits`` are the lowest and the highest output. A tensor of one row or one column is repeated
    along the other's.
    """

    first: Singles
    second: Singles
    scale: float = 1.0
    zero_point: int = 0
    limits: tuple[int, int] = (INT8_MIN, INT8_MAX)

    def __post_init__(self) -> None:
        for name in ("first", "second"):
            table = getattr(self, name)
            check_array(name, table, np.float32, "256")
            if len(table) != 256 or not np.isfinite(table).all():
                raise ValueError(f"{name} must hold 256 finite values, one for each int8, not {len(table)}")
        super().__post_init__()

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions."""
        return "add"

    def __str__(self) -> str:
        return self.kind

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The larger of each axis; channels must be the same."""
        return common_shape(inputs)

    @cached_property
    def _outputs(self) -> Ints:
        """The output for each pair of inputs, ``[256, 256]``."""
        with np.errstate(over="ignore", under="ignore"):
            quotients = (self.first[:, np.newaxis] + self.second) / np.float32(self.scale)
        return np.clip(steps(quotients) + self.zero_point, *self.limits)

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """The sums of a batch."""
        first, second = (x.astype(np.int64) - INT8_MIN for x in inputs)
        return self._outputs[first, second].astype(np.int8)

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """A ``lookup`` in two narrow tables; a ``ValueError`` where there are none."""
        return looked_up(inputs, self.output_shape(inputs), *self._tables)

    @cached_property
    def _tables(self) -> tuple[list[Ints], Requantization]:
        """Narrow tables of both operands and the requantization of their sums."""
        low, high = self.limits
        first, second = (table.astype(np.float64) / self.scale for table in (self.first, self.second))
        found = sum_tables(self._outputs, first, second, zero_point=self.zero_point,
                           ties=lambda values: (values - self.zero_point) % 2 == 0, low=low, high=high)
        if found is None:
            raise ValueError("adds two tensors whose scales no pair of tables brings together exactly; use "
                             "an output scale that is nearer to those of the inputs")
        return centred([found.first, found.second], np.zeros(1, np.int64), found.outputs, low=low,
                       high=high, zero=self.zero_point)
