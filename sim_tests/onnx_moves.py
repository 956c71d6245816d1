"""Small quantized ONNX networks of operators that only move values, between others and at both ends."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from onnx_builder import MICROSOFT, OnnxBuilder
from onnx_case import Case, Make, finish, some

__all__ = ["MOVES"]


def moves(b: OnnxBuilder) -> Case:
    """What costs nothing: the same values in other orders and shapes, at both ends of the network."""
    x, y = b.meaning(), b.meaning()
    h, w, channels = some(b, 2, 4), some(b, 2, 4), some(b, 2, 4)
    value = b.node("Transpose", "x", perm=[0, 3, 1, 2])
    value = b.node("Identity", b.node("MaxPool", value, kernel_shape=[1, 1]))
    value = b.quantize(b.node("Sigmoid", b.dequantize(value, x)), y)
    value = b.node("Transpose", value, perm=[0, 2, 1, 3])
    axes = b.constant([1], np.int64)
    value = b.node("Squeeze", b.node("Unsqueeze", value, axes), axes)
    if some(b, 0, 1):
        return finish(b, b.node("Reshape", value, b.constant([0, -1], np.int64)), (1, h, w, channels), rank=2)
    return finish(b, value, (1, h, w, channels))


def moved_output(b: OnnxBuilder) -> Case:
    """Rows backwards, all again, some of them: what the host does at the end."""
    shape, kind = (1, some(b, 1, 3), some(b, 2, 4), some(b, 2, 4)), some(b, 0, 2)
    value = b.node("MaxPool", "x", kernel_shape=[1, 1])
    if kind == 0:
        value = b.node("Tile", value, b.constant([1, some(b, 1, 2), some(b, 1, 3), 2], np.int64))
    elif kind == 1:
        value = b.node("Gather", value, b.constant(b.rng.permutation(shape[2]), np.int64), axis=2)
    else:
        value = b.node("DepthToSpace", b.node("SpaceToDepth", value, blocksize=1), blocksize=1)
        value = b.node("Expand", b.node("Unsqueeze", value, b.constant([1], np.int64)),
                       b.constant([1, 2, *shape[1:]], np.int64))
        value = b.node("Reshape", value, b.constant([1, -1, *shape[2:]], np.int64))
    return finish(b, value, shape)


def moved_between(b: OnnxBuilder, shape, move: Callable[[str], str]) -> Case:
    """A move of integers between two operators, of which the second needs channels where they belong."""
    x, y = b.meaning(), b.meaning(2.0 ** b.rng.uniform(-3, -1))
    value = move(b.node("MaxPool", "x", kernel_shape=[1, 1]))
    kind = some(b, 0, 2)
    if kind == 0:
        value = b.node("MaxPool", value, kernel_shape=[2, 1], pads=[1, 0, 0, 0])
    elif kind == 1:
        pooled = b.node("QLinearGlobalAveragePool", value, *x, *y, domain=MICROSOFT, channels_last=0)
        return finish(b, b.node("QLinearMul", value, *x, pooled, *y, *y, domain=MICROSOFT), shape)
    return finish(b, value, shape)


def cut(b: OnnxBuilder) -> Case:
    """Along any axis; channels backwards too."""
    shape = (1, some(b, 2, 5), some(b, 4, 7), some(b, 4, 7))
    axis = some(b, 1, 3)
    starts, ends, axes, steps = [some(b, 0, 1)], [-1 if some(b, 0, 1) else 100], [axis - 4], [some(b, 1, 2)]
    if axis == 1 and some(b, 0, 1):
        starts, ends, steps = [-1], [-100], [-1]
    return moved_between(b, shape, lambda value: b.node(
        "Slice", value, *(b.constant(part, np.int64) for part in (starts, ends, axes, steps))))


def gather(b: OnnxBuilder) -> Case:
    """Channels in any order, some of them more than once; a shuffle; a single row; rows or columns again."""
    channels, kind = some(b, 2, 6), some(b, 0, 3)
    shape = (1, channels, some(b, 2, 5), some(b, 2, 5))
    if kind == 3:
        axis = some(b, 2, 3)
        indices = np.arange(shape[axis]) // 2 + some(b, 0, shape[axis] // 2)
        return moved_between(b, shape, lambda value: b.node("Gather", value, b.constant(indices, np.int64),
                                                            axis=axis))
    if kind == 2:
        return moved_between(b, shape, lambda value: b.node("Unsqueeze", b.node(
            "Gather", value, b.constant(some(b, -2, 1), np.int64), axis=2), b.constant([2], np.int64)))
    indices = (b.rng.permutation(channels) if kind == 1
               else b.rng.integers(-channels, channels, some(b, 1, 7)))
    return moved_between(b, shape, lambda value: b.node("Gather", value, b.constant(indices, np.int64),
                                                        axis=1))


def shuffle(b: OnnxBuilder) -> Case:
    """As ShuffleNet has it, by Reshape and Transpose."""
    groups, each, height, width = some(b, 2, 3), some(b, 2, 3), some(b, 2, 4), some(b, 2, 4)

    def move(value: str) -> str:
        apart = b.constant([0, groups, each, height, width], np.int64)
        value = b.node("Transpose", b.node("Reshape", value, apart), perm=[0, 2, 1, 3, 4])
        return b.node("Reshape", value, b.constant([0, -1, height, width], np.int64))

    return moved_between(b, (1, groups * each, height, width), move)


def space_to_depth(b: OnnxBuilder) -> Case:
    size = some(b, 1, 3)
    shape = (1, some(b, 1, 3), size * some(b, 1, 3), size * some(b, 1, 3))
    return moved_between(b, shape, lambda value: b.node("SpaceToDepth", value, blocksize=size))


def repeated(b: OnnxBuilder) -> Case:
    """Rows and columns as Keras repeats them, or channels; by Tile or Expand."""
    channels, height, width, times = (some(b, 1, 3) for _ in range(4))
    shape = (1, channels, height, width)

    def shaped(value: str, *sizes: int) -> str:
        return b.node("Reshape", value, b.constant(sizes, np.int64))

    def move(value: str) -> str:
        kind = some(b, 0, 2)
        if kind == 0:
            return b.node("Tile", value, b.constant([1, times, 1, 1], np.int64))
        if kind == 1:
            repeats = b.constant([1, 1, 1, times, 1], np.int64)
            return shaped(b.node("Tile", shaped(value, 1, channels, height, 1, width), repeats),
                          1, channels, height * times, width)
        wide = b.constant([channels, height, width, times], np.int64)
        return shaped(b.node("Expand", shaped(value, 1, channels, height, width, 1), wide),
                      1, channels, height, width * times)

    return moved_between(b, shape, move)


def repeated_input(b: OnnxBuilder) -> Case:
    """A grey image as one of three colours, integers or real numbers."""
    real, expand = some(b, 0, 1), some(b, 0, 1)
    shape = (1, 1, some(b, 3, 5), some(b, 3, 5))
    x, y = b.meaning(0.02), b.meaning(2.0 ** b.rng.uniform(-3, -1))
    value = (b.node("Expand", "x", b.constant([1, 3, 1, 1], np.int64)) if expand
             else b.node("Tile", "x", b.constant([1, 3, 1, 1], np.int64)))
    value = b.quantize(value, x) if real else value
    if some(b, 0, 1):
        value = b.node("QLinearMatMul", b.node("Flatten", value), *x,
                       *b.weights((3 * shape[2] * shape[3], 4), 1), *y)
        return finish(b, value, shape, np.float32 if real else np.int8, out=np.int8, rank=2)
    value = b.node("QLinearConv", value, *x, *b.weights((2, 3, 3, 3), 0), *y)
    return finish(b, value, shape, np.float32 if real else np.int8, out=np.int8)


def channels_last(b: OnnxBuilder) -> Case:
    """A model from Keras: work on each value of the input, for channels, before the first Transpose."""
    height, width, channels = some(b, 3, 5), some(b, 3, 5), some(b, 2, 4)
    x, y, z = b.meaning(), b.meaning(), b.meaning(2.0 ** b.rng.uniform(-3, -1))
    value = b.node("Mul", b.dequantize("x", x), b.constant(b.rng.uniform(0.5, 2, channels), np.float32))
    value = b.node("Transpose", b.quantize(value, y), perm=[0, 3, 1, 2])
    return finish(b, b.node("QLinearConv", value, *y, *b.weights((3, channels, 3, 3), 0), *z),
                  (1, height, width, channels))


def depth_to_space(b: OnnxBuilder) -> Case:
    """At the end, where the host puts values in order."""
    size, mode = some(b, 1, 3), ("DCR", "CRD")[some(b, 0, 1)]
    shape = (1, size * size * some(b, 1, 3), some(b, 1, 4), some(b, 1, 4))
    value = b.node("MaxPool", "x", kernel_shape=[1, 1])
    return finish(b, b.node("DepthToSpace", value, blocksize=size, mode=mode), shape)


def split(b: OnnxBuilder) -> Case:
    axis, sizes = some(b, 1, 3), [some(b, 1, 2), some(b, 1, 3)]
    shape = [1, some(b, 2, 4), some(b, 2, 4), some(b, 2, 4)]
    shape[axis] = sum(sizes)
    parts = b.node("Split", "x", b.constant(sizes, np.int64), axis=axis, outputs=2)
    return finish(b, b.node("Concat", parts[1], parts[0], axis=axis), tuple(shape))


MOVES: dict[str, Make] = {
    "moves": moves,
    "Slice": cut,
    "Gather": gather,
    "channel shuffle": shuffle,
    "SpaceToDepth": space_to_depth,
    "Tile and Expand": repeated,
    "Tile and Expand of the input": repeated_input,
    "channels last": channels_last,
    "DepthToSpace": depth_to_space,
    "moves at the output": moved_output,
    "Split": split,
}
