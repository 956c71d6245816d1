"""A small description, its arrays, and how to read changed copies of them."""

from pathlib import Path

import numpy as np
import pytest

from gatecast.errors import InputError
from gatecast.network import Network
from gatecast.reader import read

__all__ = ["ARRAYS", "TINY", "changed", "described", "sentence"]

TINY = """\
name: tiny
weights: tiny.npz
input:
  shape: [6, 5, 2]
  quantization: {scale: 0.5, zero_point: 3}
layers:
  - name: conv
    operator: conv2d
    kernel: 3
    channels: 4
    padding: same
    activation: relu
    quantization: {scale: 0.25, zero_point: -128}
  - name: pool
    operator: max_pool
    kernel: 2
  - name: scores
    operator: dense
    channels: 3
    quantization: {scale: 0.125, zero_point: 7}
"""

RANDOM = np.random.default_rng(7)
ARRAYS = {
    "conv/weights": RANDOM.integers(-127, 128, (4, 3, 3, 2)).astype(np.int8),
    "conv/bias": np.arange(-2, 2, dtype=np.int32),
    "conv/scales": np.array([0.01, 0.02, 0.03, 0.04], np.float32),
    "scores/weights": RANDOM.integers(-127, 128, (3, 24)).astype(np.int8),
    "scores/bias": np.arange(3, dtype=np.int32),
    "scores/scales": np.array([0.1, 0.2, 0.3]),
}


def described(folder: Path, text: str | bytes = TINY, **arrays: np.ndarray) -> Network:
    """The network of ``text`` beside the arrays of ``tiny.npz``, some of them exchanged."""
    np.savez(folder / "tiny.npz", **{**ARRAYS, **arrays})
    (folder / "tiny.yaml").write_bytes(text if isinstance(text, bytes) else text.encode())
    return read(folder / "tiny.yaml")


def sentence(folder: Path, text: str | bytes = TINY, **arrays: np.ndarray) -> str:
    """What is said about a description that is refused."""
    with pytest.raises(InputError) as refused:
        described(folder, text, **arrays)
    return str(refused.value)


def changed(old: str, new: str) -> str:
    """``TINY`` with one place changed."""
    assert TINY.count(old) == 1, old
    return TINY.replace(old, new)
