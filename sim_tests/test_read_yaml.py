"""YAML descriptions: what they mean."""

from pathlib import Path

import numpy as np
import pytest
from tiny_description import ARRAYS, TINY, described

from gatecast.network import Tensor
from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.max_pool import MaxPool
from gatecast.quantization import Quantization
from gatecast.reader import read


def test_every_field_of_a_short_description(tmp_path: Path) -> None:
    network = described(tmp_path)
    source, hidden = Quantization(scale=0.5, zero_point=3), Quantization(scale=0.25, zero_point=-128)
    scores = Quantization(scale=0.125, zero_point=7)
    assert (network.name, network.input, network.output) == ("tiny", "input", "scores")
    assert list(network.tensors.values()) == [
        Tensor(name="input", shape=(6, 5, 2), quantization=source),
        Tensor(name="conv", shape=(6, 5, 4), quantization=hidden),
        Tensor(name="pool", shape=(3, 2, 4), quantization=hidden),
        Tensor(name="scores", shape=(1, 1, 3), quantization=scores)]
    assert [layer.operator for layer in network.layers] == [
        Conv2d(weights=ARRAYS["conv/weights"], bias=ARRAYS["conv/bias"], input=source, output=hidden,
               weight_scales=ARRAYS["conv/scales"].astype(np.float64), activation="relu",
               padding=(1, 1, 1, 1)),
        MaxPool(kernel=(2, 2), stride=(2, 2), quantization=hidden),
        Dense(weights=ARRAYS["scores/weights"], bias=ARRAYS["scores/bias"], input=hidden, output=scores,
              weight_scales=np.float32([0.1, 0.2, 0.3]).astype(np.float64))]
    assert [(layer.name, layer.inputs, layer.output, layer.origin) for layer in network.layers] == [
        ("conv", ("input",), "conv", "tiny.yaml:7"), ("pool", ("conv",), "pool", "tiny.yaml:14"),
        ("scores", ("pool",), "scores", "tiny.yaml:17")]


def test_every_field_written_out(tmp_path: Path) -> None:
    network = described(tmp_path, """\
# Comments, another order of keys, quoted names and block style mean the same.
input: {quantization: {zero_point: 0, scale: 3}, shape: [9, 9, 2], name: on}
name: "spelt_out"
weights: tiny.npz
output: mean
layers:
- operator: conv2d
  name: first
  input: on
  kernel: [3, 3]
  channels: 4
  stride: [1, 2]
  dilation: [2, 1]
  padding: [0, 1, 2, 0]
  activation: relu6
  weights: conv/weights
  bias: conv/bias
  scales: one
  quantization:
    scale: 1e-1
    zero_point: -5
- {name: mean, operator: avg_pool, input: first, kernel: [2, 1], stride: [1, 3], padding: valid,
   activation: relu_n1_to_1, quantization: {scale: 0.1, zero_point: -5}}
""", one=np.array([0.1], np.float32))
    tenth = float(np.float32(0.1))
    hidden = Quantization(scale=tenth, zero_point=-5)
    conv, pool = (layer.operator for layer in network.layers)
    assert conv == Conv2d(weights=ARRAYS["conv/weights"], bias=ARRAYS["conv/bias"],
                          input=Quantization(scale=3.0, zero_point=0), output=hidden,
                          weight_scales=np.full(4, tenth), activation="relu6", stride=(1, 2), dilation=(2, 1),
                          padding=(0, 1, 2, 0))
    assert pool == AvgPool(kernel=(2, 1), stride=(1, 3), quantization=hidden, activation="relu_n1_to_1")
    assert network.input == "on"
    assert network.tensors["mean"].shape == (6, 2, 4)


def test_one_scale_of_a_dense_layer_stays_one(tmp_path: Path) -> None:
    operator = described(tmp_path, **{"scores/scales": np.array([0.5])}).layers[2].operator
    assert isinstance(operator, Dense)
    assert operator.weight_scales.tolist() == [0.5]


@pytest.mark.parametrize(("size", "kernel", "stride", "dilation", "before", "after"), [
    (8, 3, 1, 1, 1, 1), (8, 3, 2, 1, 0, 1), (7, 3, 2, 1, 1, 1), (8, 2, 1, 1, 0, 1), (8, 4, 1, 1, 1, 2),
    (8, 3, 1, 2, 2, 2), (8, 1, 3, 1, 0, 0), (9, 3, 4, 1, 1, 1), (5, 5, 5, 1, 0, 0), (6, 5, 4, 1, 1, 2)])
def test_same_padding_is_that_of_tflite(tmp_path: Path, size: int, kernel: int, stride: int, dilation: int,
                                        before: int, after: int) -> None:
    text = f"""\
name: window
weights: tiny.npz
input: {{shape: [{size}, 9, 2], quantization: {{scale: 1, zero_point: 0}}}}
layers:
  - {{name: conv, operator: conv2d, kernel: [{kernel}, 1], channels: 1, stride: [{stride}, 1],
     dilation: [{dilation}, 1], padding: same, quantization: {{scale: 1, zero_point: 0}}}}
"""
    network = described(tmp_path, text, **{
        "conv/weights": np.ones((1, kernel, 1, 2), np.int8), "conv/bias": np.zeros(1, np.int32),
        "conv/scales": np.ones(1, np.float32)})
    operator = network.layers[0].operator
    assert isinstance(operator, Conv2d)
    assert operator.padding == (before, 0, after, 0)
    assert network.tensors["conv"].shape == (-(-size // stride), 9, 1)


@pytest.mark.parametrize("text", [TINY.replace("\n", "\r\n").encode(), b"\xef\xbb\xbf" + TINY.encode(),
                                  f"---\n{TINY}...\n".encode()])
def test_line_ends_byte_order_mark_and_document_marks_change_nothing(tmp_path: Path, text: bytes) -> None:
    assert described(tmp_path, text).layers[0].operator == described(tmp_path).layers[0].operator


def test_the_description_in_the_documentation(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[1] / "docs" / "network-description.md"
    text = page.read_text().split("```yaml\n")[1].split("```")[0]
    network = described(tmp_path, text, **{
        "conv/weights": np.ones((8, 3, 3, 1), np.int8), "conv/bias": np.zeros(8, np.int32),
        "conv/scales": np.ones(8, np.float32), "scores/weights": np.ones((10, 128), np.int8),
        "scores/bias": np.zeros(10, np.int32), "scores/scales": np.ones(10, np.float32)})
    assert [tensor.shape for tensor in network.tensors.values()] == [
        (8, 8, 1), (8, 8, 8), (4, 4, 8), (1, 1, 10)]


def test_arrays_in_fortran_order_are_the_same_arrays(tmp_path: Path) -> None:
    turned = np.asfortranarray(ARRAYS["conv/weights"])
    network = described(tmp_path, **{"conv/weights": turned})
    assert network.layers[0].operator == described(tmp_path).layers[0].operator


def test_a_shipped_name_wins_over_a_folder_of_that_name(tmp_path: Path,
                                                        monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "digits").mkdir()
    assert read("digits").name == "digits"
