"""Channels in another order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .checks import only_input, text
from .operator import Int8, Operator, Shape

__all__ = ["GatherChannels"]


@dataclass(frozen=True, kw_only=True, eq=False)
class GatherChannels(Operator):
    """Channel ``i`` of the output is channel ``channels[i]`` of the input.

    A channel may be read more than once or never, as ONNX's Gather along the channels has it; a shuffle
    reads each once.
    """

    channels: tuple[int, ...]

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.channels or min(self.channels) < 0:
            raise ValueError("channels must be indices of at least 0, at least one of them")

    def __str__(self) -> str:
        return f"gather {len(self.channels)} channels"

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """As many channels as there are indices."""
        shape = only_input(inputs)
        if max(self.channels) >= shape[2]:
            raise ValueError(f"reads channel {max(self.channels)}, but the input is {text(shape)}")
        return shape[0], shape[1], len(self.channels)

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """Copies a batch."""
        x, = inputs
        return x[..., list(self.channels)]
