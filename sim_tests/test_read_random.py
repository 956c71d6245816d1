"""YAML descriptions with random weights: the same everywhere, in 32 bits, neither saturated nor flat."""

import hashlib
import time
from pathlib import Path

import numpy as np
import pytest
from tiny_description import TINY, described, sentence

from gatecast import golden
from gatecast.lowering import lower
from gatecast.network import Network
from gatecast.operators.linear import Linear
from gatecast.quantization import Quantization
from gatecast.reader import random_weights

SHORT = """\
name: short
weights: {random: 5}
input: {shape: [12, 12, 3]}
layers:
  - {name: conv, operator: conv2d, kernel: 3, channels: 16, padding: same, activation: relu}
  - {name: apart, operator: depthwise_conv2d, kernel: 3, padding: same, activation: relu6}
  - {name: first, operator: conv2d, kernel: 1, channels: 16}
  - {name: second, operator: conv2d, input: apart, kernel: 3, channels: 16, padding: same, groups: 4}
  - {name: sum, operator: add, inputs: [first, second]}
  - {name: pool, operator: max_pool, kernel: 2, input: sum}
  - {name: left, operator: conv2d, kernel: 1, channels: 8, activation: relu}
  - {name: right, operator: conv2d, input: pool, kernel: 3, channels: 24, padding: same, activation: relu}
  - {name: both, operator: concat, inputs: [left, right]}
  - {name: mean, operator: avg_pool, kernel: 2}
  - {name: hidden, operator: dense, channels: 64, activation: relu_n1_to_1}
  - {name: scores, operator: dense, channels: 10}
"""


def arrays(network: Network) -> dict[str, tuple[bytes, bytes, bytes]]:
    """Weights, bias and scales by layer."""
    return {layer.name: (layer.operator.weights.tobytes(), layer.operator.bias.tobytes(),
                         layer.operator.weight_scales.tobytes())
            for layer in network.layers if isinstance(layer.operator, Linear)}


def test_the_same_bytes_on_every_machine(tmp_path: Path) -> None:
    whole = b"".join(b"".join(each) for each in arrays(described(tmp_path, SHORT)).values())
    assert hashlib.sha256(whole).hexdigest() == (
        "c71eb6a6fcfe898df9e1afef9384b4441707a24c6d62dd168bf55cb048521693")


def test_the_seed_and_the_name_of_the_layer_decide(tmp_path: Path) -> None:
    first = arrays(described(tmp_path, SHORT))
    assert arrays(described(tmp_path, SHORT)) == first
    other = arrays(described(tmp_path, SHORT.replace("random: 5", "random: 6")))
    assert all(first[name][0] != other[name][0] and first[name][1] != other[name][1] for name in first)
    renamed = arrays(described(tmp_path, SHORT.replace("left", "port")))
    assert renamed["port"] != first["left"]
    assert {name: renamed[name] for name in renamed if name != "port"} == {
        name: first[name] for name in first if name != "left"}
    lines = SHORT.splitlines(keepends=True)
    lines[6], lines[7] = lines[7], lines[6].replace("conv2d,", "conv2d, input: apart,")
    assert arrays(described(tmp_path, "".join(lines))) == first
    assert len({each[0][:64] for each in first.values()}) == len(first)


def test_default_quantizations(tmp_path: Path) -> None:
    tensors = described(tmp_path, SHORT).tensors
    scale = float(np.float32(6 / 255))
    signed, positive = (Quantization(scale=scale, zero_point=zero) for zero in (0, -128))
    assert {name: tensor.quantization for name, tensor in tensors.items() if name != "sum"} == {
        "input": signed, "conv": positive, "apart": positive, "first": signed, "second": signed,
        "pool": tensors["sum"].quantization, "left": positive, "right": positive, "both": positive,
        "mean": positive, "hidden": signed, "scores": signed}
    # Two signals that have nothing to do with each other spread sqrt(2) times as far as one.
    total = tensors["sum"].quantization
    assert total is not None and total.zero_point == 0
    assert total.scale == pytest.approx(scale * 2 ** 0.5, rel=1e-6)


def test_quantizations_that_are_written_count(tmp_path: Path) -> None:
    text = SHORT.replace("shape: [12, 12, 3]", "shape: [12, 12, 3], quantization: {scale: 2, zero_point: 9}")
    text = text.replace("inputs: [first, second]",
                        "inputs: [first, second], quantization: {scale: 0.5, zero_point: -3}")
    text = text.replace("channels: 64,", "channels: 64, quantization: {scale: 0.01, zero_point: 100},")
    network = described(tmp_path, text)
    assert [network.tensors[name].quantization for name in ("input", "sum", "pool")] == [
        Quantization(scale=2.0, zero_point=9), *[Quantization(scale=0.5, zero_point=-3)] * 2]
    check_values(network, skipped={"sum", "pool", "hidden"})


def check_values(network: Network, skipped: set[str] = frozenset()) -> None:
    """Outputs of random frames use the range of int8 and hardly ever end at its ends."""
    shape = network.tensors["input"].shape
    frames = np.random.default_rng(1).integers(-128, 128, (4, *shape)).astype(np.int8)
    for name, values in golden.run(network, frames).items():
        meaning = network.tensors[name].quantization
        assert meaning is not None
        away = values.astype(np.int64) - meaning.zero_point
        ends = (values == 127) | ((values == -128) & (meaning.zero_point != -128))
        if name not in {"input", *skipped}:
            assert 30 < np.sqrt((away * away).mean()) < 140, name
            assert ends.mean() < 0.15, name


