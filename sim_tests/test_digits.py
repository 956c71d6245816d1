"""The shipped digits network: what it is, and that it reads digits."""

import math

import numpy as np
import pytest
import yaml

from gatecast import golden, networks
from gatecast.network import Network
from gatecast.operators.conv2d import Conv2d
from gatecast.reader import read


@pytest.fixture(scope="module")
def digits() -> Network:
    return read("digits")


@pytest.fixture(scope="module")
def images() -> tuple[np.ndarray, np.ndarray]:
    path = networks.test_inputs("digits")
    assert path is not None
    with np.load(path, allow_pickle=False) as arrays:
        return arrays["x"], arrays["label"]


def test_shapes(digits: Network) -> None:
    assert {tensor.name: tensor.shape for tensor in digits.tensors.values()} == {
        "image": (8, 8, 1), "conv1": (8, 8, 8), "conv2": (8, 8, 16), "pool": (4, 4, 16), "conv3": (2, 2, 16),
        "scores": (1, 1, 10)}
    assert digits.macs == 88_192


def test_both_kinds_of_padding_and_scales_for_each_channel(digits: Network) -> None:
    convolutions = [layer.operator for layer in digits.layers if isinstance(layer.operator, Conv2d)]
    assert [conv.padding for conv in convolutions] == [(1, 1, 1, 1), (1, 1, 1, 1), (0, 0, 0, 0)]
    for conv in convolutions:
        assert len(set(conv.weight_scales)) == conv.out_channels
        # A channel's largest weight is 127 by construction, so no scale is wasted.
        assert (np.abs(conv.weights.reshape(conv.out_channels, -1).astype(int)).max(axis=1) == 127).all()


def test_held_back_images(images: tuple[np.ndarray, np.ndarray]) -> None:
    x, label = images
    assert (x.dtype, x.shape, x.min(), x.max()) == (np.int8, (364, 8, 8, 1), 0, 16)
    assert (label.dtype, label.shape) == (np.int8, (364,))
    # A fifth of each digit.
    assert np.bincount(label).tolist() == [36, 37, 36, 37, 37, 37, 37, 36, 35, 36]
    assert len(np.unique(x.reshape(364, -1), axis=0)) == 364


def test_accuracy_after_quantization(digits: Network, images: tuple[np.ndarray, np.ndarray]) -> None:
    x, label = images
    scores = golden.run(digits, x)[digits.output]
    assert scores.shape == (364, 1, 1, 10)
    right = int((scores.reshape(364, 10).argmax(axis=1) == label).sum())
    # The figure in the network's README; 97 % would be 354.
    assert right == 360


def test_reading_twice_gives_the_same(digits: Network) -> None:
    assert read(str(networks.shipped()["digits"])) == digits == read("digits")


def test_weights_are_those_of_the_file(digits: Network) -> None:
    path = networks.shipped()["digits"]
    description = yaml.safe_load(path.read_text())
    with np.load(path.with_name(description["weights"]), allow_pickle=False) as arrays:
        assert sorted(arrays) == sorted(
            f"{layer['name']}/{key}" for layer in description["layers"] if layer["operator"] != "max_pool"
            for key in ("weights", "bias", "scales"))
        for layer in digits.layers:
            for key, field in (("weights", "weights"), ("bias", "bias"), ("scales", "weight_scales")):
                if f"{layer.name}/{key}" in arrays:
                    array = arrays[f"{layer.name}/{key}"]
                    assert np.array_equal(getattr(layer.operator, field), array.astype(np.float64))
                    assert getattr(layer.operator, field).shape == array.shape
    for layer in description["layers"]:
        if "quantization" in layer:
            read_one, written = digits.tensors[layer["name"]].quantization, layer["quantization"]
            assert math.isclose(read_one.scale, written["scale"], rel_tol=2**-24)
            assert read_one.zero_point == written["zero_point"]


def test_every_scale_is_used_well(digits: Network, images: tuple[np.ndarray, np.ndarray]) -> None:
    trace = golden.run(digits, images[0])
    for name in ("conv1", "conv2", "conv3", "scores"):
        values = trace[name]
        assert int(values.max()) - int(values.min()) > 200
        # Calibrated on other images, the range may cut a few values of these, not many.
        assert (values == 127).mean() < 0.001
