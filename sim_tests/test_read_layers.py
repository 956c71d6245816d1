"""YAML descriptions: groups, depthwise convolutions, means, and layers with several inputs."""

from pathlib import Path

import numpy as np
import pytest
from tiny_description import described, sentence

from gatecast import golden
from gatecast.lowering import lower
from gatecast.operators.add import Add
from gatecast.operators.concat import Concat
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.depthwise_conv2d import DepthwiseConv2d
from gatecast.operators.mean import Mean
from gatecast.quantization import Quantization

TEXT = """\
name: branches
weights: tiny.npz
input: {shape: [6, 5, 4], quantization: {scale: 0.5, zero_point: 3}}
layers:
  - {name: halves, operator: conv2d, kernel: 3, channels: 6, groups: 2, padding: same,
     quantization: {scale: 0.25, zero_point: 1}}
  - {name: apart, operator: depthwise_conv2d, kernel: [3, 2], multiplier: 2, stride: [1, 2], padding: same,
     dilation: [2, 1], activation: relu, input: input, quantization: {scale: 0.25, zero_point: -128}}
  - {name: pool, operator: avg_pool, input: halves, kernel: 2, stride: [1, 2], padding: same}
  - {name: beside, operator: concat, inputs: [pool, pool], quantization: {scale: 0.25, zero_point: 1}}
  - {name: wide, operator: conv2d, input: apart, kernel: 1, channels: 12,
     quantization: {scale: 1, zero_point: 0}}
  - {name: sum, operator: add, inputs: [beside, wide], activation: relu6,
     quantization: {scale: 0.5, zero_point: 2}}
  - {name: scores, operator: mean, quantization: {scale: 0.125, zero_point: -9}}
"""

RANDOM = np.random.default_rng(11)
ARRAYS = {
    "halves/weights": RANDOM.integers(-127, 128, (6, 3, 3, 2)).astype(np.int8),
    "halves/bias": np.arange(6, dtype=np.int32), "halves/scales": np.linspace(0.01, 0.02, 6),
    "apart/weights": RANDOM.integers(-127, 128, (3, 2, 8)).astype(np.int8),
    "apart/bias": np.arange(8, dtype=np.int32), "apart/scales": np.full(1, 0.01),
    "wide/weights": RANDOM.integers(-127, 128, (12, 1, 1, 8)).astype(np.int8),
    "wide/bias": np.arange(12, dtype=np.int32), "wide/scales": np.full(12, 0.01)}


def test_what_the_layers_are(tmp_path: Path) -> None:
    network = described(tmp_path, TEXT, **ARRAYS)
    source, signed = Quantization(scale=0.5, zero_point=3), Quantization(scale=0.25, zero_point=1)
    positive, one = Quantization(scale=0.25, zero_point=-128), Quantization(scale=1.0, zero_point=0)
    total, scores = Quantization(scale=0.5, zero_point=2), Quantization(scale=0.125, zero_point=-9)
    single = float(np.float32(0.01))
    operators = {layer.name: layer.operator for layer in network.layers}
    assert operators["halves"] == Conv2d(
        weights=ARRAYS["halves/weights"], bias=ARRAYS["halves/bias"], padding=(1, 1, 1, 1), input=source,
        output=signed, weight_scales=ARRAYS["halves/scales"].astype(np.float32).astype(np.float64))
    assert operators["apart"] == DepthwiseConv2d(
        weights=ARRAYS["apart/weights"], bias=ARRAYS["apart/bias"], weight_scales=np.full(8, single),
        stride=(1, 2), padding=(2, 0, 2, 1), dilation=(2, 1), activation="relu", input=source,
        output=positive)
    assert operators["beside"] == Concat(axis=2, count=2)
    assert operators["sum"] == Add(first=signed, second=one, output=total, activation="relu6")
    assert operators["scores"] == Mean(input=total, output=scores)
    assert {layer.name: layer.inputs for layer in network.layers} == {
        "halves": ("input",), "apart": ("input",), "pool": ("halves",), "beside": ("pool", "pool"),
        "wide": ("apart",), "sum": ("beside", "wide"), "scores": ("sum",)}
    assert {tensor.name: tensor.shape for tensor in network.tensors.values()} == {
        "input": (6, 5, 4), "halves": (6, 5, 6), "apart": (6, 3, 8), "pool": (6, 3, 6), "beside": (6, 3, 12),
        "wide": (6, 3, 12), "sum": (6, 3, 12), "scores": (1, 1, 12)}
    assert {name: network.tensors[name].quantization for name in ("pool", "beside", "sum", "scores")} == {
        "pool": signed, "beside": signed, "sum": total, "scores": scores}
    # Groups count their own channels only.
    assert network.macs == 30 * 6 * 9 * 2 + 18 * 8 * 6 + 18 * 12 * 8


def test_lowering_changes_nothing(tmp_path: Path) -> None:
    network = described(tmp_path, TEXT, **ARRAYS)
    frames = np.random.default_rng(3).integers(-128, 128, (20, 6, 5, 4)).astype(np.int8)
    right = golden.run(network, frames)["scores"]
    assert len(np.unique(right)) > 20
    assert np.array_equal(golden.run(lower(network), frames)["scores"], right)