def test_outputs_use_their_range(tmp_path: Path) -> None:
    network = described(tmp_path, SHORT)
    # A clamp to -1 and 1 makes ends.
    check_values(network, skipped={"hidden"})
    for layer in network.layers:
        if isinstance(layer.operator, Linear):
            weights = layer.operator.weights.astype(np.int64)
            assert -127 <= weights.min() < 0 < weights.max() <= 127
            assert abs(weights.mean()) < 5 * 73 / weights.size ** 0.5
            assert len(np.unique(layer.operator.weight_scales)) > 1
            assert np.array_equal(layer.operator.weight_scales,
                                  layer.operator.weight_scales.astype(np.float32))
            assert layer.operator.bias.any()


def test_lowering_changes_nothing(tmp_path: Path) -> None:
    network = described(tmp_path, SHORT)
    frames = np.random.default_rng(2).integers(-128, 128, (8, 12, 12, 3)).astype(np.int8)
    assert np.array_equal(golden.run(lower(network), frames)["scores"], golden.run(network, frames)["scores"])


def test_the_description_in_the_documentation(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "network-description.md"
    network = described(tmp_path, page.read_text().split("```yaml\n")[2].split("```")[0])
    assert [tensor.shape for tensor in network.tensors.values()] == [
        (32, 32, 3), (32, 32, 16), (16, 16, 16), (1, 1, 10)]


@pytest.mark.parametrize("channels", [1, 16, 256, 4096])
@pytest.mark.parametrize("zero_point", [-128, 0, 127])
def test_sums_of_many_terms_stay_in_32_bits(tmp_path: Path, channels: int, zero_point: int) -> None:
    lower(described(tmp_path, f"""\
name: deep
weights: {{random: 1}}
input: {{shape: [64, 64, {channels}], quantization: {{scale: 1, zero_point: {zero_point}}}}}
layers:
  - {{name: scores, operator: dense, channels: 2}}
"""))


@pytest.mark.parametrize(("old", "new", "said"), [
    ("random: 5", "random: x",
     "2: weights.random: found 'x', allowed: an integer from 0 to 2147483647"),
    ("random: 5", "random: -1",
     "2: weights.random: found '-1', allowed: an integer from 0 to 2147483647"),
    ("random: 5", "randon: 5",
     "2: found the unknown key 'weights.randon' (did you mean 'random'?), allowed: random"),
    ("{random: 5}", "{}",
     "2: weights.random: found nothing, allowed: an integer from 0 to 2147483647"),
    ("{random: 5}", "[random, 5]",
     "2: weights: found [random, 5], allowed: the name of an .npz file in the folder of the description, "
     "or {random: SEED}"),
    ("kernel: 3, channels: 16, padding: same, activation: relu}",
     "kernel: 3, channels: 16, padding: same, activation: relu, bias: conv/bias}",
     "5: layer 'conv': bias: found the name of an array, allowed: nothing, because all weights of this "
     "description are random"),
    ("operator: conv2d, kernel: 3, channels: 16, padding: same, activation: relu}",
     "operator: dense, channels: 16, quantization: {scale: 1}}",
     "5: layer 'conv': quantization.zero_point: found nothing, allowed: an integer from -128 to 127"),
])
def test_refusals(tmp_path: Path, old: str, new: str, said: str) -> None:
    assert SHORT.count(old) == 1, old
    assert sentence(tmp_path, SHORT.replace(old, new)) == f"tiny.yaml:{said}"


@pytest.mark.parametrize(("source", "output", "found"), [
    ("1e-30", "1e+30", "inf"), ("1e+30", "1e-30", "0.0")])
def test_scales_too_far_apart_for_float32(tmp_path: Path, source: str, output: str, found: str) -> None:
    text = SHORT.replace("shape: [12, 12, 3]",
                         f"shape: [12, 12, 3], quantization: {{scale: {source}, zero_point: 0}}")
    text = text.replace("activation: relu}",
                        f"activation: relu, quantization: {{scale: {output}, zero_point: 0}}}}", 1)
    assert sentence(tmp_path, text) == ("tiny.yaml:5: layer 'conv': weight_scales must be positive and "
                                        f"finite, not {found}..{found}")


def test_only_random_weights_have_default_quantizations(tmp_path: Path) -> None:
    text = TINY.replace("    quantization: {scale: 0.25, zero_point: -128}\n", "")
    assert sentence(tmp_path, text) == ("tiny.yaml:7: layer 'conv': quantization: found nothing, "
                                        "allowed: {scale: NUMBER, zero_point: INTEGER}")
    text = TINY.replace("  quantization: {scale: 0.5, zero_point: 3}\n", "")
    assert sentence(tmp_path, text) == ("tiny.yaml:4: input.quantization: found nothing, "
                                        "allowed: {scale: NUMBER, zero_point: INTEGER}")


def test_a_short_text_cannot_claim_endless_weights(tmp_path: Path) -> None:
    """Refused before anything is drawn."""
    text = """\
name: endless
weights: {random: 1}
input: {shape: [256, 256, 256]}
layers:
  - {name: scores, operator: dense, channels: 4096}
"""
    began = time.monotonic()
    assert sentence(tmp_path, text) == ("tiny.yaml:5: layer 'scores': found 68719476736 random weights up to "
                                        "this layer, allowed: at most 268435456")
    assert time.monotonic() - began < 5


def test_weights_of_all_layers_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(random_weights, "MAX_WEIGHTS", 500)
    assert sentence(tmp_path, SHORT) == ("tiny.yaml:6: layer 'apart': found 576 random weights up to this "
                                         "layer, allowed: at most 500")
