"""What there is to say about a network and about a plan, in numbers: plain data under fixed keys."""

from __future__ import annotations

import math
from typing import Any

from .network import Layer, Network
from .operators.window import Window
from .planner import Plan, Prediction, Resources, predict, resources

__all__ = ["multiplier_utilization", "network_summary", "plan_summary"]


def network_summary(network: Network, lowered: Network) -> dict[str, Any]:
    """Layers, shapes, work and memory of ``network``; ``lowered``, the same network, tells its accumulators.

    Keys: ``network``, ``input`` and ``output`` (``name``, ``shape``, ``scale``, ``zero_point``), ``layers``
    (``name``, ``operator``, ``inputs``, ``output_shape``, ``macs``, ``parameters``, ``accumulator_bits``,
    ``weight_bytes``, ``feature_bytes``, ``origin``), and the sums ``macs_per_inference``, ``parameters``,
    ``weight_bytes``; ``feature_bytes`` is that of all tensors, the input included.
    """
    layers = [_layer(network, layer, lowered.layer(layer.name)) for layer in network.layers]
    return {
        "network": network.name,
        "input": _tensor(network, network.input),
        "output": _tensor(network, network.output),
        "layers": layers,
        "macs_per_inference": network.macs,
        "parameters": sum(layer["parameters"] for layer in layers),
        "weight_bytes": sum(layer["weight_bytes"] for layer in layers),
        "feature_bytes": sum(tensor.size for tensor in network.tensors.values()),
    }


def _tensor(network: Network, name: str) -> dict[str, Any]:
    tensor = network.tensors[name]
    return {"name": name, "shape": list(tensor.shape), "scale": tensor.quantization.scale,
            "zero_point": tensor.quantization.zero_point}


def _layer(network: Network, layer: Layer, lowered: Layer) -> dict[str, Any]:
    operator = lowered.operator
    assert isinstance(operator, Window)
    weights = 0 if operator.weights is None else operator.weights.size
    output = network.tensors[layer.output]
    return {
        "name": layer.name,
        "operator": _kind(layer),
        "inputs": list(layer.inputs),
        "output_shape": list(output.shape),
        "macs": layer.operator.macs(network.shapes(layer)),
        # A bias for each channel of a layer with weights.
        "parameters": weights + (operator.out_channels if weights else 0),
        "accumulator_bits": operator.bounds.width,
        "weight_bytes": weights,
        "feature_bytes": output.size,
        "origin": layer.origin,
    }


def _kind(layer: Layer) -> str:
    """``MaxPool`` as descriptions write it: ``max_pool``."""
    name = type(layer.operator).__name__
    return "".join(f"_{c.lower()}" if c.isupper() and index else c.lower() for index, c in enumerate(name))


def multiplier_utilization(network: Network, prediction: Prediction, need: Resources) -> float:
    """Share of the array multipliers that work for ``network`` in a mean cycle."""
    return network.macs / (need.multipliers * prediction.cycles_per_inference)


def plan_summary(plan: Plan) -> dict[str, Any]:
    """Cycles, multipliers, memory, engines and regions of ``plan``.

    ``multipliers`` are those of the arrays, lanes of channel arrays included; ``multiplier_utilization`` is
    ``macs_per_inference / (multipliers * cycles_per_inference)``; ``bottleneck_utilization`` is the share of
    cycles in which the busiest engine, ``bottleneck``, issues work; ``periodic`` says that the mean is exact.
    """
    prediction, need = predict(plan), resources(plan)
    cycles = prediction.cycles_per_inference
    return {
        "network": plan.network.name,
        "macs_per_inference": plan.network.macs,
        "cycles_per_inference": cycles,
        "latency_cycles": prediction.latency_cycles,
        "multipliers": need.multipliers,
        "requantizer_multipliers": need.requantizer_multipliers,
        "multiplier_utilization": multiplier_utilization(plan.network, prediction, need),
        "bottleneck": prediction.bottleneck,
        "bottleneck_utilization": prediction.busy(prediction.bottleneck),
        "periodic": prediction.periodic,
        "engines": [{
            "name": engine.name, "kind": engine.kind, "lanes": engine.lanes, "columns": engine.columns,
            "group": engine.group, "multipliers": engine.multipliers, "layers": list(engine.layers),
            "busy_cycles": prediction.work[engine.name],
        } for engine in plan.engines],
        "regions": [{
            "tensor": region.tensor, "writer": region.writer, "reader": region.reader, "rows": region.rows,
            "bytes": region.rows * math.prod(plan.network.tensors[region.tensor].shape[1:]),
        } for region in plan.regions],
        "weight_bits": need.weight_bits,
        "parameter_bits": need.parameter_bits,
        "feature_bits": need.feature_bits,
        "memory_bits": need.memory_bits,
    }
