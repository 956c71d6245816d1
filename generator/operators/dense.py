"""Dense (fully connected) layer."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .checks import check_dot_weights, check_weight_scales, only_input, text
from .linear import Linear
from .operator import Shape
from .taps import Taps, Weights

__all__ = ["Dense"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Dense(Linear):
    """Matrix product on int8, on the input flattened in the order height, width, channels.

    Where ``n`` is only the number of channels it is applied at each position of the map.
    ``weights`` are int8 ``[co, n]``, ``bias`` int32 ``[co]``. ``weight_scales`` is float64 ``[co]``, or
    ``[1]`` where all weights share a scale.
    """

    def __post_init__(self) -> None:
        check_dot_weights(self.weights, "co n")
        super().__post_init__()
        check_weight_scales(self.weight_scales, self.out_channels, (1, self.out_channels))

    def __str__(self) -> str:
        return f"dense to {self.out_channels} channels"

    def kernel_of(self, shape: Shape) -> tuple[Weights, Taps]:
        """One window as large as the map, or one of a single tap at each position."""
        height, width, channels = shape
        if self.weights.shape[1] == channels:
            height, width = 1, 1
        weights = self.weights.reshape(self.out_channels, height, width, channels)
        return weights, Taps(kernel=(height, width), stride=(1, 1), padding=(0, 0, 0, 0))

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """One channel for each row of the weights, at one position or at all."""
        shape = only_input(inputs)
        size, found = self.weights.shape[1], int(np.prod(shape))
        if size == shape[2]:
            return shape[0], shape[1], self.out_channels
        if found != size:
            raise ValueError(f"weights take {size} inputs, but the input {text(shape)} has {found} values, "
                             f"{shape[2]} at each position")
        return 1, 1, self.out_channels
