"""Depthwise convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .checks import check_dot_weights, check_weight_scales, only_input, text
from .linear import Linear
from .operator import Shape
from .taps import Taps, Weights

__all__ = ["DepthwiseConv2d"]


@dataclass(frozen=True, kw_only=True, eq=False)
class DepthwiseConv2d(Linear):
    """Depthwise convolution on int8: every input channel has ``m`` filters for itself alone.

    ``weights`` are int8 ``[kh, kw, co]``; output channel ``c * m + j`` is that of filter ``j`` on channel
    ``c``, with ``m`` the quotient of ``co`` and the channels of the input. ``bias`` is int32 ``[co]``,
    ``weight_scales`` float64 ``[co]``; ``stride`` and ``dilation`` are ``(height, width)``, ``padding`` is
    ``(top, left, bottom, right)``.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_dot_weights(self.weights, "kh kw co")
        super().__post_init__()
        check_weight_scales(self.weight_scales, self.out_channels, (self.out_channels,))
        Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def __str__(self) -> str:
        return (f"depthwise_conv2d {text(self.kernel)} stride {text(self.stride)} "
                f"to {self.out_channels} channels")

    @property
    def filters(self) -> Weights:
        """The weights of each output channel, ``[co, kh, kw]``."""
        return np.moveaxis(self.weights, -1, 0)

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel."""
        return self.weights.shape[0], self.weights.shape[1]

    @property
    def taps(self) -> Taps:
        """Where the taps lie."""
        return Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def kernel_of(self, shape: Shape) -> tuple[Weights, Taps]:
        """A group for each channel."""
        return self.filters[..., np.newaxis], self.taps

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width by the window, one channel for each filter."""
        shape = only_input(inputs)
        if self.out_channels % shape[2]:
            raise ValueError(f"weights make {self.out_channels} output channels, which must be a multiple of "
                             f"the {shape[2]} channels of the input {text(shape)}")
        return *self.taps.output_size(shape), self.out_channels
