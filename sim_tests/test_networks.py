"""The shipped networks: the layers of the papers, their published work, random weights that make sense."""

from __future__ import annotations

import time
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from gatecast import golden, networks
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.operators.linear import Linear
from gatecast.operators.window import Window
from gatecast.reader import read

# Multiply-accumulates, by hand from the tables of layers: for a convolution height * width * channels of the
# output times the taps and channels that a filter reads.
ALEXNET = (
    55 * 55 * 96 * 11 * 11 * 3 + 27 * 27 * 256 * 5 * 5 * 48 + 13 * 13 * (
        384 * 9 * 256 + 384 * 9 * 192 + 256 * 9 * 192) + 9216 * 4096 + 4096 * 4096 + 4096 * 1000)
VGG16_CONVOLUTIONS = 9 * (
    224 * 224 * (3 * 64 + 64 * 64) + 112 * 112 * (64 * 128 + 128 * 128)
    + 56 * 56 * (128 * 256 + 2 * 256 * 256)
    + 28 * 28 * (256 * 512 + 2 * 512 * 512) + 14 * 14 * 3 * 512 * 512)
VGG16 = VGG16_CONVOLUTIONS + 25088 * 4096 + 4096 * 4096 + 4096 * 1000
# Pools before, channels in and out of the convolutions between the first and the last.
YOLO_MIDDLE = ((1, 16, 32), (2, 32, 64), (3, 64, 128), (4, 128, 256), (5, 256, 512), (5, 512, 512),
               (5, 512, 512))
TINY_YOLO = 384 * 1280 * 27 * 16 + 12 * 40 * 512 * 40 + 9 * sum(
    (384 >> pools) * (1280 >> pools) * inputs * outputs for pools, inputs, outputs in YOLO_MIDDLE)
# Size of the map, channels in the squeezing layer, in each expanding one, and in the input.
FIRES = ((55, 16, 64, 64), (55, 16, 64, 128), (27, 32, 128, 128), (27, 32, 128, 256), (13, 48, 192, 256),
         (13, 48, 192, 384), (13, 64, 256, 384), (13, 64, 256, 512))
SQUEEZENET = 111 * 111 * 64 * 27 + 13 * 13 * 512 * 1000 + sum(
    size * size * (inputs * squeezed + squeezed * expanded + 9 * squeezed * expanded)
    for size, squeezed, expanded, inputs in FIRES)
# Size of the output, channels in and out of each separable convolution.
SEPARABLE = ((112, 32, 64), (56, 64, 128), (56, 128, 128), (28, 128, 256), (28, 256, 256), (14, 256, 512),
             *[(14, 512, 512)] * 5, (7, 512, 1024), (7, 1024, 1024))
MOBILENET_V1 = 112 * 112 * 32 * 27 + 1024 * 1000 + sum(
    size * size * (9 * inputs + inputs * outputs) for size, inputs, outputs in SEPARABLE)
# Expansion, channels, repetitions, stride: table 2 of the paper.
BOTTLENECKS = ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2),
               (6, 320, 1, 1))


def mobilenet_v2() -> int:
    """Work of all layers of MobileNetV2."""
    size, inputs = 112, 32
    work = size * size * 32 * 27
    for expansion, outputs, repetitions, stride in BOTTLENECKS:
        for step in [stride] + [1] * (repetitions - 1):
            wide = expansion * inputs
            work += size * size * inputs * wide * (expansion > 1)
            size //= step
            work += size * size * (9 * wide + wide * outputs)
            inputs = outputs
    return work + size * size * inputs * 1280 + 1280 * 1000


# By name: work by hand, the figure that is published (in millions; for lenet5 and tiny_yolo none is), and the
# number of weights and biases.
WORK = {
    "lenet5": (28 * 28 * 6 * 25 + 10 * 10 * 16 * 25 * 6 + 120 * 400 + 84 * 120 + 10 * 84, 0.417, 61_706),
    "alexnet": (ALEXNET, 724, 60_965_224),
    "vgg16": (VGG16, 15_470, 138_357_544),
    "tiny_yolo": (TINY_YOLO, 5_318, 6_312_904),
    "mobilenet_v1": (MOBILENET_V1, 569, 4_221_032),
    "mobilenet_v2": (mobilenet_v2(), 300, 3_487_816),
    "squeezenet": (SQUEEZENET, 349, 1_235_496),
}
RANDOM = tuple(WORK)


@cache
def network(name: str) -> Network:
    return read(name)


def test_what_is_shipped() -> None:
    assert list(networks.shipped()) == ["alexnet", "digits", "lenet5", "mobilenet_v1", "mobilenet_v2",
                                        "squeezenet", "tiny_yolo", "vgg16"]
    assert networks.test_inputs("letters") is None
    assert all(read(name).name == name for name in ("digits", "lenet5"))


