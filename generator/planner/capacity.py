"""Capacity: bits that every plan of a network keeps on the chip, and bits that a chip has."""

from __future__ import annotations

from gatecast.boards import families

from ..network import Network
from ..operators.window import Window
from .budget import Budget
from .numbers import layer_window, used_channels
from .parameters import parameter_bits

__all__ = ["block_rams_at_least", "least_bits"]

# Bits of a memory in one LUT: a read-only one of 16 words, or LUT RAM of 64 bits in four.
LUT_BITS = 16


def least_bits(network: Network, external_weights: bool = False) -> int:
    """Bits of weights, unless they are elsewhere, of requantizer parameters, and of a row of each tensor."""
    bits = 0
    for layer in network.layers:
        window = layer_window(layer)
        bits += 0 if external_weights else 8 * _weights(window)
        bits += parameter_bits(window) * window.out_channels * len(window.requantizations)
    chip = {network.input, *(layer.output for layer in network.layers)}
    for name in chip:
        _, columns, channels = network.tensors[name].shape
        bits += 8 * columns * channels
    return bits


def _weights(window: Window) -> int:
    """Weights that are stored: those of a dot product from the first to the last channel that it reads."""
    count = 0
    for operand in window.operands:
        if window.operation == "dot":
            first, last = used_channels(operand)
            count += window.out_channels * operand.taps * (last - first + 1)
        elif operand.weights is not None:
            count += operand.weights.size
    return count


def block_rams_at_least(bits: int, budget: Budget) -> int:
    """Block RAMs for so many ``bits`` if all LUTs of ``budget`` were memory too."""
    in_luts = LUT_BITS * (budget.luts or 0)
    return max(-(-(bits - in_luts) // families()[budget.family].block_ram_bits), 0)
