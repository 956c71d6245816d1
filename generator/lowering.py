"""Lowering: every layer becomes a window, which differs from the next in tables of numbers only."""

from __future__ import annotations

from dataclasses import replace

from .errors import InputError
from .network import Layer, Network

__all__ = ["lower"]


def lower(network: Network) -> Network:
    """The same network, tensor for tensor, with a :class:`Window` as the operator of every layer.

    Zero points move into biases and offsets, activations into clamps, a dense layer becomes a window as large
    as its map, and requantization takes its narrowest exact form. A layer that the hardware cannot run
    is refused with an ``InputError`` that names it.
    """
    return replace(network, layers=tuple(_lower(network, layer) for layer in network.layers)).verify()


def _lower(network: Network, layer: Layer) -> Layer:
    try:
        return replace(layer, operator=layer.operator.lower(network.shapes(layer)))
    except ValueError as error:
        raise InputError(f"{layer.origin}: layer '{layer.name}': {error}") from error