@pytest.mark.parametrize("name", RANDOM)
def test_work_and_parameters(name: str) -> None:
    work, millions, parameters = WORK[name]
    assert network(name).macs == work
    assert work / 1e6 == pytest.approx(millions, rel=3e-3)
    linear = [layer.operator for layer in network(name).layers if isinstance(layer.operator, Linear)]
    assert sum(operator.weights.size + operator.bias.size for operator in linear) == parameters


def test_the_table_in_the_documentation() -> None:
    page = (Path(__file__).resolve().parents[1] / "docs" / "network-description.md").read_text()
    for name in RANDOM:
        input_shape = " x ".join(map(str, network(name).tensors[network(name).input].shape))
        work, _, parameters = WORK[name]
        assert page.count(f"| `{name}` | {input_shape} | {work:,} | {parameters:,} |") == 1


@pytest.mark.parametrize(("name", "shapes"), [
    ("lenet5", {"image": (32, 32, 1), "pool2": (14, 14, 6), "pool4": (5, 5, 16), "conv5": (1, 1, 120),
                "scores": (1, 1, 10)}),
    ("alexnet", {"conv1": (55, 55, 96), "pool1": (27, 27, 96), "pool2": (13, 13, 256), "pool5": (6, 6, 256),
                 "scores": (1, 1, 1000)}),
    ("vgg16", {"pool1": (112, 112, 64), "pool3": (28, 28, 256), "pool5": (7, 7, 512),
               "scores": (1, 1, 1000)}),
    ("tiny_yolo", {"image": (384, 1280, 3), "pool5": (12, 40, 256), "conv8": (12, 40, 512),
                   "boxes": (12, 40, 40)}),
    ("mobilenet_v1", {"conv1": (112, 112, 32), "conv14": (7, 7, 1024), "pool": (1, 1, 1024),
                      "scores": (1, 1, 1000)}),
    ("mobilenet_v2", {"add3": (56, 56, 24), "add16": (7, 7, 160), "conv18": (7, 7, 1280),
                      "scores": (1, 1, 1000)}),
    ("squeezenet", {"conv1": (111, 111, 64), "pool1": (55, 55, 64), "fire3": (55, 55, 128),
                    "fire9": (13, 13, 512), "scores": (1, 1, 1000)}),
])
def test_shapes(name: str, shapes: dict[str, tuple[int, int, int]]) -> None:
    assert {tensor: network(name).tensors[tensor].shape for tensor in shapes} == shapes


def test_numbers_of_layers() -> None:
    """Ten residual additions in MobileNetV2, eight fire modules in SqueezeNet, 13 + 3 layers in VGG-16."""
    def count(name: str, kind: str) -> int:
        return sum(str(layer.operator).startswith(kind) for layer in network(name).layers)

    assert count("mobilenet_v2", "add") == 10
    assert count("mobilenet_v2", "depthwise") == 17
    assert count("mobilenet_v1", "depthwise") == 13
    assert count("squeezenet", "concat") == 8
    assert (count("vgg16", "conv2d"), count("vgg16", "dense")) == (13, 3)
    assert count("tiny_yolo", "conv2d") == 9


@pytest.mark.parametrize("name", ("lenet5", "squeezenet", "mobilenet_v1", "mobilenet_v2", "alexnet"))
def test_outputs_use_their_range(name: str) -> None:
    """In every layer values spread, and few of them saturate."""
    whole = network(name)
    shape = whole.tensors[whole.input].shape
    frame = np.random.default_rng(1).integers(-128, 128, (1, *shape)).astype(np.int8)
    for tensor, values in golden.run(whole, frame).items():
        meaning = whole.tensors[tensor].quantization
        assert meaning is not None
        away = values.astype(np.int64) - meaning.zero_point
        if tensor != whole.input:
            assert 15 < np.sqrt((away * away).mean()) < 170, tensor
            assert (values == 127).mean() < 0.15, tensor


@pytest.mark.parametrize("name", ("lenet5", "mobilenet_v2", "squeezenet"))
def test_lowering_changes_nothing(name: str) -> None:
    whole = network(name)
    lowered = lower(whole)
    assert all(isinstance(layer.operator, Window) for layer in lowered.layers)
    shape = whole.tensors[whole.input].shape
    frame = np.random.default_rng(2).integers(-128, 128, (1, *shape)).astype(np.int8)
    assert np.array_equal(golden.run(lowered, frame)[whole.output], golden.run(whole, frame)[whole.output])


@pytest.mark.parametrize(("name", "seconds"), [("alexnet", 10), ("vgg16", 25)])
def test_large_networks_are_lowered_in_time(name: str, seconds: float) -> None:
    """Of the processor, because other processes do not count."""
    began = time.process_time()
    lowered = lower(read(name))
    assert time.process_time() - began < seconds
    made = {layer.part_of[0] if layer.part_of else layer.output for layer in lowered.layers}
    assert made == {layer.output for layer in network(name).layers}
