"""Capacity: bits that every plan of a network keeps on the chip, and bits that a chip has.

Synthesis drops bits of a memory that are the same in all of its words. So a weight counts only as far as it
is sure to share its place in the array, its lane and its column, with others that differ from it, and
parameters likewise, on arrays that are not larger than said.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from gatecast.boards import families
from gatecast.hdl.pipeline import bits_for_range
from gatecast.hdl.requantizer import FIELDS

from ..network import Network
from ..operators.window import Window
from .budget import Budget
from .counts import varying_bits
from .numbers import layer_window, used_channels

__all__ = ["MOST_GROUP", "MOST_MULTIPLIERS", "block_rams_at_least", "least_bits"]

Ints = npt.NDArray[np.int64]

# The largest array and group that are reckoned with, if nobody says how large they can be.
MOST_MULTIPLIERS = 1024
MOST_GROUP = 16
# Of a layer no more weights are looked at, which is more than any chip here holds.
MOST_WEIGHTS = 1 << 21
# Words that agree are made once, so that LUTs hold more bits than they have: twice as many, if half of them
# join words of others.
SHARED = 2

_ONES = np.array([number.bit_count() for number in range(1 << 16)], np.int64)


def least_bits(network: Network, external_weights: bool = False, limit: int = MOST_MULTIPLIERS) -> int:
    """Bits of weights, unless they are elsewhere, of requantizer parameters, and of a row of each tensor.

    No plan whose arrays have at most ``limit`` multipliers each, and groups of at most :data:`MOST_GROUP`
    columns, stores less.
    """
    bits = 0
    for layer in network.layers:
        window = layer_window(layer)
        bits += 0 if external_weights else _weight_bits(window, limit)
        bits += _parameter_bits(window)
    for name in {network.input, *(layer.output for layer in network.layers)}:
        _, columns, channels = network.tensors[name].shape
        # A row of a single word may be registers.
        bits += 8 * columns * channels if columns > 1 else 0
    return bits


def block_rams_at_least(bits: int, budget: Budget) -> int:
    """Block RAMs for so many ``bits`` if all LUTs of ``budget`` were memory too."""
    part = families()[budget.family]
    in_luts = (SHARED << part.lut_inputs) * (budget.luts or 0)
    return max(-(-(bits - in_luts) // part.block_ram_bits), 0)


def _weight_bits(window: Window, limit: int) -> int:
    bits = 0
    for operand in window.operands:
        if window.operation == "dot":
            first, last = used_channels(operand)
            assert operand.weights is not None
            rows = max(MOST_WEIGHTS // (operand.taps * (last - first + 1)), 1)
            weights = operand.weights[:rows, ..., first:last + 1].reshape(
                -1, operand.taps, last - first + 1).swapaxes(0, 1)
            bits += _dot_bits(weights, first, limit)
        elif operand.weights is not None:
            # In the best case each channel has a lane of its own.
            bits += operand.taps * sum(varying_bits(operand.weights.reshape(operand.taps, -1)))
    return bits


def _dot_bits(weights: npt.NDArray[np.integer], first: int, limit: int) -> int:
    """Of ``weights [tap, output, input]`` from input channel ``first`` on.

    An array has few lanes or few columns, at most the root of ``limit``; the other may be as many as there
    are channels. The more there are, the fewer weights share a place, but for numbers that divide each other.
    """
    taps = len(weights)
    ones, zeros = np.bitwise_or.reduce(weights), ~np.bitwise_and.reduce(weights)
    side = math.isqrt(limit)
    least = []
    for axis, start in ((0, 0), (1, first)):
        # With a place for each channel nothing is shared along this axis.
        enough = start + ones.shape[axis]
        for places in range(side // 2 + 1, side + 1) if side < enough else [enough]:
            differing = _ones(_folded(ones, axis, start, places) & _folded(zeros, axis, start, places))
            sharing = np.bincount((start + np.arange(ones.shape[axis])) % places, minlength=places)
            least.append(int(np.sum(differing * np.expand_dims(sharing, 1 - axis))))
    return taps * min(least)


def _folded(mask: npt.NDArray[np.integer], axis: int, start: int, places: int) -> npt.NDArray[np.integer]:
    """``mask`` with those channels of ``axis`` joined that share one of the ``places``, in any case all."""
    widths = [(0, 0), (0, 0)]
    before = start % places
    widths[axis] = before, -(before + mask.shape[axis]) % places
    shape = list(mask.shape)
    shape[axis:axis + 1] = -1, places
    return np.asarray(np.bitwise_or.reduce(np.pad(mask, widths).reshape(shape), axis=axis))


def _ones(mask: npt.NDArray[np.integer]) -> Ints:
    return _ONES[mask.astype(np.int64) & 0xff]


def _parameter_bits(window: Window) -> int:
    """The same of the requantizer's parameters, the columns of a group in place of those of an array."""
    numbers = np.stack([[getattr(each, name) for name in FIELDS] for each in window.requantizations], axis=2)
    numbers = numbers.reshape(len(FIELDS), window.out_channels, -1)
    return min(sum(_lane_bits(numbers[:, lane::lanes].reshape(len(FIELDS), -1)) for lane in range(lanes))
               for lanes in range(MOST_GROUP // 2 + 1, MOST_GROUP + 1))


def _lane_bits(numbers: Ints) -> int:
    """Of the parameters ``[field, slot]`` that one lane has at least."""
    slots = numbers.shape[1]
    if not slots:
        return 0
    widths = varying_bits(numbers.T)
    # Shifts are stored less the least one of the engine: so many bits tell the different ones apart.
    shift = FIELDS.index("shift")
    widths[shift] = bits_for_range(0, len(np.unique(numbers[shift])) - 1).width
    if len(np.unique(numbers[shift])) == 1:
        widths[shift] = 0
    return slots * sum(widths)
