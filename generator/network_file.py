"""A network as files: ``network.json`` for its shape, ``weights.npz`` for its arrays."""

from __future__ import annotations

import inspect
import json
import pkgutil
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np

from gatecast.hdl.requantization import Requantization

from . import operators
from .arrays import load_arrays
from .errors import InputError
from .network import Layer, Network, Tensor
from .npz import Array
from .operators.operator import Attributes
from .quantization import Quantization, UnsignedQuantization

__all__ = ["NETWORK", "WEIGHTS", "load_network", "save_network"]

NETWORK, WEIGHTS = "network.json", "weights.npz"

# The parts of a network that are tuples of layers, in the order of execution.
_PARTS = ("before", "layers", "after")
# Keys that say what an object of the file stands for: a dataclass by its name, an array by its own.
_CLASS, _ARRAY = "class", "array"


def save_network(network: Network, folder: Path) -> None:
    """Write ``NETWORK`` and ``WEIGHTS`` into ``folder``; the same network gives the same bytes.

    Operators are written field by field, whatever they are. Arrays go by ``LAYER/FIELD``, or by
    ``LAYER/FIELD/INDEX/FIELD`` in what an operator is made of.
    """
    arrays: dict[str, Array] = {}
    document = {
        "name": network.name, "input": network.input, "output": network.output,
        "tensors": [{
            "name": tensor.name, "shape": list(tensor.shape),
            "scale": None if tensor.quantization is None else tensor.quantization.scale,
            "zero_point": None if tensor.quantization is None else tensor.quantization.zero_point,
            "unsigned": isinstance(tensor.quantization, UnsignedQuantization),
        } for tensor in network.tensors.values()],
        **{part: [{
            "name": layer.name, "inputs": list(layer.inputs), "output": layer.output, "origin": layer.origin,
            "part_of": None if layer.part_of is None else list(layer.part_of),
            "operator": _written(layer.operator, layer.name, arrays),
        } for layer in getattr(network, part)] for part in _PARTS},
    }
    (folder / NETWORK).write_text(json.dumps(document, indent=2) + "\n")
    np.savez(folder / WEIGHTS, **arrays)  # type: ignore[arg-type]


def load_network(folder: Path) -> Network:
    """The network that :func:`save_network` wrote into ``folder``; ``InputError`` where there is none."""
    path = folder / NETWORK
    try:
        document = json.loads(path.read_text())
    except FileNotFoundError:
        raise InputError(f"{folder} holds no {NETWORK}; make the folder with `gatecast generate` or "
                         f"`gatecast build`") from None
    except (OSError, ValueError, RecursionError) as error:
        raise _damaged(path) from error
    arrays = load_arrays(folder / WEIGHTS)
    try:
        tensors = [_tensor(tensor) for tensor in document["tensors"]]
        return Network(
            name=document["name"], input=document["input"], output=document["output"],
            tensors={tensor.name: tensor for tensor in tensors},
            **{part: tuple(_layer(layer, arrays) for layer in document[part]) for part in _PARTS}).verify()
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise _damaged(path) from error


def _written(value: Any, name: str, arrays: dict[str, Array]) -> Any:
    """``value`` as plain data; its arrays are added to ``arrays`` under ``name`` and what follows it."""
    if is_dataclass(value):
        return {_CLASS: type(value).__name__, **{
            field.name: _written(getattr(value, field.name), f"{name}/{field.name}", arrays)
            for field in fields(value)}}
    if isinstance(value, np.ndarray):
        arrays[name] = value
        return {_ARRAY: name}
    if isinstance(value, tuple):
        return [_written(part, f"{name}/{index}", arrays) for index, part in enumerate(value)]
    return value


def _read(value: Any, arrays: Mapping[str, Array]) -> Any:
    """What :func:`_written` made ``value`` of."""
    if isinstance(value, list):
        return tuple(_read(part, arrays) for part in value)
    if not isinstance(value, dict):
        return value
    if _ARRAY in value:
        return arrays[value[_ARRAY]]
    made = _classes()[value[_CLASS]]
    return made(**{name: _read(part, arrays) for name, part in value.items() if name != _CLASS})


@cache
def _classes() -> dict[str, type]:
    """Everything that an operator may be made of, by name, operators included."""
    found: dict[str, type] = {"Quantization": Quantization, "Requantization": Requantization}
    for module in pkgutil.iter_modules(operators.__path__, f"{operators.__name__}."):
        members = inspect.getmembers(import_module(module.name), inspect.isclass)
        found |= {name: member for name, member in members
                  if issubclass(member, Attributes) and not inspect.isabstract(member)}
    return found


def _tensor(document: dict[str, Any]) -> Tensor:
    scale, zero_point = document["scale"], document["zero_point"]
    kind = UnsignedQuantization if document["unsigned"] else Quantization
    return Tensor(name=document["name"], shape=tuple(document["shape"]),
                  quantization=None if scale is None else kind(scale=scale, zero_point=zero_point))


def _layer(document: dict[str, Any], arrays: Mapping[str, Array]) -> Layer:
    return Layer(name=document["name"], inputs=tuple(document["inputs"]), output=document["output"],
                 origin=document["origin"], operator=_read(document["operator"], arrays),
                 part_of=None if document["part_of"] is None else tuple(document["part_of"]))


def _damaged(path: Path) -> InputError:
    return InputError(f"{path} is damaged; make the folder again")
