"""Two-dimensional convolution."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import check_dot_weights, check_weight_scales, only_input, text
from .linear import Linear
from .operator import Shape
from .taps import Taps, Weights

__all__ = ["Conv2d"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Conv2d(Linear):
    """Two-dimensional convolution on int8, with one weight scale for each output channel.

    ``weights`` are int8 ``[co, kh, kw, ci]``, ``bias`` int32 ``[co]``, ``weight_scales`` float64 ``[co]``.
    An input of ``g * ci`` channels falls into ``g`` groups, each read by ``co / g`` of the filters, in order.
    ``stride`` and ``dilation`` are ``(height, width)``, ``padding`` is ``(top, left, bottom, right)``.
    """

    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)

    def __post_init__(self) -> None:
        check_dot_weights(self.weights, "co kh kw ci")
        super().__post_init__()
        check_weight_scales(self.weight_scales, self.out_channels, (self.out_channels,))
        Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def __str__(self) -> str:
        return f"conv2d {text(self.kernel)} stride {text(self.stride)} to {self.out_channels} channels"

    @property
    def kernel(self) -> tuple[int, int]:
        """Height and width of the kernel."""
        return self.weights.shape[1], self.weights.shape[2]

    @property
    def taps(self) -> Taps:
        """Where the taps lie."""
        return Taps(kernel=self.kernel, stride=self.stride, padding=self.padding, dilation=self.dilation)

    def kernel_of(self, shape: Shape) -> tuple[Weights, Taps]:
        """The weights as they are."""
        return self.weights, self.taps

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """Height and width by the window, one channel for each filter."""
        shape = only_input(inputs)
        channels = self.weights.shape[3]
        if shape[2] % channels:
            raise ValueError(f"weights take {channels} input channels, but the input {text(shape)} "
                             f"has {shape[2]}")
        groups = shape[2] // channels
        if self.out_channels % groups:
            raise ValueError(f"weights make {self.out_channels} output channels, which must be a multiple of "
                             f"the {groups} groups of {channels} channels of the input {text(shape)}")
        return *self.taps.output_size(shape), self.out_channels
