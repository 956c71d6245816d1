"""Layers and tensors that the operators of a model file become, one after the other, within limits."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from ..network import Layer, Tensor
from ..operators.conv2d import Conv2d
from ..operators.depthwise_conv2d import DepthwiseConv2d
from ..operators.operator import Operator, Shape
from ..operators.pool import Pool
from .limits import MAX_PATCHES, MAX_VALUES
from .refusals import Refused

__all__ = ["LayerMaker"]


class LayerMaker:
    """``layers`` so far, ``made``, the tensors that they write, and ``work``, their share of MAX_WORK."""

    def __init__(self) -> None:
        self.layers: list[Layer] = []
        self.made: list[Tensor] = []
        self.work = 0

    def make(self, name: str, operator: Operator, inputs: Sequence[Tensor], output: Tensor,
             origin: str) -> None:
        """A layer more; :class:`Refused` where it takes memory without end."""
        self.work += _work(operator, [tensor.shape for tensor in inputs])
        self.made.append(output)
        self.layers.append(Layer(name=name, operator=operator, inputs=tuple(tensor.name for tensor in inputs),
                                 output=output.name, origin=origin))


def _work(operator: Operator, shapes: Sequence[Shape]) -> int:
    """Multiplications as MAX_WORK counts them; windows that need memory without end are refused."""
    if not isinstance(operator, (Conv2d, DepthwiseConv2d, Pool)):
        return operator.macs(shapes)
    (given_height, given_width, channels), (top, left, bottom, right) = shapes[0], operator.padding
    padded = (given_height + top + bottom) * (given_width + left + right) * channels
    if padded > 2 * MAX_VALUES:
        raise Refused(f"padding: found {padded} values with the padding, allowed: at most {2 * MAX_VALUES}")
    height, width, _ = operator.output_shape(shapes)
    patches = height * width * prod(operator.kernel) * channels
    if patches > MAX_PATCHES:
        raise Refused(f"kernel: found {patches} values at all positions, allowed: at most {MAX_PATCHES}")
    return operator.macs(shapes) if isinstance(operator, Conv2d) else 16 * max(patches, operator.macs(shapes))
