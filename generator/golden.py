"""The golden model: a network executed on integers, bit for bit what its accelerator must do."""

from __future__ import annotations

import numpy as np

from .errors import InputError
from .network import Network
from .operators.operator import Int8

__all__ = ["run"]


def run(network: Network, x: Int8) -> dict[str, Int8]:
    """Every tensor of the inference of ``x`` (int8 ``[n, h, w, c]``), by name: the trace.

    Works on any network, as read or lowered. The arithmetic is that of TFLite-Micro's reference kernels.
    """
    shape = network.tensors[network.input].shape
    wanted = (f"the input of network '{network.name}' must be an int8 array of shape "
              f"[n, {', '.join(map(str, shape))}]")
    if not isinstance(x, np.ndarray):
        raise InputError(f"{wanted}, not {type(x).__name__}")
    if x.dtype != np.int8:
        raise InputError(f"{wanted}, not {x.dtype}; quantize it first")
    if x.shape[1:] != shape:
        raise InputError(f"{wanted}, not {list(x.shape)}")
    trace = {network.input: x}
    for layer in network.layers:
        trace[layer.output] = layer.operator.compute([trace[name] for name in layer.inputs])
    return trace
