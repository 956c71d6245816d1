"""From real numbers to int8 and back, which the host does."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from ..quantization import INT8_MAX, INT8_MIN, Quantization
from .arithmetic import Rounding
from .checks import check_activation, check_array, check_rounding, check_scale, only_input
from .half_even import FAR, Singles, on_grid
from .host import HostOperator
from .operator import Int8, Shape

__all__ = ["Dequantize", "DequantizeTable", "Quantize"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Quantize(HostOperator):
    """From float32 to int8: divided in float32, rounded, clamped.

    TFLite's QUANTIZE rounds half away from zero; with ``rounding`` "half_even" it is ONNX's QuantizeLinear.
    """

    place = "first"

    output: Quantization
    rounding: Rounding = "twice"
    limits: tuple[int, int] = (INT8_MIN, INT8_MAX)

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("output", self.output)
        check_rounding(self.rounding)
        check_activation(self.limits)

    def __str__(self) -> str:
        return "quantize"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        return only_input(inputs)

    def compute(self, inputs: Sequence[npt.NDArray[Any]]) -> Int8:
        """The reference kernel on a batch; what is no number counts as 0."""
        x, = inputs
        if self.rounding == "half_even":
            return np.clip(on_grid(x, self.output), *self.limits).astype(np.int8)
        with np.errstate(over="ignore", under="ignore"):
            quotient = np.nan_to_num(x.astype(np.float32) / np.float32(self.output.scale)).astype(np.float64)
        magnitude = np.floor(np.minimum(np.abs(quotient), FAR) + 0.5)
        steps = np.copysign(magnitude, quotient).astype(np.int64) + self.output.zero_point
        return np.clip(steps, *self.limits).astype(np.int8)


@dataclass(frozen=True, kw_only=True, eq=False)
class Dequantize(HostOperator):
    """From int8 to float32: TFLite's DEQUANTIZE, ONNX's DequantizeLinear."""

    input: Quantization

    def __post_init__(self) -> None:
        super().__post_init__()
        check_scale("input", self.input)

    def __str__(self) -> str:
        return "dequantize"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        return only_input(inputs)

    def compute(self, inputs: Sequence[Int8]) -> npt.NDArray[Any]:
        """The reference kernel on a batch, in float32."""
        x, = inputs
        steps = (x.astype(np.int32) - self.input.zero_point).astype(np.float32)
        with np.errstate(over="ignore", under="ignore"):
            return np.float32(self.input.scale) * steps


@dataclass(frozen=True, kw_only=True, eq=False)
class DequantizeTable(HostOperator):
    """A function from int8 to float32: ``table[x + 128]``, float32 ``[256]``; ``function`` is its name."""

    function: str
    table: Singles

    def __post_init__(self) -> None:
        check_array("table", self.table, np.float32, "256")
        if len(self.table) != 256:
            raise ValueError(f"table must hold 256 values, one for each int8, not {len(self.table)}")
        super().__post_init__()

    @property
    def kind(self) -> str:
        """The name of the operator in descriptions: that of its function."""
        return self.function

    def __str__(self) -> str:
        return self.function

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """The same as that of the input."""
        return only_input(inputs)

    def compute(self, inputs: Sequence[Int8]) -> npt.NDArray[Any]:
        """The table's entry for each value."""
        x, = inputs
        return self.table[x.astype(np.int64) - INT8_MIN]