def test_a_mean_keeps_its_quantization(tmp_path: Path) -> None:
    network = described(tmp_path, TEXT.replace("mean, quantization: {scale: 0.125, zero_point: -9}", "mean"),
                        **ARRAYS)
    assert network.tensors["scores"].quantization == network.tensors["sum"].quantization


@pytest.mark.parametrize(("old", "new", "said"), [
    ("groups: 2", "groups: 4",
     "5: layer 'halves': groups: found 4, allowed: a divisor of the 4 channels of the input and of the 6 of "
     "the output"),
    ("groups: 2", "groups: 3",
     "5: layer 'halves': groups: found 3, allowed: a divisor of the 4 channels of the input and of the 6 of "
     "the output"),
    ("groups: 2, ", "",
     "5: layer 'halves': weights: found int8 [6, 3, 3, 2] in 'halves/weights' of tiny.npz, "
     "allowed: int8 [6, 3, 3, 4] (channels, kernel height, kernel width, input channels)"),
    ("groups: 2", "groups: 1",
     "5: layer 'halves': weights: found int8 [6, 3, 3, 2] in 'halves/weights' of tiny.npz, "
     "allowed: int8 [6, 3, 3, 4] (channels, kernel height, kernel width, input channels)"),
    ("channels: 6, groups: 2", "channels: 8, groups: 2",
     "5: layer 'halves': weights: found int8 [6, 3, 3, 2] in 'halves/weights' of tiny.npz, "
     "allowed: int8 [8, 3, 3, 2] (channels, kernel height, kernel width, input channels of a group)"),
    ("multiplier: 2", "multiplier: 3",
     "7: layer 'apart': weights: found int8 [3, 2, 8] in 'apart/weights' of tiny.npz, "
     "allowed: int8 [3, 2, 12] (kernel height, kernel width, channels)"),
    ("multiplier: 2", "channels: 8",
     "7: layer 'apart': found the unknown key 'channels', allowed in depthwise_conv2d: name, operator, "
     "input, multiplier, kernel, stride, padding, dilation, activation, quantization, weights, bias, scales"),
    ("inputs: [pool, pool]", "inputs: [pool, halfs]",
     "10: layer 'beside': inputs: found 'halfs' (did you mean 'halves'?), allowed: the input or an earlier "
     "layer (input, halves, apart, pool)"),
    ("inputs: [pool, pool]", "inputs: [pool]",
     "10: layer 'beside': inputs: found [pool], allowed: a list of 2 to 64 names"),
    ("inputs: [pool, pool]", "inputs: pool",
     "10: layer 'beside': inputs: found 'pool', allowed: a list of 2 to 64 names"),
    ("inputs: [pool, pool]", "inputs: [pool, 1]",
     "10: layer 'beside': inputs: found [pool, 1], allowed: a list of 2 to 64 names"),
    ("inputs: [pool, pool], ", "",
     "10: layer 'beside': inputs: found nothing, allowed: a list of 2 to 64 names"),
    ("inputs: [pool, pool]", "input: pool",
     "10: layer 'beside': found the unknown key 'input' (did you mean 'inputs'?), allowed in concat: name, "
     "operator, inputs, quantization"),
    ("inputs: [pool, pool]", "inputs: [pool, apart]",
     "10: layer 'beside': inputs: found 'pool' with {scale: 0.25, zero_point: 1} and 'apart' with "
     "{scale: 0.25, zero_point: -128}, allowed: inputs of one quantization"),
    ("inputs: [pool, pool], quantization: {scale: 0.25", "inputs: [pool, pool], quantization: {scale: 0.5",
     "10: layer 'beside': quantization: found {scale: 0.5, zero_point: 1}, allowed: nothing, or that of the "
     "inputs, {scale: 0.25, zero_point: 1}"),
    ("inputs: [pool, pool]", "inputs: [pool, halves]",
     "10: layer 'beside': inputs must be equal but for their channels, not 6x3x6 and 6x5x6"),
    ("inputs: [beside, wide]", "inputs: [beside, wide, pool]",
     "13: layer 'sum': inputs: found [beside, wide, pool], allowed: a list of 2 names"),
    ("inputs: [beside, wide]", "inputs: [pool, wide]",
     "13: layer 'sum': inputs must have one shape but for single rows and columns, not 6x3x6 and 6x3x12"),
    ("relu6,\n     quantization: {scale: 0.5, zero_point: 2}", "relu6",
     "13: layer 'sum': quantization: found nothing, allowed: {scale: NUMBER, zero_point: INTEGER}"),
    ("operator: mean", "operator: mean, kernel: 2",
     "15: layer 'scores': found the unknown key 'kernel', allowed in mean: name, operator, input, "
     "quantization"),
])
def test_refusals(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert TEXT.count(old) == 1, old
    assert sentence(tmp_path, TEXT.replace(old, new), **ARRAYS) == f"tiny.yaml:{said}"


def test_refuses_more_channels_than_any_layer_may_have(tmp_path: Path) -> None:
    text = """\
name: wide
input: {shape: [1, 1, 4096], quantization: {scale: 1, zero_point: 0}}
layers:
  - {name: both, operator: concat, inputs: [input, input]}
"""
    assert sentence(tmp_path, text) == ("tiny.yaml:4: layer 'both': found an output of 8192 channels, "
                                        "allowed: at most 4096")
