"""A small ONNX network as a test case: its frames, its outputs, and what its makers draw."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from onnx_builder import OnnxBuilder

from gatecast import golden
from gatecast.network import Network

__all__ = ["Case", "Make", "finish", "frames_of", "outputs", "sign", "some"]


@dataclass(frozen=True)
class Case:
    """A model, the shape and type of its input."""

    data: bytes
    shape: tuple[int, ...]
    dtype: type


Make = Callable[[OnnxBuilder], Case]


def frames_of(case: Case, count: int = 5) -> np.ndarray:
    """Random frames over the whole range of the input's type, real ones on both sides of 0."""
    rng = np.random.default_rng(1)
    if case.dtype == np.float32:
        return rng.normal(size=(count, *case.shape[1:])).astype(np.float32)
    limits = np.iinfo(case.dtype)
    return rng.integers(limits.min, limits.max + 1, (count, *case.shape[1:])).astype(case.dtype)


def outputs(network: Network, x: np.ndarray) -> np.ndarray:
    """What a network makes of frames in the shape of the file."""
    trace = golden.run(network, x.reshape(len(x), *network.tensors[network.first_input].shape))
    return trace[network.last_output]


def finish(b: OnnxBuilder, output: str, shape, dtype=np.int8, *, out=None, rank: int = 4) -> Case:
    return Case(b.model({"x": (dtype, shape)}, output, out or dtype, rank=rank), shape, dtype)


def sign(b: OnnxBuilder) -> tuple[bool, type]:
    """Whether a case is of uint8, and its type."""
    unsigned = bool(b.rng.integers(2))
    return unsigned, np.uint8 if unsigned else np.int8


def some(b: OnnxBuilder, low: int, high: int) -> int:
    return int(b.rng.integers(low, high + 1))
