"""Folding: windows that read views become windows that read the tensors behind them."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import accumulate, pairwise, repeat

import numpy as np

from .operators.arithmetic import Ints
from .operators.checks import check_weights
from .operators.operand import Operand
from .operators.operator import Shape
from .operators.taps import Weights
from .operators.window import Window
from .quantization import INT8_MAX, INT8_MIN
from .requantizations import chosen, identity
from .views import Axis, Piece, View

__all__ = ["MAX_RUNS", "by_groups", "copy", "fold_channels", "fold_dot", "may_fold", "place", "regroup"]

# Pieces of rows that are moved one by one to reshape a map: each output takes a tap for each of them.
MAX_RUNS = 16


def may_fold(window: Window, operand: Operand, view: View) -> bool:
    """Whether ``operand`` can read ``view`` instead of a stored map.

    Where both pad the map they must agree on the value, and a window that counts its taps can have only
    padding of its own. A map that is resized must not skip anything.
    """
    outside = bool((operand.inside(window.size) < operand.taps).any())
    for piece in view.pieces:
        if piece.padded and (window.counts or (outside and piece.pad_value != operand.pad_value)):
            return False
        if max(operand.divisor) > 1 and max(piece.rows.step, piece.columns.step) > 1:
            return False
    return True


def fold_dot(window: Window, views: Sequence[View],
             shapes: Mapping[str, Shape]) -> tuple[Window, tuple[str, ...]]:
    """A ``dot`` window over the stored tensors behind ``views``, and their names, one for each operand.

    ``shapes`` are those of all stored tensors. Channels that a view leaves out get weights of zero; constant
    ones go into the bias.
    """
    # The weights of all that is read, by tensor and place. A channel that is read twice at one place has two
    # arrays, which are one if the weights add up to weights.
    read: dict[tuple[str, Operand], list[Weights]] = {}
    times: dict[tuple[str, Operand], Counter[int]] = {}
    bias, total = np.zeros(window.out_channels, np.int64), 0
    own = sum(operand.weights.size for operand in window.operands if operand.weights is not None)
    for operand, view in zip(window.operands, views, strict=True):
        assert operand.weights is not None
        first = 0
        for piece in view.pieces:
            weights = operand.weights[..., first:first + len(piece.channels)]
            first += len(piece.channels)
            if piece.tensor is None:
                bias += piece.pad_value * weights.sum(axis=(1, 2, 3), dtype=np.int64)
                continue
            key = piece.tensor, replace(_through(window, operand, piece), weights=None)
            arrays, counter = read.setdefault(key, []), times.setdefault(key, Counter())
            for time, indices in _by_time(piece.channels, counter).items():
                if time == len(arrays):
                    shape = window.out_channels, *operand.kernel, shapes[piece.tensor][2]
                    total += math.prod(shape)
                    check_weights(total, own)
                    arrays.append(np.zeros(shape, operand.weights.dtype))
                into = _selection([piece.channels[index] for index in indices])
                arrays[time][..., into] = weights[..., _selection(indices)]
    read = {key: _merged(arrays) for key, arrays in read.items()}
    if not read:
        # All is constant. Something must be read nevertheless: a value that counts nothing.
        tensor, (_, _, channels) = next(iter(shapes.items()))
        nothing = Operand(rows=(0, 1), columns=(0, 1), stride=(0, 0))
        read[tensor, nothing] = [np.zeros((window.out_channels, 1, 1, channels), np.int8)]
    requantizations = tuple(replace(each, bias=each.bias + bias) for each in window.requantizations)
    operands = tuple(replace(operand, weights=weights) for (_, operand), arrays in read.items()
                     for weights in arrays)
    tensors = tuple(tensor for (tensor, _), arrays in read.items() for _ in arrays)
    return replace(window, operands=operands, requantizations=requantizations), tensors


def _merged(arrays: list[Weights]) -> list[Weights]:
    """``arrays``, or one array of their sum if that has no more bits."""
    if len(arrays) == 1:
        return arrays
    total: Ints = np.sum(arrays, axis=0, dtype=np.int64)
    if arrays[0].dtype == np.int8:
        return ([total.astype(np.int8)] if total.min() >= INT8_MIN and total.max() <= INT8_MAX else arrays)
    return [total.astype(np.int16)] if np.abs(total).max() <= INT8_MAX - INT8_MIN else arrays


def by_groups(window: Window, view: View, groups: int) -> list[tuple[Window, View]]:
    """A ``dot`` window over ``view``, of as many ``groups``, as one for each group and what that reads.

    Filters and channels fall into groups in order, and the weights of a filter are zero in all groups but
    its own.
    """
    operand, = window.operands
    assert operand.weights is not None
    height, width, depth = view.shape
    filters, channels = window.out_channels // groups, depth // groups
    parts = []
    for group in range(groups):
        first, own = group * filters, slice(group * channels, (group + 1) * channels)
        part = replace(
            window, out_channels=filters,
            operands=(replace(operand, weights=operand.weights[first:first + filters, ..., own]),),
            requantizations=tuple(chosen(each, np.arange(first, first + filters))
                                  for each in window.requantizations))
        parts.append((part, view.cut((0, 0, own.start), (height, width, channels), (1, 1, 1))))
    return parts


def fold_channels(window: Window, views: Sequence[View]) -> list[tuple[Window, tuple[str, ...]]] | None:
    """A window of any other operation as one for each piece of its ``views``, with the tensors that it reads.

    None where the views do not have the same pieces, of all channels of a tensor each.
    """
    depths = [[len(piece.channels) for piece in view.pieces] for view in views]
    if any(each != depths[0] for each in depths):
        return None
    parts, first = [], 0
    for number, depth in enumerate(depths[0]):
        pieces = [view.pieces[number] for view in views]
        operands, tensors = [], []
        for operand, piece in zip(window.operands, pieces, strict=True):
            assert piece.tensor is not None
            if operand.weights is not None:
                operand = replace(operand, weights=operand.weights[..., first:first + depth])
            operands.append(_through(window, operand, piece))
            tensors.append(piece.tensor)
        parts.append((replace(
            window, operands=tuple(operands), out_channels=depth,
            requantizations=tuple(chosen(each, np.arange(first, first + depth))
                                  for each in window.requantizations),
        ), tuple(tensors)))
        first += depth
    return parts


def copy(view: View, shapes: Mapping[str, Shape]) -> tuple[Window, tuple[str, ...]]:
    """A window that stores ``view``, and the tensors that it reads.

    All channels of one tensor pass a channel engine; any others are picked by a dot product with ones.
    """
    height, width, depth = view.shape
    whole = Operand(rows=(0, height), columns=(0, width))
    piece = view.pieces[0]
    if (len(view.pieces) == 1 and piece.tensor is not None
            and piece.channels == tuple(range(shapes[piece.tensor][2]))):
        window = Window(operation="sum", operands=(whole,), size=(height, width), out_channels=depth,
                        requantizations=(identity(depth),))
        parts = fold_channels(window, [view])
        assert parts is not None
        return parts[0]
    check_weights(depth * depth)
    picked = replace(whole, weights=np.eye(depth, dtype=np.int8).reshape(depth, 1, 1, depth))
    window = Window(operation="dot", operands=(picked,), size=(height, width), out_channels=depth,
                    requantizations=(identity(depth),))
    return fold_dot(window, [view], shapes)


def place(shapes: Sequence[Shape], axis: int) -> Window:
    """A window that stores maps of ``shapes`` one below the other (axis 0) or side by side (axis 1).

    Each map is read with zeros around it, so that the sum of all is the whole.
    """
    firsts = list(accumulate((shape[axis] for shape in shapes), initial=0))
    height, width, depth = shapes[0]
    size = (firsts[-1], width) if axis == 0 else (height, firsts[-1])
    return _assembled((*size, depth), [
        (shape[0], shape[1], (first, 0) if axis == 0 else (0, first))
        for shape, first in zip(shapes, firsts, strict=False)])


def regroup(view: View, shapes: Mapping[str, Shape]) -> tuple[Window, tuple[str, ...]] | None:
    """A window that stores ``view`` in the shape that it is seen as, and the tensors that it reads.

    None where channels move, where rows fall into more than :data:`MAX_RUNS` pieces, or where ``view`` is not
    all channels of one tensor.
    """
    piece, seen = view.pieces[0], view.seen_as
    assert seen is not None
    if (seen[2] != view.shape[2] or len(view.pieces) > 1 or piece.tensor is None
            or piece.channels != tuple(range(shapes[piece.tensor][2]))):
        return None
    edges = sorted({*range(0, seen[0] * seen[1] + 1, seen[1]), *range(0, seen[0] * seen[1], view.shape[1])})
    if len(edges) > MAX_RUNS + 1:
        return None
    window = _assembled(seen, [(1, end - first, divmod(first, seen[1])) for first, end in pairwise(edges)])
    runs = [view.cut((*divmod(first, view.shape[1]), 0), (1, end - first, seen[2]), (1, 1, 1))
            for first, end in pairwise(edges)]
    if not all(map(may_fold, repeat(window), window.operands, runs)):
        return None
    parts = fold_channels(window, runs)
    return None if parts is None else parts[0]


def _assembled(shape: Shape, parts: Sequence[tuple[int, int, tuple[int, int]]]) -> Window:
    """A window that stores a map of ``shape``, put together from parts: height, width and place of each."""
    operands = tuple(Operand(rows=(0, height), columns=(0, width), origin=origin)
                     for height, width, origin in parts)
    return Window(operation="sum", operands=operands, size=shape[:2], out_channels=shape[2],
                  requantizations=(identity(shape[2]),))


def _through(window: Window, operand: Operand, piece: Piece) -> Operand:
    """``operand`` on the tensor of ``piece`` instead of on the view."""
    outside = bool((operand.inside(window.size) < operand.taps).any())
    axes = piece.rows, piece.columns
    steps = axes[0].step, axes[1].step

    def scaled(pair: tuple[int, int]) -> tuple[int, int]:
        return pair[0] * steps[0], pair[1] * steps[1]

    origin = scaled(operand.origin)
    return replace(
        operand, rows=_slice(axes[0]), columns=_slice(axes[1]), stride=scaled(operand.stride),
        offset=scaled(operand.offset), dilation=scaled(operand.dilation),
        origin=(origin[0] + axes[0].before, origin[1] + axes[1].before),
        pad_value=operand.pad_value if outside or not piece.padded else piece.pad_value)


def _slice(axis: Axis) -> tuple[int, int]:
    return axis.first, axis.count


def _selection(indices: list[int]) -> slice | list[int]:
    """``indices`` of an axis, as a slice where they follow each other, which is much faster."""
    run = range(indices[0], indices[0] + len(indices))
    return slice(run.start, run.stop) if indices == list(run) else indices


def _by_time(channels: Sequence[int], counter: Counter[int]) -> dict[int, list[int]]:
    """Indices of ``channels`` by how often ``counter``, which goes on, has seen the channel before."""
    times: dict[int, list[int]] = {}
    for index, channel in enumerate(channels):
        times.setdefault(counter[channel], []).append(index)
        counter[channel] += 1
    return dict(sorted(times.items()))
