"""Random graphs in which most operators only move values, and small networks of given operators."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gatecast.network import Layer, Network, Tensor
from gatecast.operators.add import Add
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.concat import Concat
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.depthwise_conv2d import DepthwiseConv2d
from gatecast.operators.gather_channels import GatherChannels
from gatecast.operators.lookup import Lookup
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.mul import Mul
from gatecast.operators.operator import Operator, Shape
from gatecast.operators.pad import Pad
from gatecast.operators.resize_nearest import ResizeNearest
from gatecast.operators.slice import Slice
from gatecast.quantization import Quantization

__all__ = ["UNIT", "build", "conv", "random_views"]

UNIT = Quantization(scale=1.0, zero_point=3)
LARGEST = 2000
"""Values of a map."""


def build(shape: Shape, layers: Sequence[tuple[Operator, str]]) -> Network:
    """A network on ``x`` of ``shape``; layer ``l{n}`` takes the tensors that are named and makes ``t{n}``."""
    tensors = {"x": Tensor(name="x", shape=shape, quantization=UNIT)}
    made = []
    for index, (operator, names) in enumerate(layers):
        inputs, output = tuple(names.split()), f"t{index}"
        tensors[output] = Tensor(name=output, quantization=UNIT,
                                 shape=operator.output_shape([tensors[name].shape for name in inputs]))
        made.append(Layer(name=f"l{index}", operator=operator, inputs=inputs, output=output,
                          origin=f"test.tflite: operator {index}"))
    return Network(name="test", tensors=tensors, layers=tuple(made), input="x",
                   output=made[-1].output).verify()


def conv(channels: int, kernel: int, seed: int = 0) -> Conv2d:
    """A convolution of ``channels`` to three, padded at the top and left."""
    rng = np.random.default_rng(seed)
    return Conv2d(weights=rng.integers(-128, 128, (3, kernel, kernel, channels)).astype(np.int8),
                  bias=np.arange(3, dtype=np.int32), input=UNIT, output=UNIT,
                  weight_scales=np.full(3, 0.01), padding=(kernel - 1, kernel - 1, 0, 0))


class _Graph:
    """A graph that grows, operator by operator."""

    def __init__(self, rng: np.random.Generator) -> None:
        self.rng = rng
        self.shapes = {"x": (self.below(5), self.below(5), self.below(4))}
        self.layers: list[tuple[Operator, str]] = []

    def below(self, most: int, least: int = 1) -> int:
        return int(self.rng.integers(least, most + 1))

    def pair(self, most: int) -> tuple[int, int]:
        return self.below(most), self.below(most)

    def quantization(self) -> Quantization:
        return Quantization(scale=float(np.float32(2.0 ** self.rng.uniform(-4, 0))),
                            zero_point=self.below(127, -128))

    def add(self, operator: Operator, *names: str) -> None:
        shape = operator.output_shape([self.shapes[name] for name in names])
        if np.prod(shape) <= LARGEST:
            self.shapes[f"t{len(self.layers)}"] = shape
            self.layers.append((operator, " ".join(names)))

    def alike(self, x: str, *, but: Sequence[int]) -> str:
        """A tensor that is equal to ``x`` except perhaps along the axes ``but``."""
        shape = self.shapes[x]
        return str(self.rng.choice([name for name, other in self.shapes.items() if all(
            axis in but or shape[axis] == other[axis] for axis in range(3))]))

    def slide(self, x: str) -> None:
        kernel, stride, dilation, shape = self.pair(3), self.pair(2), self.pair(2), self.shapes[x]
        most = [(size - 1) * step for size, step in zip(kernel, dilation, strict=True)]
        top, left, bottom, right = (self.below(most[axis], 0) for axis in (0, 1, 0, 1))
        depthwise = self.rng.random() < 0.5
        filters = shape[2] * self.below(2) if depthwise else self.below(4)
        weights = self.rng.integers(-128, 128, (*kernel, filters) if depthwise else
                                    (filters, *kernel, shape[2])).astype(np.int8)
        self.add((DepthwiseConv2d if depthwise else Conv2d)(
            weights=weights, bias=self.rng.integers(-500, 500, filters).astype(np.int32), stride=stride,
            input=self.quantization(), output=self.quantization(), padding=(top, left, bottom, right),
            weight_scales=2.0 ** self.rng.uniform(-10, -4, filters), dilation=dilation), x)

    def pool(self, x: str) -> None:
        kernel = self.pair(3)
        top, left, bottom, right = (self.below(kernel[axis] - 1, 0) for axis in (0, 1, 0, 1))
        self.add((MaxPool if self.rng.random() < 0.5 else AvgPool)(
            kernel=kernel, stride=self.pair(2), padding=(top, left, bottom, right),
            quantization=self.quantization()), x)

    def dense(self, x: str) -> None:
        values = int(np.prod(self.shapes[x]))
        self.add(Dense(weights=self.rng.integers(-128, 128, (3, values)).astype(np.int8),
                       bias=np.zeros(3, np.int32), input=self.quantization(), output=self.quantization(),
                       weight_scales=np.array([0.01])), x)

    def combine(self, x: str) -> None:
        kind = Add if self.rng.random() < 0.5 else Mul
        self.add(kind(first=self.quantization(), second=self.quantization(), output=self.quantization()), x,
                 self.alike(x, but=()))

    def look_up(self, x: str) -> None:
        self.add(Lookup(function="any", table=self.rng.integers(-128, 128, 256).astype(np.int8)), x)

    def join(self, x: str) -> None:
        axis = self.below(3, 0) if self.rng.random() < 0.4 else 2
        axis = min(axis, 2)
        names = [x, *(self.alike(x, but=[axis]) for _ in range(self.below(2, 0)))]
        self.rng.shuffle(names)
        self.add(Concat(axis=axis, count=len(names)), *names)

    def cut(self, x: str) -> None:
        begin, size, stride = [], [], []
        for whole in self.shapes[x]:
            first, step = self.below(whole - 1, 0), self.below(3)
            begin.append(first)
            stride.append(step)
            size.append(self.below((whole - first - 1) // step + 1))
        self.add(Slice(begin=(begin[0], begin[1], begin[2]), size=(size[0], size[1], size[2]),
                       stride=(stride[0], stride[1], stride[2])), x)

    def gather(self, x: str) -> None:
        channels = self.rng.integers(self.shapes[x][2], size=self.below(6))
        self.add(GatherChannels(channels=tuple(channels.tolist())), x)

    def pad(self, x: str) -> None:
        top, left, bottom, right = (self.below(2, 0) for _ in range(4))
        before, after = (self.below(1, 0), self.below(1, 0)) if self.rng.random() < 0.3 else (0, 0)
        self.add(Pad(padding=(top, left, bottom, right), channels=(before, after),
                     value=int(self.rng.choice([0, 5, -128]))), x)

    def resize(self, x: str) -> None:
        self.add(ResizeNearest(size=self.pair(7), half_pixel_centers=self.rng.random() < 0.5), x)


def random_views(rng: np.random.Generator) -> Network | None:
    """Up to eight operators on an input of their own choice; None where the last needs nothing of ``x``."""
    graph = _Graph(rng)
    grow: list[Callable[[str], None]] = [
        graph.slide, graph.slide, graph.pool, graph.dense, graph.combine, graph.look_up, graph.join,
        graph.join, graph.cut, graph.cut, graph.gather, graph.pad, graph.pad, graph.resize]
    wanted = graph.below(8, 2)
    while len(graph.layers) < wanted:
        x = str(rng.choice(list(graph.shapes)[-4:]))
        try:
            grow[int(rng.integers(len(grow)))](x)
        except ValueError:
            continue
    return _live(graph)


def _live(graph: _Graph) -> Network | None:
    """What the last layer needs."""
    needed, kept = {f"t{len(graph.layers) - 1}"}, []
    for index in reversed(range(len(graph.layers))):
        operator, names = graph.layers[index]
        if f"t{index}" in needed:
            needed.update(names.split())
            kept.append((index, operator, names))
    if "x" not in needed:
        return None
    renamed = {"x": "x"} | {f"t{index}": f"t{place}" for place, (index, _, _) in enumerate(reversed(kept))}
    return build(graph.shapes["x"], [(operator, " ".join(renamed[name] for name in names.split()))
                                     for _, operator, names in reversed(kept)])
