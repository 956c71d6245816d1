"""The golden model: a network executed on integers, bit for bit what its accelerator and its host must do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .network import Layer, Network
from .operators.operator import Int8

__all__ = ["host_after", "host_before", "run", "run_chip"]

Values = npt.NDArray[Any]


def run(network: Network, x: Values) -> dict[str, Values]:
    """Every tensor of the inference of ``x [n, h, w, c]``, the ``first_input``, by name: the trace.

    ``x`` is int8, or what else that tensor is. Works on any network, as read or lowered. The arithmetic
    is that of the reference of the network's format: TFLite-Micro or ONNX Runtime.
    """
    trace = _start(network, network.first_input, x)
    _continue(trace, (*network.before, *network.layers, *network.after))
    return trace


def run_chip(network: Network, x: Int8) -> dict[str, Values]:
    """The part of the trace that the chip makes of ``x [n, h, w, c]``, its ``input``."""
    trace = _start(network, network.input, x)
    _continue(trace, network.layers)
    return trace


def host_before(network: Network, x: Values) -> Int8:
    """What the host sends to the chip for ``x``, the ``first_input``."""
    trace = _start(network, network.first_input, x)
    _continue(trace, network.before)
    return trace[network.input]


def host_after(network: Network, y: Int8) -> Values:
    """What the host makes of ``y``, the ``output`` of the chip: the ``last_output``."""
    trace = _start(network, network.output, y)
    _continue(trace, network.after)
    return trace[network.last_output]


def _start(network: Network, tensor: str, x: Values) -> dict[str, Values]:
    """A trace that holds ``tensor`` alone; an ``InputError`` where ``x`` is no batch of it."""
    shape, dtype = network.tensors[tensor].shape, network.dtype(tensor)
    what = {network.first_input: "input", network.output: "output"}.get(tensor, f"tensor '{tensor}'")
    kind = f"{'an' if dtype == np.int8 else 'a'} {dtype.__name__}"
    wanted = (f"the {what} of network '{network.name}' must be {kind} array of shape "
              f"[n, {', '.join(map(str, shape))}]")
    if not isinstance(x, np.ndarray):
        raise InputError(f"{wanted}, not {type(x).__name__}")
    if x.dtype != dtype:
        raise InputError(f"{wanted}, not {x.dtype}{'' if dtype == np.float32 else '; quantize it first'}")
    if x.shape[1:] != shape:
        raise InputError(f"{wanted}, not {list(x.shape)}")
    return {tensor: x}


def _continue(trace: dict[str, Values], layers: Sequence[Layer]) -> None:
    for layer in layers:
        trace[layer.output] = layer.operator.compute([trace[name] for name in layer.inputs])
