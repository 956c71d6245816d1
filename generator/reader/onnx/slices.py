"""Operators that take parts of values, put values side by side, or put constants around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from ...operators.concat import Concat
from ...operators.pad import Pad
from ...operators.slice import Slice
from ...quantization import INT8_MIN
from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from .builder import Builder, Label
from .conversion import Conversion, Value, axis_of
from .moves import moved
from .quantizers import dequantized_input, meaning
from .reals import Function, Mapping, Real, Target
from .values import MAP_ORDERS, Stored, Weights, map_places
from .windows import on_integers, picked

__all__ = ["SLICES"]


def _cut(c: Conversion, parts: Sequence[slice], part: str = "") -> Value:
    """A part of input 0, given by a slice for each axis."""
    value = c.value(0)
    if isinstance(value, Weights):
        return moved(value, lambda array: array[tuple(parts)])
    value, stored = picked(c)
    order = _order(stored)
    source = c.builder.map(stored, order, c.label)
    by_axis = dict(zip(order, parts, strict=True))
    ranges = [by_axis.get(axis, slice(0, 1, 1)) for axis in "hwc"]
    sizes_ = [len(range(one.start, one.stop, one.step)) for one in ranges]
    operator = Slice(begin=_three([one.start for one in ranges]), size=_three(sizes_),
                     stride=_three([one.step for one in ranges]))
    label = replace(c.label, name=c.label.name + part)
    name = c.node.outputs[int(part[1:]) if part else 0]
    tensor = c.builder.emit(label, operator, [source], name, source.quantization)
    after = Stored(tensor=tensor, places=map_places(tensor.shape, order), unsigned=stored.unsigned)
    return on_integers(value, after)


def _three(values: Sequence[int]) -> tuple[int, int, int]:
    height, width, channels = values
    return height, width, channels


def _order(stored: Stored) -> str:
    """What the axes of a value are."""
    rank = len(stored.shape)
    if rank not in MAP_ORDERS:
        raise Refused(f"input: found {rank} dimensions, allowed: 1 to 4, the first one a batch of 1")
    return MAP_ORDERS[rank]


def _slice(c: Conversion) -> Value:
    """Height, width and channels; positive steps."""
    c.inputs(1, 5)
    shape = c.value(0).shape
    if c.has(1):
        starts, ends = c.integers(1), c.integers(2)
        axes = c.integers(3) if c.has(3) else tuple(range(len(starts)))
        steps = c.integers(4) if c.has(4) else (1,) * len(starts)
    else:
        starts, ends = c.attribute("starts", ()), c.attribute("ends", ())
        axes, steps = c.attribute("axes", tuple(range(len(starts)))), (1,) * len(starts)
    if not len(starts) == len(ends) == len(axes) == len(steps):
        raise Refused(f"starts, ends, axes and steps: found {len(starts)}, {len(ends)}, {len(axes)} and "
                      f"{len(steps)} entries, allowed: equally many")
    parts = [slice(0, size, 1) for size in shape]
    for start, end, axis, step in zip(starts, ends, axes, steps, strict=True):
        axis = axis_of(axis, len(shape))
        if step < 1:
            raise Refused(f"steps: found {step}, allowed: at least 1")
        first, last, step = slice(start, end, min(step, MAX_DIMENSION)).indices(shape[axis])
        if first >= last:
            raise Refused(f"starts and ends: found {first} to {last} of {shape[axis]} entries, allowed: a "
                          f"part that is not empty")
        parts[axis] = slice(first, last, step)
    return _cut(c, parts)


def _split(c: Conversion) -> tuple[Value | None, ...]:
    """Height, width or channels, into equal parts or parts of given sizes."""
    c.inputs(1, 2)
    shape = c.value(0).shape
    axis = axis_of(c.attribute("axis", 0), len(shape))
    count = len(c.node.outputs)
    given = c.integers(1, 256) if c.has(1) else c.attribute("split", ())
    if not given:
        each = -(-shape[axis] // count)
        given = (*(each,) * (count - 1), shape[axis] - each * (count - 1))
    if len(given) != count or min(given) < 1 or sum(given) != shape[axis]:
        raise Refused(f"split: found {sizes(given[:16])}, allowed: {count} parts of the {shape[axis]} "
                      f"entries of axis {axis}")
    outputs: list[Value | None] = []
    begin = 0
    for number, size in enumerate(given):
        parts = [slice(begin, begin + size, 1) if i == axis else slice(0, whole, 1)
                 for i, whole in enumerate(shape)]
        outputs.append(_cut(c, parts, f"_{number}") if c.needs(number) else None)
        begin += size
    return tuple(outputs)


def _pad(c: Conversion) -> Value:
    """Height, width and channels, with a constant that an integer of the input stands for."""
    c.inputs(1, 4)
    c.expect("mode", "constant", ("constant",))
    value = c.value(0)
    shape = value.shape
    pads = c.integers(1) if c.has(1) else c.attribute("pads", ())
    axes = c.integers(3) if c.has(3) else tuple(range(len(shape)))
    if len(pads) != 2 * len(axes):
        raise Refused(f"pads: found {len(pads)} numbers, allowed: two for each of {len(axes)} axes")
    around = {axis_of(axis, len(shape)): (pads[i], pads[i + len(axes)]) for i, axis in enumerate(axes)}
    if any(not 0 <= number <= MAX_DIMENSION for number in pads):
        raise Refused(f"pads: found {sizes(pads)}, allowed: at least 0 each, Slice to take away")
    if not any(pads):
        return value
    constant = c.scalar(2) if c.has(2) else c.attribute("value", 0.0)
    value, stored = picked(c)
    order = _order(stored)
    by_axis = {letter: around.get(axis, (0, 0)) for axis, letter in enumerate(order)}
    if any(by_axis.get("n", ())):
        raise Refused(f"pads: found {sizes(pads)}, allowed: 0 for the batch")
    number = _integer(value, stored, constant)
    source = c.builder.map(stored, order, c.label)
    (top, bottom), (left, right) = (by_axis.get(axis, (0, 0)) for axis in "hw")
    operator = Pad(padding=(top, left, bottom, right), channels=by_axis["c"], value=number)
    tensor = c.builder.emit(c.label, operator, [source], c.node.outputs[0], source.quantization)
    return on_integers(value, Stored(tensor=tensor, places=map_places(tensor.shape, order),
                                     unsigned=stored.unsigned))


def _integer(value: Value, stored: Stored, constant: float) -> int:
    """The integer on the chip that stands for ``constant``."""
    if not isinstance(value, Function):
        number = int(constant) - 128 * stored.unsigned
        if number == constant - 128 * stored.unsigned and INT8_MIN <= number <= 127:
            return number
        raise Refused(f"constant_value: found {constant:g}, allowed: an integer of the input's type")
    found = np.flatnonzero(value.table == np.float32(constant))
    if not len(found):
        raise Refused(f"constant_value: found {constant:g}, which no integer of the input stands for, "
                      "allowed: 0")
    return int(found[0]) + INT8_MIN


@dataclass(frozen=True, kw_only=True, eq=False)
class Joined(Real):
    """Real numbers side by side along ``axis`` that mean different things until they are quantized."""

    parts: tuple[Real, ...]
    axis: int
    conversion: Conversion

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        shape = list(self.parts[0].shape)
        shape[self.axis] = sum(part.shape[self.axis] for part in self.parts)
        return tuple(shape)

    def quantized(self, builder: Builder, target: Target) -> Stored:
        """Each part for itself, then side by side."""
        parts = [part.quantized(builder, replace(target, name=f"{target.name}_{i}"))
                 for i, part in enumerate(self.parts)]
        return _joined(self.conversion, parts, self.axis)

    def mapped(self, function: Mapping, name: str, label: Label) -> Joined:
        """The function of each part."""
        return replace(self, parts=tuple(part.mapped(function, name, label) for part in self.parts))

    def clamped(self, low: float, high: float, label: Label) -> Joined:
        """Each part within the limits."""
        return replace(self, parts=tuple(part.clamped(low, high, label) for part in self.parts))


def _concat(c: Conversion) -> Value:
    """Height, width or channels; of values of any scales before a QuantizeLinear."""
    c.inputs(max(len(c.node.inputs), 1))
    values = [c.value(position) for position in range(len(c.node.inputs))]
    axis = axis_of(c.attribute("axis", 1), len(values[0].shape))
    if all(isinstance(value, Stored) for value in values):
        return _joined(c, [c.of(Stored, i) for i in range(len(values))], axis)
    functions = [c.of(Function, i) for i in range(len(values))]
    first = functions[0]
    if not first.by_channel and all(np.array_equal(first.table, other.table) for other in functions):
        return replace(first, stored=_joined(c, [function.stored for function in functions], axis))
    return Joined(parts=tuple(functions), axis=axis, conversion=c)


def _joined(c: Conversion, parts: Sequence[Stored], axis: int) -> Stored:
    """Integers side by side along ``axis``."""
    if len(parts) == 1:
        return parts[0]
    first = parts[0]
    if any(part.unsigned != first.unsigned or len(part.shape) != len(first.shape) for part in parts):
        raise Refused("inputs: found different types or numbers of dimensions, allowed: equal ones")
    order = _order(first)
    if order[axis] == "n":
        raise Refused("axis: found the batch, allowed: channels, height or width")
    sources = [c.builder.map(part, order, c.label) for part in parts]
    operator = Concat(axis="hwc".index(order[axis]), count=len(parts))
    tensor = c.builder.emit(c.label, operator, sources, c.node.outputs[0], sources[0].quantization)
    return Stored(tensor=tensor, places=map_places(tensor.shape, order), unsigned=first.unsigned)


def _qlinear_concat(c: Conversion) -> Value:
    """As Concat, in integers."""
    count = (len(c.node.inputs) - 2) // 3
    c.inputs(2 + 3 * max(count, 1), 2 + 3 * max(count, 1))
    to = meaning(c, 0, 1)
    parts = [dequantized_input(c, 2 + 3 * i).quantized(
        c.builder, Target(meaning=to, name=f"{c.node.outputs[0]}_{i}")) for i in range(count)]
    return _joined(c, parts, axis_of(c.attribute("axis", 1), len(parts[0].shape)))


SLICES: dict[str, Callable[[Conversion], Value | tuple[Value | None, ...]]] = {
    "Slice": _slice,
    "Split": _split,
    "Pad": _pad,
    "Concat": _concat,
    "com.microsoft.QLinearConcat": _qlinear_concat,
}
