"""What there is to say about a network, in numbers: plain data under fixed keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from .network import Layer, Network
from .operators.operator import Operator
from .operators.window import Window
from .plan_summary import plan_summary

__all__ = ["network_summary", "parameters", "plan_summary"]


def network_summary(network: Network, lowered: Network) -> dict[str, Any]:
    """Layers, shapes, work and memory of ``network``; ``lowered``, the same network, tells its accumulators.

    Keys: ``network``, ``input`` and ``output``, the tensors that a user gives and gets, ``chip_input`` and
    ``chip_output``, those on the links (each ``name``, ``shape``, ``values``, ``scale``, ``zero_point``),
    ``layers`` (``name``, ``operator``, ``runs_on``, ``inputs``, ``output_shape``, ``macs``, ``parameters``,
    ``accumulator_bits``, ``multiplier_bits``, ``given_multiplier_bits``, ``weight_bytes``,
    ``feature_bytes``, ``origin``), and the sums ``macs_per_inference``, ``parameters``, ``weight_bytes``;
    ``feature_bytes`` is that of all tensors that the chip writes, its input included. What ``runs_on``
    ``readers`` only moves values: whoever reads its output reads its input instead. ``multiplier_bits`` is
    the width of the widest multiplier that requantizes the layer, ``given_multiplier_bits`` that of the
    multipliers in the network's own arithmetic, None where that has none.
    """
    on_chip = [_layer(network, layer, _made_of(layer, lowered)) for layer in network.layers]
    before, after = ([_layer(network, layer, None) for layer in layers]
                     for layers in (network.before, network.after))
    layers = [*before, *on_chip, *after]
    return {
        "network": network.name,
        "input": _tensor(network, network.first_input),
        "output": _tensor(network, network.last_output),
        "chip_input": _tensor(network, network.input),
        "chip_output": _tensor(network, network.output),
        "layers": layers,
        "macs_per_inference": network.macs,
        "parameters": sum(layer["parameters"] for layer in layers),
        "weight_bytes": sum(layer["weight_bytes"] for layer in layers),
        "feature_bytes": network.tensors[network.input].size + sum(
            layer["feature_bytes"] for layer in on_chip if layer["runs_on"] == "chip"),
    }


def _tensor(network: Network, name: str) -> dict[str, Any]:
    tensor = network.tensors[name]
    meaning = tensor.quantization
    return {"name": name, "shape": list(tensor.shape), "values": network.dtype(name).__name__,
            "scale": None if meaning is None else meaning.scale,
            "zero_point": None if meaning is None else meaning.zero_point}


def _layer(network: Network, layer: Layer, windows: list[Window] | None) -> dict[str, Any]:
    """``windows`` are what the layer became on the chip, None on the host."""
    output = network.tensors[layer.output]
    runs_on = "host" if windows is None else "chip" if windows else "readers"
    return {
        "name": layer.name,
        "operator": layer.operator.kind,
        "runs_on": runs_on,
        "inputs": list(layer.inputs),
        "output_shape": list(output.shape),
        "macs": 0 if runs_on == "host" else layer.operator.macs(network.shapes(layer)),
        "parameters": parameters(layer.operator),
        "accumulator_bits": max((window.bounds.width for window in windows or []), default=None),
        "multiplier_bits": max((window.multiplier_bits for window in windows or []), default=None),
        "given_multiplier_bits": layer.operator.multiplier_bits if windows else None,
        "weight_bytes": sum(weights.nbytes for weights in _weights(layer.operator)),
        "feature_bytes": output.size * np.dtype(network.dtype(layer.output)).itemsize,
        "origin": layer.origin,
    }


def _made_of(layer: Layer, lowered: Network) -> list[Window]:
    """The windows that a layer became: its own, or several that share its channels; none if it only moves."""
    return [made.operator for made in lowered.layers if isinstance(made.operator, Window)
            and layer.output in (made.output, made.part_of and made.part_of[0])]


def _weights(operator: Operator) -> list[npt.NDArray[Any]]:
    """The trained arrays of an operator that are no biases."""
    if isinstance(operator, Window):
        return [operand.weights for operand in operator.operands if operand.weights is not None]
    found = [getattr(operator, name, None) for name in ("weights", "constant")]
    return [array for array in found if array is not None]


def parameters(operator: Operator) -> int:
    """Trained integers of an operator: weights, biases, constant operands; scales and tables are none."""
    weights = sum(array.size for array in _weights(operator))
    if isinstance(operator, Window):
        # A bias for each channel of a window with weights.
        return weights + (operator.out_channels if weights else 0)
    bias = getattr(operator, "bias", None)
    return weights + (0 if bias is None else bias.size)
