"""A lowered network as files: ``network.json`` for its shapes, ``weights.npz`` for its numbers."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import numpy as np

from gatecast.hdl.requantization import Requantization

from .arrays import load_arrays
from .errors import InputError
from .network import Layer, Network, Tensor
from .operators.window import Window
from .quantization import Quantization

__all__ = ["NETWORK", "WEIGHTS", "load_network", "save_network"]

NETWORK, WEIGHTS = "network.json", "weights.npz"

# Of a window, what is neither a number nor a word.
_PAIRS = ("kernel", "stride", "padding", "dilation")
_PLAIN = ("operation", "out_channels", "pad_value")
_STEPS = tuple(field.name for field in fields(Requantization))


def save_network(network: Network, folder: Path) -> None:
    """Write ``NETWORK`` and ``WEIGHTS`` into ``folder``; the same network gives the same bytes.

    Arrays go by ``LAYER/weights`` (int8 ``[co, kh, kw, ci]``) and ``LAYER/FIELD`` for the fields of
    ``Requantization`` (int64 ``[co]``).
    """
    arrays: dict[str, Any] = {}
    layers = []
    for layer in network.layers:
        window = layer.operator
        assert isinstance(window, Window), f"layer '{layer.name}' is not lowered"
        if window.weights is not None:
            arrays[f"{layer.name}/weights"] = window.weights
        arrays |= {f"{layer.name}/{step}": getattr(window.requantization, step) for step in _STEPS}
        layers.append({
            "name": layer.name, "inputs": list(layer.inputs), "output": layer.output, "origin": layer.origin,
            **{name: list(getattr(window, name)) for name in _PAIRS},
            **{name: getattr(window, name) for name in _PLAIN}})
    document = {
        "name": network.name, "input": network.input, "output": network.output,
        "tensors": [{"name": tensor.name, "shape": list(tensor.shape), "scale": tensor.quantization.scale,
                     "zero_point": tensor.quantization.zero_point} for tensor in network.tensors.values()],
        "layers": layers,
    }
    (folder / NETWORK).write_text(json.dumps(document, indent=2) + "\n")
    np.savez(folder / WEIGHTS, **arrays)


def load_network(folder: Path) -> Network:
    """The network that :func:`save_network` wrote into ``folder``; ``InputError`` where there is none."""
    path = folder / NETWORK
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {NETWORK}; make the folder with `gatecast generate` or "
                         f"`gatecast build`") from None
    except (OSError, ValueError) as error:
        raise _damaged(path) from error
    arrays = load_arrays(folder / WEIGHTS)
    try:
        tensors = [Tensor(name=tensor["name"], shape=tuple(tensor["shape"]), quantization=Quantization(
            scale=tensor["scale"], zero_point=tensor["zero_point"])) for tensor in document["tensors"]]
        return Network(
            name=document["name"], input=document["input"], output=document["output"],
            tensors={tensor.name: tensor for tensor in tensors},
            layers=tuple(_layer(layer, arrays) for layer in document["layers"])).verify()
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise _damaged(path) from error


def _layer(document: dict[str, Any], arrays: dict[str, Any]) -> Layer:
    name = document["name"]
    geometry: dict[str, Any] = {field: tuple(document[field]) for field in _PAIRS}
    plain: dict[str, Any] = {field: document[field] for field in _PLAIN}
    return Layer(
        name=name, inputs=tuple(document["inputs"]), output=document["output"], origin=document["origin"],
        operator=Window(
            **geometry, **plain, weights=arrays.get(f"{name}/weights"),
            requantization=Requantization(**{step: arrays[f"{name}/{step}"] for step in _STEPS})))


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged; make the folder again")
