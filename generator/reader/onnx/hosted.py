"""Values that the host computes after the chip: softmax, conversions, and what only moves them."""

from __future__ import annotations

from dataclasses import dataclass

from ...network import Tensor

__all__ = ["Hosted"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Hosted:
    """A tensor of the host in the order of the file, seen in the ``shape`` of the file.

    float32, or int8 where the tensor is quantized; ``unsigned`` where the file means uint8, 128 more.
    """

    tensor: Tensor
    shape: tuple[int, ...]
    unsigned: bool = False
