"""Operators that take parts of values, put values side by side, or put constants around them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import accumulate
from math import prod

import numpy as np

from ...operators.concat import Concat
from ...operators.pad import Pad
from ...quantization import INT8_MIN
from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from .builder import Builder, Label
from .conversion import Conversion, Value, axis_of, on_integers, picked
from .model_file import Array
from .moves import check_size, moved
from .quantizers import dequantized_input, meaning
from .reals import Function, Mapping, Real, Target
from .values import INT8_OFFSET, MAP_ORDERS, Stored, Weights, as_map, map_places

__all__ = ["SLICES"]


def _taken(c: Conversion, part: Callable[[Array], Array], number: int | None = None) -> Value:
    """The ``part`` of input 0, whose axes stay; ``number`` is that of the output where there are several."""
    value = c.value(0)
    if isinstance(value, Weights):
        return moved(value, part)
    value, stored = picked(c)
    order = _order(stored)
    source = c.builder.map(stored, order, c.label)
    places = as_map(part(map_places(source.shape, order)), order)
    label = c.label if number is None else replace(c.label, name=f"{c.label.name}_{number}")
    tensor = c.builder.gathered(source, places, label, c.node.outputs[number or 0])
    return on_integers(value, Stored.of_map(tensor, order, stored))


def _order(stored: Stored) -> str:
    """What the axes of a value are."""
    rank = len(stored.shape)
    if rank not in MAP_ORDERS:
        raise Refused(f"input: found {rank} dimensions, allowed: 1 to 4, the first one a batch of 1")
    return MAP_ORDERS[rank]


def _slice(c: Conversion) -> Value:
    """Height and width in positive steps, channels in any."""
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
        if not step:
            raise Refused("steps: found 0, allowed: any other number")
        if step < 0:
            # Beyond the first entry ONNX begins with it, Python with none.
            start = max(start, -shape[axis])
        parts[axis] = slice(start, end, step)
        if not range(shape[axis])[parts[axis]]:
            raise Refused(f"starts and ends: found {start} to {end} of {shape[axis]} entries, allowed: a "
                          f"part that is not empty")
    return _taken(c, lambda array: array[tuple(parts)])


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
    parts = [partial(np.take, indices=np.arange(end - size, end), axis=axis)
             for size, end in zip(given, accumulate(given), strict=True)]
    return tuple(_taken(c, part, number) if c.needs(number) else None for number, part in enumerate(parts))


def _gather(c: Conversion) -> Value:
    """Along channels, constant indices in any order; along height and width, in equal steps or each as often
    as the others."""
    c.inputs(2)
    shape = c.value(0).shape
    axis = axis_of(c.attribute("axis", 0), len(shape))
    indices = np.array(c.integers(1, MAX_DIMENSION))
    if not len(indices) or not (-shape[axis] <= indices).all() or not (indices < shape[axis]).all():
        raise Refused(f"indices: found some that are none of {shape[axis]} entries, allowed: "
                      f"{-shape[axis]} to {shape[axis] - 1}, at least one")
    check_size(prod(shape) // shape[axis] * len(indices))

    indices %= shape[axis]
    take = partial(np.take, indices=indices, axis=axis)
    # What only changes the order is for whoever reads it.
    ordered = np.array_equal(np.sort(indices), np.arange(shape[axis]))
    value = moved(c.value(0), take) if ordered else _taken(c, take)
    kept = value.shape[:axis] + c.array(1).shape + value.shape[axis + 1:]
    return moved(value, lambda array: array.reshape(kept))


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
    stored = replace(stored, low=min(stored.low, number), high=max(stored.high, number))
    return on_integers(value, Stored.of_map(tensor, order, stored))


def _integer(value: Value, stored: Stored, constant: float) -> int:
    """The integer on the chip that stands for ``constant``."""
    if not isinstance(value, Function):
        number = int(constant) - INT8_OFFSET * stored.unsigned
        if number == constant - INT8_OFFSET * stored.unsigned and INT8_MIN <= number <= 127:
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
    together = replace(first, low=min(part.low for part in parts), high=max(part.high for part in parts))
    return Stored.of_map(tensor, order, together)


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
    "Gather": _gather,
    "Pad": _pad,
    "Concat": _concat,
    "com.microsoft.QLinearConcat": _qlinear_concat,
}
