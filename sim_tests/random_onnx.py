"""Random networks as PyTorch exports them and ONNX Runtime quantizes them, in QOperator form."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from onnx_builder import MICROSOFT, OnnxBuilder
from onnx_case import Case, some

__all__ = ["random_network"]


@dataclass(frozen=True)
class _Value:
    """A value of the graph, its scale and zero point, and channels, height and width."""

    name: str
    meaning: tuple[str, str]
    shape: tuple[int, int, int]


class _Network:
    """Blocks one after the other, all of int8 or all of uint8."""

    def __init__(self, seed: int) -> None:
        self.b = OnnxBuilder([seed, 77])
        self.unsigned = bool(some(self.b, 0, 1))
        self.dtype = np.uint8 if self.unsigned else np.int8

    def meaning(self, low: float, high: float) -> tuple[str, str]:
        return self.b.meaning(2.0 ** self.b.rng.uniform(low, high), unsigned=self.unsigned)

    def conv(self, v: _Value, filters: int, kernel: int, *, group: int = 1, stride: int = 1) -> _Value:
        channels, height, width = v.shape
        weights = self.b.weights((filters, channels // group, kernel, kernel), 0)
        bias = self.b.constant(self.b.rng.integers(-4000, 4000, filters), np.int32)
        meaning, pad = self.meaning(-5, -3), kernel // 2
        name = self.b.node("QLinearConv", v.name, *v.meaning, *weights, *meaning, bias, group=group,
                           pads=[pad] * 4, strides=[stride] * 2)
        shape = filters, *((size + 2 * pad - kernel) // stride + 1 for size in (height, width))
        return _Value(name, meaning, shape)

    def residual(self, v: _Value) -> _Value:
        """Two convolutions and what they started from; of other channels through one of 1 x 1."""
        filters = some(self.b, 1, 5)
        inner = self.conv(self.conv(v, filters, 3), filters, 3)
        if filters != v.shape[0]:
            v = self.conv(v, filters, 1)
        meaning = self.meaning(-5, -3)
        name = self.b.node("QLinearAdd", inner.name, *inner.meaning, v.name, *v.meaning, *meaning,
                           domain=MICROSOFT)
        return _Value(name, meaning, inner.shape)

    def separable(self, v: _Value) -> _Value:
        """A depthwise convolution and one of 1 x 1."""
        deep = self.conv(v, v.shape[0], 3, group=v.shape[0], stride=some(self.b, 1, 2))
        return self.conv(deep, some(self.b, 1, 6), 1)

    def fire(self, v: _Value) -> _Value:
        """Convolutions of 1 x 1 and 3 x 3 side by side."""
        squeezed = self.conv(v, some(self.b, 1, 3), 1)
        parts = [self.conv(squeezed, some(self.b, 1, 3), kernel) for kernel in (1, 3)]
        meaning = self.meaning(-5, -3)
        name = self.b.node("QLinearConcat", *meaning, *(text for part in parts for text in
                                                        (part.name, *part.meaning)), domain=MICROSOFT, axis=1)
        return _Value(name, meaning, (sum(part.shape[0] for part in parts), *squeezed.shape[1:]))

    def excited(self, v: _Value) -> _Value:
        """Channels weighed by what all of the map says."""
        pooled, gate, output = self.meaning(-6, -4), self.meaning(-9, -8), self.meaning(-5, -3)
        mean = self.b.node("QLinearGlobalAveragePool", v.name, *v.meaning, *pooled, domain=MICROSOFT,
                           channels_last=0)
        squeezed = self.conv(_Value(mean, pooled, (v.shape[0], 1, 1)), v.shape[0], 1)
        factor = self.b.node("QLinearSigmoid", squeezed.name, *squeezed.meaning, *gate, domain=MICROSOFT)
        name = self.b.node("QLinearMul", v.name, *v.meaning, factor, *gate, *output, domain=MICROSOFT)
        return _Value(name, output, v.shape)

    def attended(self, v: _Value) -> _Value:
        """Positions weighed by one map for all channels."""
        gate, output = self.meaning(-9, -8), self.meaning(-5, -3)
        one = self.conv(v, 1, 3)
        factor = self.b.node("QLinearSigmoid", one.name, *one.meaning, *gate, domain=MICROSOFT)
        name = self.b.node("QLinearMul", v.name, *v.meaning, factor, *gate, *output, domain=MICROSOFT)
        return _Value(name, output, v.shape)

    def shuffled(self, v: _Value) -> _Value:
        """A convolution in groups whose channels are mixed, one half of them worked on further."""
        groups = some(self.b, 2, 3)
        wide = self.conv(self.conv(v, groups * some(self.b, 1, 2), 1), groups * 2, 1, group=groups)
        channels, height, width = wide.shape
        name = self._reshaped(wide.name, 0, groups, -1, height, width)
        name = self.b.node("Transpose", name, perm=[0, 2, 1, 3, 4])
        name = self._reshaped(name, 0, -1, height, width)
        first, second = self.b.node("Split", name, axis=1, outputs=2)
        half = replace(wide, shape=(channels // 2, height, width))
        deep = self.conv(replace(half, name=second), half.shape[0], 3, group=half.shape[0])
        meaning = self.meaning(-5, -3)
        name = self.b.node("QLinearConcat", *meaning, first, *half.meaning, deep.name, *deep.meaning,
                           domain=MICROSOFT, axis=1)
        return _Value(name, meaning, wide.shape)

    def _reshaped(self, name: str, *shape: int) -> str:
        return self.b.node("Reshape", name, self.b.constant(shape, np.int64))

    def pooled(self, v: _Value) -> _Value:
        if min(v.shape[1:]) < 2:
            return v
        ceil = some(self.b, 0, 1)
        name = self.b.node("MaxPool", v.name, kernel_shape=[2, 2], strides=[2, 2], ceil_mode=ceil)
        return replace(v, name=name, shape=(v.shape[0], *((size + ceil) // 2 for size in v.shape[1:])))

    def head(self, v: _Value) -> str:
        """Flattened, then classes."""
        n = int(np.prod(v.shape))
        flat = self.b.node("Flatten", v.name)
        weights = self.b.weights((7, n), None)
        bias = self.b.constant(self.b.rng.integers(-4000, 4000, 7), np.int32)
        return self.b.node("QGemm", flat, *v.meaning, *weights, bias, *self.meaning(-4, -2), domain=MICROSOFT,
                           transB=1)


def random_network(seed: int, blocks: int) -> Case:
    """A first convolution, ``blocks`` blocks, and classes at the end."""
    made = _Network(seed)
    shape = some(made.b, 1, 3), some(made.b, 5, 8), some(made.b, 5, 8)
    value = made.conv(_Value("x", made.meaning(-6, -4), shape), some(made.b, 2, 5), 3)
    kinds = (made.residual, made.separable, made.fire, made.excited, made.attended, made.shuffled,
             made.pooled)
    for _ in range(blocks):
        value = kinds[some(made.b, 0, len(kinds) - 1)](value)
    data = made.b.model({"x": (made.dtype, ("batch", *shape))}, made.head(value), made.dtype, rank=2)
    return Case(data, (1, *shape), made.dtype)
