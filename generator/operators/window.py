"""The lowered operator: taps of a window, gathered by one of three operations, then requantized."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..bounds import Bounds, dot_bounds, sum_bounds
from ..quantization import INT8_MAX, INT8_MIN
from .checks import check_array, only_input, text
from .operator import Int8, Operator, Shape
from .taps import Taps, dot

__all__ = ["Operation", "Window"]

Operation = Literal["dot", "sum", "max"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Window(Operator):
    """What the hardware runs: ``y = requantization(operation over the taps of the window)``.

    ``dot``: the sum of products of all taps and input channels with ``weights [co, kh, kw, ci]``; ``sum`` and
    ``max``: over the taps, each channel for itself, without weights. Everything is computed on raw int8:
    taps in the padding read ``pad_value``, and the zero point of the input is folded into the bias.

    ``kernel``, ``stride`` and ``dilation`` are ``(height, width)``, ``padding`` is
    ``(top, left, bottom, right)``.
    """

    operation: Operation
    kernel: tuple[int, int]
    stride: tuple[int, int]
    padding: tuple[int, int, int, int]
    dilation: tuple[int, int] = (1, 1)
    out_channels: int
    weights: Int8 | None = None
    pad_value: int
    requantization: Requantization

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.operation not in ("dot", "sum", "max"):
            raise ValueError(f"operation must be dot, sum or max, not {self.operation!r}")
        Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)
        if not INT8_MIN <= self.pad_value <= INT8_MAX:
            raise ValueError(f"pad_value must be in [-128, 127], not {self.pad_value}")
        if self.requantization.channels != self.out_channels:
            raise ValueError(f"requantization must have {self.out_channels} channels, "
                             f"not {self.requantization.channels}")
        if self.operation == "dot":
            check_array("weights", self.weights, np.int8, "co kh kw ci")
            assert self.weights is not None
            if self.weights.shape[:3] != (self.out_channels, *self.kernel):
                raise ValueError(f"weights must have the shape [{self.out_channels}, {self.kernel[0]}, "
                                 f"{self.kernel[1]}, ci], not {list(self.weights.shape)}")
        elif self.weights is not None:
            raise ValueError(f"weights must be None for {self.operation}")

    def __str__(self) -> str:
        return (f"{self.operation} {text(self.kernel)} stride {text(self.stride)} "
                f"to {self.out_channels} channels")

    @property
    def geometry(self) -> Taps:
        """Where the taps lie."""
        return Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    @property
    def taps(self) -> int:
        """Taps of one window, ``kh * kw``."""
        return self.kernel[0] * self.kernel[1]

    @property
    def in_channels(self) -> int:
        """Channels of the input."""
        return self.out_channels if self.weights is None else self.weights.shape[3]

    @property
    def sum_bounds(self) -> Bounds:
        """Bounds of what ``operation`` gives, before the bias."""
        if self.weights is not None:
            return dot_bounds(self.weights)
        return sum_bounds(self.taps if self.operation == "sum" else 1, self.out_channels)

    @property
    def bounds(self) -> Bounds:
        """Bounds of what requantization multiplies: the sum and the bias."""
        return self.sum_bounds.plus(self.requantization.bias)

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width by the window, ``out_channels`` channels."""
        shape = only_input(inputs)
        if shape[2] != self.in_channels:
            raise ValueError(f"takes {self.in_channels} input channels, but the input {text(shape)} "
                             f"has {shape[2]}")
        return *self.geometry.output_size(shape), self.out_channels

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """Bit for bit what the hardware does, on a batch."""
        x, = inputs
        if self.weights is not None:
            sums = dot(x, self.weights, self.geometry, self.pad_value)
        else:
            taps = self.geometry.gather(x, self.pad_value)
            sums = (taps.sum(axis=(3, 4), dtype=np.int64) if self.operation == "sum"
                    else taps.max(axis=(3, 4)).astype(np.int64))
        return self.requantization.compute(sums)

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """Itself."""
        return self

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Products of ``dot``; sums and maxima multiply nothing."""
        height, width, channels = self.output_shape(inputs)
        return height * width * channels * self.taps * self.in_channels if self.operation == "dot" else 0
