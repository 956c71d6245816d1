"""Operators that take parts of a tensor: strided slices and splits."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ...network import Tensor
from ...operators.slice import Slice
from ..limits import MAX_DIMENSION, MAX_OPERANDS
from ..refusals import Refused, sizes
from .conversion import Conversion
from .tensors import map_axis

__all__ = ["SLICES"]

STRIDED = "StridedSliceOptions"


@dataclass(frozen=True)
class _Range:
    """What is read along one axis: ``size`` entries from ``begin``, ``stride`` apart."""

    begin: int
    size: int
    stride: int = 1


def _emit(c: Conversion, x: Tensor, y: Tensor, ranges: Sequence[_Range], part: str = "") -> None:
    """The slice with one range for each axis of the file."""
    by_axis = {map_axis(axis, len(ranges)): one for axis, one in enumerate(ranges)}
    height, width, channels = (by_axis.get(axis, _Range(0, 1)) for axis in (0, 1, 2))
    c.same_quantization(x, y)
    c.emit(Slice(begin=(height.begin, width.begin, channels.begin),
                 size=(height.size, width.size, channels.size),
                 stride=(height.stride, width.stride, channels.stride)), [x], y, part)


def _strided_slice(c: Conversion) -> None:
    c.operands(4)
    x, y = c.input(), c.output()
    begins, ends, strides = c.integers(1), c.integers(2), c.integers(3)
    dims = c.tensors.dims(c.index(0))
    if not len(begins) == len(ends) == len(strides):
        raise Refused(f"begin, end and strides: found {len(begins)}, {len(ends)} and {len(strides)} entries, "
                      f"allowed: equally many")
    ranges, shape = _strided(c, dims, list(zip(begins, ends, strides, strict=True)))
    found = c.tensors.dims(c.operator.outputs[0])
    if found != tuple(shape):
        raise Refused(f"output: found {sizes(found)}, allowed: {sizes(shape)} for these begin, end and "
                      f"strides")
    _emit(c, x, y, ranges)


def _strided(c: Conversion, dims: Sequence[int], entries: Sequence[tuple[int, int, int]],
             ) -> tuple[list[_Range], list[int]]:
    """The range of every axis of the input, and the shape of the output."""
    def masked(name: str, position: int) -> bool:
        return bool(c.option(STRIDED, name) >> position & 1)

    ellipses = [masked("ellipsis_mask", i) for i in range(len(entries))]
    fresh = [masked("new_axis_mask", i) and not ellipses[i] for i in range(len(entries))]
    taken = len(entries) - sum(ellipses) - sum(fresh)
    if sum(ellipses) > 1 or taken > len(dims):
        raise Refused(f"begin: found entries for {taken} axes with {sum(ellipses)} ellipses, "
                      f"allowed: at most {len(dims)} and one")
    ranges: list[_Range] = []
    shape: list[int] = []

    def keep(count: int) -> None:
        for size in dims[len(ranges):len(ranges) + count]:
            ranges.append(_Range(0, size))
            shape.append(size)

    for i, (begin, end, stride) in enumerate(entries):
        if ellipses[i]:
            keep(len(dims) - taken)
        elif fresh[i]:
            shape.append(1)
        else:
            size = dims[len(ranges)]
            end += begin if c.option(STRIDED, "offset") else 0
            single = masked("shrink_axis_mask", i)
            ranges.append(_range(size, None if masked("begin_mask", i) else begin,
                                 None if masked("end_mask", i) else end, stride, single))
            shape += [] if single else [ranges[-1].size]
    keep(len(dims) - len(ranges))
    return ranges, shape


def _range(size: int, begin: int | None, end: int | None, stride: int, single: bool) -> _Range:
    """One axis of ``size`` entries; negative positions count from its end, None is as far as it goes."""
    if stride < 1:
        raise Refused(f"strides: found {stride}, allowed: at least 1")
    first = 0 if begin is None else begin + size if begin < 0 else begin
    last = size if end is None else end + size if end < 0 else end
    if single:
        last, stride = first + 1, 1
    else:
        first, last = min(max(first, 0), size), min(max(last, 0), size)
    if not 0 <= first < last <= size:
        raise Refused(f"begin and end: found {first} to {last} of {size} entries, allowed: a part that is "
                      f"not empty")
    return _Range(first, -(-(last - first) // stride), min(stride, MAX_DIMENSION))


def _slice(c: Conversion) -> None:
    """SLICE: a begin and a size for each axis, -1 for the rest of it."""
    c.operands(3)
    x, y, dims = c.input(), c.output(), c.tensors.dims(c.index(0))
    begins, counts = c.integers(1), c.integers(2)
    if not len(begins) == len(counts) == len(dims):
        raise Refused(f"begin and size: found {len(begins)} and {len(counts)} entries, allowed: {len(dims)}")
    ranges = []
    for size, begin, count in zip(dims, begins, counts, strict=True):
        count = size - begin if count == -1 else count
        if not 0 <= begin < begin + count <= size:
            raise Refused(f"begin and size: found {count} from {begin} of {size} entries, allowed: a "
                          f"part that is not empty")
        ranges.append(_Range(begin, count))
    _emit(c, x, y, ranges)


def _parts(c: Conversion, position: int, axis: int, counts: Sequence[int]) -> None:
    """A slice for each output that is needed, ``counts`` entries of ``axis`` each."""
    x, dims = c.input(position), c.tensors.dims(c.index(position))
    batch = map_axis(axis, len(dims)) < 0
    axis %= len(dims)
    if any(count < 1 for count in counts) or sum(counts) != dims[axis] or (batch and len(counts) > 1):
        raise Refused(f"sizes: found {sizes(counts[:16])}, allowed: parts of the {dims[axis]} entries of "
                      f"axis {axis}")
    begin = 0
    for number, (count, index) in enumerate(zip(counts, c.operator.outputs, strict=True)):
        if index in c.graph.needed:
            ranges = [_Range(begin, count) if i == axis else _Range(0, size) for i, size in enumerate(dims)]
            _emit(c, x, c.output(number), ranges, f"_{number}")
        begin += count


def _single(c: Conversion, position: int) -> int:
    values = c.integers(position)
    if len(values) != 1:
        raise Refused(f"axis: found {len(values)} values, allowed: one")
    return values[0]


def _split(c: Conversion) -> None:
    """SPLIT into equal parts: inputs are axis and tensor."""
    count = len(c.operator.outputs)
    c.operands(2, outputs=max(count, 1))
    axis, dims = _single(c, 0), c.tensors.dims(c.index(1))
    map_axis(axis, len(dims))
    if c.option("SplitOptions", "num_splits") != count or dims[axis] % count:
        raise Refused(f"num_splits: found {c.option('SplitOptions', 'num_splits')}, allowed: {count} outputs "
                      f"that divide the {dims[axis]} entries of axis {axis}")
    _parts(c, 1, axis, [dims[axis] // count] * count)


def _split_v(c: Conversion) -> None:
    """SPLIT_V into parts of given sizes, of which one may be -1: inputs are tensor, sizes and axis."""
    count = len(c.operator.outputs)
    c.operands(3, outputs=max(count, 1))
    counts, axis, dims = list(c.integers(1, MAX_OPERANDS)), _single(c, 2), c.tensors.dims(c.index(0))
    map_axis(axis, len(dims))
    if len(counts) != count or counts.count(-1) > 1:
        raise Refused(f"size_splits: found {sizes(counts)}, allowed: a size for each of the {count} outputs")
    if -1 in counts:
        counts[counts.index(-1)] = dims[axis] - sum(counts) - 1
    _parts(c, 0, axis, counts)


SLICES: dict[str, Callable[[Conversion], None]] = {
    "SLICE": _slice,
    "SPLIT": _split,
    "SPLIT_V": _split_v,
    "STRIDED_SLICE": _strided_slice,
}
