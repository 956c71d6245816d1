"""Mutated descriptions and weights: refused with one sentence or read as a whole network, never else."""

import io
import re
from pathlib import Path

import numpy as np
import pytest

from gatecast import networks
from gatecast.errors import InputError
from gatecast.network import Network
from gatecast.reader import read


def correct(network: Network) -> None:
    """Something that was read although it was mutated must be whole."""
    assert network.verify() is network
    assert list(network.tensors) == [network.input, *(layer.output for layer in network.layers)]


PIECES = ["", "\n", ": ", "- ", "  ", "[", "]", "{", "}", "'", '"', "&a ", "*a", "!!int ", "!", "%", "? ",
          "|", ">", "#", "\t", "\0", "\ud7ff", "<<", "null", "-1", "0", "1e999", ".nan", "9" * 30, "yes",
          "name", "kernel: 3"]


def mutated(text: str, random: np.random.Generator) -> bytes:
    """``text`` with one to three changes: lines, words or bytes moved, doubled, dropped or replaced."""
    for _ in range(random.integers(1, 4)):
        lines = text.split("\n")
        here, there = random.integers(0, len(lines), 2)
        words = lines[here].split(" ")
        match random.integers(0, 7):
            case 0:
                lines[here], lines[there] = lines[there], lines[here]
            case 1:
                lines.insert(int(there), lines[here])
            case 2:
                del lines[here]
            case 3:
                words[random.integers(0, len(words))] = str(random.choice(PIECES))
                lines[here] = " ".join(words)
            case 4:
                words[random.integers(0, len(words))] = str(random.choice(text.split()))
                lines[here] = " ".join(words)
            case 5:
                place = random.integers(0, len(lines[here]) + 1)
                lines[here] = lines[here][:place] + str(random.choice(PIECES)) + lines[here][place:]
            case 6:
                lines[here] = " " * int(random.integers(0, 6)) + lines[here].strip()
        text = "\n".join(lines)
    data = bytearray(text.encode())
    if random.random() < 0.3:
        data[random.integers(0, len(data))] = random.integers(0, 256)
    return bytes(data)


# Every operator, with random weights.
RANDOM_WEIGHTS = """\
name: digits
weights: {random: 7}
input: {shape: [8, 8, 4], quantization: {scale: 0.5, zero_point: 3}}
layers:
  - {name: conv, operator: conv2d, kernel: 3, channels: 6, groups: 2, padding: same, activation: relu}
  - {name: apart, operator: depthwise_conv2d, kernel: 3, multiplier: 2, padding: same, stride: 1}
  - {name: wide, operator: conv2d, input: conv, kernel: 1, channels: 12, dilation: [1, 2]}
  - {name: sum, operator: add, inputs: [apart, wide], quantization: {scale: 1.5, zero_point: -3}}
  - {name: pool, operator: max_pool, kernel: 2}
  - {name: other, operator: avg_pool, input: sum, kernel: 2, padding: same}
  - {name: both, operator: concat, inputs: [pool, other, pool]}
  - {name: hidden, operator: dense, channels: 6}
  - {name: scores, operator: mean, quantization: {scale: 0.5, zero_point: 9}}
"""


@pytest.mark.parametrize("trained", [True, False])
def test_mutated_descriptions_are_refused_or_read(tmp_path: Path, trained: bool) -> None:
    folder = networks.shipped()["digits"].parent
    (tmp_path / "digits.npz").write_bytes((folder / "digits.npz").read_bytes())
    text = (folder / "digits.yaml").read_text() if trained else RANDOM_WEIGHTS
    random = np.random.default_rng(1)
    path, outcomes = tmp_path / "digits.yaml", {"read": 0, "refused": 0}
    for _ in range(400):
        path.write_bytes(mutated(text, random))
        try:
            correct(read(path))
            outcomes["read"] += 1
        except InputError as error:
            assert "\n" not in str(error)
            assert str(error).startswith("digits.yaml:")
            outcomes["refused"] += 1
    assert min(outcomes.values()) > 8, outcomes


def test_mutated_weights_are_refused_or_read(tmp_path: Path) -> None:
    folder = networks.shipped()["digits"].parent
    (tmp_path / "digits.yaml").write_bytes((folder / "digits.yaml").read_bytes())
    whole, random = (folder / "digits.npz").read_bytes(), np.random.default_rng(2)
    with np.load(io.BytesIO(whole)) as arrays:
        packed = io.BytesIO()
        np.savez_compressed(packed, **arrays)
    for i in range(300):
        data = bytearray(packed.getvalue() if i % 2 else whole)
        for _ in range(random.integers(1, 6)):
            # Headers are rare among the bytes, so aim at them: a name follows every signature.
            if random.random() < 0.7:
                place = random.choice([found.start() for found in re.finditer(b"PK", data)])
                place += random.integers(0, 200)
            else:
                place = random.integers(0, len(data))
            data[min(int(place), len(data) - 1)] ^= 1 << int(random.integers(0, 8))
        if random.random() < 0.1:
            del data[int(random.integers(0, len(data))):]
        (tmp_path / "digits.npz").write_bytes(data)
        try:
            correct(read(tmp_path / "digits.yaml"))
        except InputError as error:
            assert "\n" not in str(error)
            assert str(error).startswith("digits.yaml:")
