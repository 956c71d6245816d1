"""Small random networks of every layer kind, with awkward shapes, strides and paddings."""

from __future__ import annotations

from typing import Any

import numpy as np

from gatecast.network import Layer, Network, Tensor
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.operator import Operator, Shape
from gatecast.operators.pool import Pool
from gatecast.quantization import Quantization

KINDS = ("conv2d", "max_pool", "avg_pool", "dense")
ACTIVATIONS = ("none", "relu", "relu6", "relu_n1_to_1")


def quantization(rng: np.random.Generator) -> Quantization:
    return Quantization(scale=float(np.float32(rng.uniform(0.02, 0.5))),
                        zero_point=int(rng.integers(-128, 128)))


def linear(rng: np.random.Generator, shape: tuple[int, ...], source: Quantization) -> dict[str, Any]:
    """Weights, biases and scales that spread the outputs over all of int8, beyond its ends included."""
    weights = rng.integers(-128, 128, shape).astype(np.int8)
    taps = int(np.prod(shape[1:]))
    spread = 74 * 74 * np.sqrt(taps)
    output = quantization(rng)
    gain = rng.uniform(0.3, 2.0, shape[0])
    scales = (output.scale / source.scale * gain * 50 / spread).astype(np.float32).astype(np.float64)
    bias = rng.integers(-int(spread), int(spread), shape[0]).astype(np.int32)
    return {"weights": weights, "bias": bias, "weight_scales": scales, "input": source, "output": output,
            "activation": str(rng.choice(ACTIVATIONS))}


def window(rng: np.random.Generator, shape: Shape, *, padded: bool) -> dict[str, tuple[int, ...]]:
    """A kernel that fits, a stride of up to 3 and a padding smaller than the kernel."""
    height, width, _ = shape
    kernel = int(rng.integers(1, min(height, 4) + 1)), int(rng.integers(1, min(width, 4) + 1))
    stride = int(rng.integers(1, 4)), int(rng.integers(1, 4))
    padding = (0, 0, 0, 0)
    if padded:
        padding = tuple(int(rng.integers(0, kernel[side % 2])) for side in range(4))  # type: ignore[assignment]
    return {"kernel": kernel, "stride": stride, "padding": padding}


def operator(rng: np.random.Generator, kind: str, shape: Shape, source: Quantization) -> Operator:
    if kind == "dense":
        height, width, channels = shape
        numbers = linear(rng, (int(rng.integers(1, 20)), height * width * channels), source)
        if rng.random() < 0.5:
            numbers["weight_scales"] = numbers["weight_scales"][:1]
        return Dense(**numbers)
    if kind == "conv2d":
        where = window(rng, shape, padded=rng.random() < 0.7)
        kernel = where.pop("kernel")
        dilation = (1, 1)
        if rng.random() < 0.3:
            dilation = tuple(2 if (k - 1) * 2 + 1 <= size else 1  # type: ignore[assignment]
                             for k, size in zip(kernel, shape, strict=False))
        return Conv2d(**linear(rng, (int(rng.integers(1, 20)), *kernel, shape[2]), source), **where,
                      dilation=dilation)
    pool = MaxPool if kind == "max_pool" else AvgPool
    return pool(**window(rng, shape, padded=kind == "max_pool" and rng.random() < 0.5),
                quantization=source, activation=str(rng.choice(ACTIVATIONS)))


def network(seed: int, *, layers: int = 4) -> Network:
    """A chain of ``layers`` random layers; the same seed gives the same network."""
    rng = np.random.default_rng(seed)
    shape: Shape = (int(rng.integers(1, 10)), int(rng.integers(1, 10)), int(rng.integers(1, 7)))
    source = quantization(rng)
    tensors = {"input": Tensor(name="input", shape=shape, quantization=source)}
    chain: list[Layer] = []
    previous = "input"
    for index in range(layers):
        kind = str(rng.choice(KINDS))
        made = operator(rng, kind, shape, source)
        shape = made.output_shape([shape])
        source = made.meaning if isinstance(made, Pool) else made.output  # type: ignore[attr-defined]
        layer = f"{kind}_{index}"
        tensors[layer] = Tensor(name=layer, shape=shape, quantization=source)
        chain.append(Layer(name=layer, operator=made, inputs=(previous,), output=layer, origin="random"))
        previous = layer
    return Network(name="random", tensors=tensors, layers=tuple(chain), input="input",
                   output=previous).verify()
