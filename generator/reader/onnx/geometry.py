"""Where the windows of convolutions and pools lie: kernel, strides, dilations, padding, in two dimensions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ...network import Tensor
from ...operators.operator import Shape
from ...operators.pad import Pad
from ..refusals import Refused, sizes
from .conversion import Conversion

__all__ = ["Geometry", "framed", "geometry", "padded"]

Padding = tuple[int, int, int, int]

PADS = ("NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")


@dataclass(frozen=True, kw_only=True)
class Geometry:
    """Pairs ``(height, width)``; a value with one axis beside the channels has a height of 1.

    ``padding`` is ``(top, left, bottom, right)`` with what lets the last window in where the output size is
    rounded up; ``excess`` is how much of its bottom and right that is.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: Padding
    excess: tuple[int, int]

    @property
    def extent(self) -> tuple[int, int]:
        """Rows and columns from the first tap to the last."""
        return ((self.kernel[0] - 1) * self.dilation[0] + 1, (self.kernel[1] - 1) * self.dilation[1] + 1)


def geometry(c: Conversion, shape: Shape, axes: int, kernel: Sequence[int] | None, *,
             ceil: bool = False) -> Geometry:
    """That of the node on a map of ``shape`` with ``axes`` axes beside the channels, 1 or 2.

    ``kernel`` is that of the weights; None where an attribute must say it.
    """
    found = c.sizes("kernel_shape", kernel or (), 1, axes)
    if kernel is not None and found != tuple(kernel):
        raise Refused(f"kernel_shape: found {sizes(found)}, allowed: that of the weights, {sizes(kernel)}")
    strides, dilations = c.sizes("strides", (1,) * axes, 1, axes), c.sizes("dilations", (1,) * axes, 1, axes)
    auto = c.expect("auto_pad", "NOTSET", PADS)
    pads = c.sizes("pads", (0,) * 2 * axes, 0, 2 * axes) if auto == "NOTSET" else (0,) * 2 * axes
    given = shape[2 - axes:2]
    begins, ends, extras = [], [], []
    for axis in range(axes):
        begin, end = pads[axis], pads[axis + axes]
        extent = (found[axis] - 1) * dilations[axis] + 1
        if auto.startswith("SAME"):
            total = (-(-given[axis] // strides[axis]) - 1) * strides[axis] + extent - given[axis]
            if kernel is None and total < -1:
                raise Refused(f"auto_pad: found {auto} with windows that leave out {-total} entries between "
                              f"them and at the ends, where tools differ, allowed: pads")
            total = max(total, 0)
            begin, end = total // 2, total - total // 2
            if auto == "SAME_LOWER":
                begin, end = end, begin
        begins.append(begin)
        ends.append(end)
        extras.append(_extra(given[axis] + begin, end, extent, strides[axis]) if ceil else 0)
    top, left = _pair(begins, 0)
    bottom, right = _pair([end + extra for end, extra in zip(ends, extras, strict=True)], 0)
    return Geometry(kernel=_pair(found, 1), stride=_pair(strides, 1), dilation=_pair(dilations, 1),
                    padding=(top, left, bottom, right), excess=_pair(extras, 0))


def _extra(before_end: int, end: int, extent: int, stride: int) -> int:
    """Padding beyond the end that makes room for one window more, which must not begin in the padding."""
    rest = (before_end + end - extent) % stride
    windows = (before_end + end - extent) // stride + 1
    if not rest or windows * stride >= before_end:
        return 0
    return stride - rest


def _pair(values: Sequence[int], fill: int) -> tuple[int, int]:
    """Height and width; ``fill`` where there is no height."""
    return (fill, values[0]) if len(values) == 1 else (values[0], values[1])


def padded(c: Conversion, source: Tensor, where: Geometry, value: int) -> tuple[Tensor, Padding]:
    """``source`` and its padding; one that reaches as far as the kernel is put around first, as ``value``."""
    height, width = where.extent
    if max(where.padding[0::2]) < height and max(where.padding[1::2]) < width:
        return source, where.padding
    return _framed(c, source, where.padding, value), (0, 0, 0, 0)


def framed(c: Conversion, source: Tensor, where: Geometry, value: int) -> tuple[Tensor, Geometry]:
    """``source`` with the padding around it as ``value``; what lets the last windows in remains padding."""
    (top, left, bottom, right), excess = where.padding, where.excess
    own = top, left, bottom - excess[0], right - excess[1]
    return (_framed(c, source, own, value) if any(own) else source), replace(where, padding=(0, 0, *excess))


def _framed(c: Conversion, source: Tensor, padding: Padding, value: int) -> Tensor:
    label = replace(c.label, name=f"{c.label.name}_pad")
    return c.builder.emit(label, Pad(padding=padding, value=value), [source], f"{source.name}_padded",
                          source.quantization)
