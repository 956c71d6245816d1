"""Shapes: all arrays that layers of one kind could run on, in how many cycles, and what they would take."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatecast.hdl.requantizer import lane_multipliers
from gatecast.hdl.sequencer import Sequencer
from gatecast.hdl.systolic import WEIGHT_BITS

from ..network import Layer
from ..operators.window import Window
from .numbers import dot_weights, layer_window, multiplies, used_channels
from .parameters import parameter_bits, x_bounds

__all__ = ["LEAN", "Costs", "Kind", "Prices", "Shape", "Shapes"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]
Kind = Literal["systolic", "channel"]

# Other groups are listed where some dot product is too short for these.
GROUPS = (1, 2, 4, 8, 16)
# Lanes of arrays that do not multiply, whatever the limit; and of those that suit a slice of a tensor.
MOST_LANES = 64

# Rough LUTs of the parts, to tell cheap groups of layers from dear ones; estimates of whole plans are made
# by :mod:`.logic`.
ENGINE_LUTS = 1000
POSITION_LUTS = 30
SLOT_LANE_LUTS = 250
# Of a multiplier of a requantizer that is not in a DSP block.
DIGIT_LUTS = 100
# Bits of a read-only memory in one LUT.
LUT_BITS = 16

# Windows with the same number of so many channels are of one type: the finest that is not too much work.
ALIKE = (1, 2, 4, 8, 16)

# Depths and widths of a block RAM, of all families nearly enough; exact counts are those of
# :mod:`gatecast.boards.packing`.
_BLOCKS = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))


@dataclass(frozen=True)
class Prices:
    """What parts cost against each other, in LUTs."""

    multiplier: float = 1e9
    """High enough that the fewest multipliers win, whatever else they take."""
    block_ram: float = 400
    """An LFE5U-85F has so many LUTs for each block RAM."""
    stored_weights: bool = True
    """Whether weights are stored on the chip at all."""


# For what is small in all, not in multipliers alone.
LEAN = Prices(multiplier=200)


@dataclass(frozen=True, order=True)
class Shape:
    """An array: its lanes, columns and group, as in :class:`EnginePlan`."""

    lanes: int
    columns: int
    group: int


class Shapes:
    """All arrays of at most ``limit`` multipliers for some ``layers`` of one kind.

    Those of more lanes are for the layers among them that do not multiply.

    Only those are listed that some layer has a use for: the fewest lanes or columns for a number of words or
    blocks, columns rounded up to whole groups. Groups are powers of two; where none of those that divide the
    columns is large enough for the shortest dot product, the smallest that is and does. If ``ideal``, all
    columns are one group: no array of the same lanes and columns is faster.

    Layers of a type are alike but for a few channels that one of them does not need; ``types`` has the
    indices of each type. ``of_layers`` has the costs of each layer; ``of_types`` those of the fastest, the
    second fastest, ... of each type, so that a number of them takes no more cycles than any such layers do.
    """

    def __init__(self, kind: Kind, layers: Sequence[Layer], limit: int, alike: int = ALIKE[-1],
                 ideal: bool = False) -> None:
        self.kind, self.layers, self.limit = kind, tuple(layers), limit
        windows = [layer_window(layer) for layer in layers]
        make = _ideal_grid if ideal else _grid
        grid = np.array(sorted(set(make(kind, windows, limit))), np.int64).reshape(-1, 3)
        self.lanes, self.columns, self.group = grid.T
        facts = [_facts(kind, window, self.lanes, self.columns, self.group) for window in windows]
        of_types: dict[tuple[object, ...], list[int]] = {}
        for index, window in enumerate(windows):
            of_types.setdefault(_type(window, alike), []).append(index)
        self.types = tuple(map(tuple, of_types.values()))
        self.of_layers = Costs(self, facts)
        self.of_types = Costs(self, [fact for indices in self.types
                                     for fact in _in_order([facts[index] for index in indices])])

    @cached_property
    def arrays(self) -> tuple[Shape, ...]:
        """All of them."""
        return tuple(map(Shape, self.lanes.tolist(), self.columns.tolist(), self.group.tolist()))

    def fastest(self, counts: Ints) -> Ints:
        """Groups of so many layers of each type ``[n, types]`` as counts for ``of_types``: the fastest."""
        return np.concatenate([counts[:, [number]] > np.arange(len(indices))
                               for number, indices in enumerate(self.types)], axis=1).astype(np.int64)

    def members(self, group: frozenset[int]) -> Ints:
        """The layers ``group``, by index, as counts for ``of_layers`` ``[1, layers]``."""
        return np.array([[int(index in group) for index in range(len(self.layers))]])


@dataclass(frozen=True)
class _Facts:
    """What one layer takes on each array."""

    cycles: Ints
    words: Ints
    """Of weights, of each group."""
    slots: Ints
    """Of requantizer parameters."""
    multiplies: bool
    bits: int
    """Of the parameters of a channel."""
    digits: int
    """Multipliers of a requantizer lane."""
    tables: int


class Costs:
    """Cycles and prices of groups of layers on all arrays of ``shapes``.

    Groups come many at once as ``counts [n, kinds]``: how many there are in each of what each of ``facts``
    describes, a layer or a type of layers.
    """

    def __init__(self, shapes: Shapes, facts: Sequence[_Facts]) -> None:
        self.kind, self.lanes, self.group = shapes.kind, shapes.lanes, shapes.group
        self._weight_bits = WEIGHT_BITS[np.dtype(dot_weights(map(layer_window, shapes.layers)))]
        self.groups = shapes.columns // shapes.group
        self.positions = shapes.lanes * shapes.columns if shapes.kind == "systolic" else shapes.lanes
        self._cycles = np.array([fact.cycles for fact in facts], np.float64)
        self._words = np.array([fact.words for fact in facts], np.float64)
        self._slots = np.array([fact.slots for fact in facts], np.float64)
        self._multiplies = np.array([fact.multiplies for fact in facts])
        self._bits = np.array([fact.bits for fact in facts])
        self._digits = np.array([fact.digits for fact in facts])
        self._tables = np.array([fact.tables for fact in facts])

    def cycles(self, counts: Ints) -> Floats:
        """Cycles of one frame of each group on each array ``[n, arrays]``, holds and short jobs counted."""
        return counts @ self._cycles

    def multipliers(self, counts: Ints) -> Ints:
        """Multipliers of each array for each group ``[n, arrays]``: none where nothing is multiplied."""
        return np.where((counts @ self._multiplies > 0)[:, np.newaxis], self.positions, 0)

    def price(self, counts: Ints, prices: Prices) -> Floats:
        """What each array for each group would cost, in LUTs ``[n, arrays]``."""
        present = counts > 0
        if not prices.stored_weights:
            cost = np.zeros((len(counts), len(self.lanes)))
        elif self.kind == "systolic":
            word = self._weight_bits * self.lanes * self.group
            cost = self.groups * _memory(counts @ self._words, word, prices)
        else:
            cost = _memory(counts @ self._words, 9 * self.lanes, prices)
        bits = (present * self._bits).max(axis=1, initial=0)[:, np.newaxis]
        cost += _memory(counts @ self._slots, bits * self.group, prices)
        tables = 256.0 * (counts @ self._tables)[:, np.newaxis]
        cost += _memory(tables, 18, prices) * -(-self.lanes // 2)
        digits = (present * self._digits).max(axis=1, initial=0)[:, np.newaxis]
        cost += self.group * (SLOT_LANE_LUTS + DIGIT_LUTS * digits)
        cost += ENGINE_LUTS + POSITION_LUTS * self.positions
        cost += prices.multiplier * self.multipliers(counts)
        return cost


def _facts(kind: Kind, window: Window, lanes: Ints, columns: Ints, group: Ints) -> _Facts:
    rows, output_columns = window.size
    taps = _dot_taps(window, lanes) if kind == "systolic" else np.full_like(lanes, window.taps)
    groups = columns // group
    blocks = -(-window.out_channels // columns)
    weighted = window.operation in ("dot", "multiply")
    return _Facts(
        cycles=rows * np.maximum(output_columns * blocks * np.maximum(taps, groups), Sequencer.START),
        words=blocks * taps if weighted else np.zeros_like(lanes),
        slots=blocks * groups * len(window.requantizations),
        multiplies=multiplies(window),
        bits=parameter_bits(window),
        digits=lane_multipliers(x=x_bounds([window]), multiplier=max(
            int(requantization.multiplier.max()) for requantization in window.requantizations)),
        tables=sum(operand.table is not None for operand in window.operands))


def _type(window: Window, alike: int) -> tuple[object, ...]:
    """Equal for windows that are alike; channels that are left out make little difference."""
    return (window.operation, window.size, window.out_channels // alike, tuple(
        (operand.kernel, None if operand.weights is None else operand.weights.shape[-1] // alike)
        for operand in window.operands))


def _in_order(facts: Sequence[_Facts]) -> list[_Facts]:
    """Of layers of one type the fastest, the second fastest, ..., on each array another one."""
    cycles, words, slots = (np.sort([getattr(fact, name) for fact in facts], axis=0)
                            for name in ("cycles", "words", "slots"))
    bits, digits = max(fact.bits for fact in facts), max(fact.digits for fact in facts)
    return [replace(fact, cycles=cycles[place], words=words[place], slots=slots[place], bits=bits,
                    digits=digits) for place, fact in enumerate(facts)]


def _grid(kind: Kind, windows: Sequence[Window], limit: int) -> Iterator[tuple[int, int, int]]:
    """Lanes, columns and group of the arrays that are listed."""
    blocks = _useful([window.out_channels for window in windows], max(limit, MOST_LANES))
    if kind == "channel":
        # Lanes that do not multiply are not limited.
        most = limit if all(map(multiplies, windows)) else max(limit, MOST_LANES)
        taps = min(window.taps for window in windows)
        for each in blocks:
            yield from ((p, p, g) for p, g in _grouped(each, taps) if p <= most)
        return
    lanes = np.array(_lanes(windows, limit, MOST_LANES))
    shortest = np.min([_dot_taps(window, lanes) for window in windows], axis=0)
    for p, taps in zip(lanes.tolist(), shortest.tolist(), strict=True):
        for each in blocks:
            yield from ((p, q, g) for q, g in _grouped(each, taps) if p * q <= limit)


def _ideal_grid(kind: Kind, windows: Sequence[Window], limit: int) -> Iterator[tuple[int, int, int]]:
    """The same of the ideal ones."""
    widest = max(window.out_channels for window in windows)
    blocks = _useful([window.out_channels for window in windows], max(limit, widest))
    if kind == "channel":
        most = limit if all(map(multiplies, windows)) else max(limit, widest)
        yield from ((p, p, p) for p in blocks if p <= most)
    else:
        yield from ((p, q, q) for p in _lanes(windows, limit, limit) for q in blocks if p * q <= limit)


def _grouped(columns: int, taps: int) -> Iterator[tuple[int, int]]:
    """``columns`` rounded up to whole groups, and these groups; as they are too, where ``taps`` are few."""
    for g in GROUPS:
        yield -(-columns // g) * g, g
    if not any(columns % g == 0 and columns // g <= taps for g in GROUPS):
        yield columns, columns // max(parts for parts in range(1, taps + 1) if columns % parts == 0)


def _lanes(windows: Sequence[Window], limit: int, most: int) -> list[int]:
    """Lanes that suit some dot product; ``most`` of those that suit a slice of a tensor."""
    spans = [used_channels(operand) for window in windows for operand in window.operands]
    lanes = set(_useful([last + 1 for first, last in spans if not first], limit))
    # From the middle of a tensor on, any number of lanes may just suit.
    widest = max((last + 1 for first, last in spans if first), default=0)
    return sorted(lanes | set(range(1, 1 + min(limit, most, widest))))


def _useful(channels: Sequence[int], limit: int) -> list[int]:
    """Powers of two, and the least numbers that cut one of ``channels`` into some number of parts."""
    found = {-(-count // parts) for count in set(channels) for parts in range(1, count + 1)}
    found |= {1 << bit for bit in range(limit.bit_length())}
    return sorted(number for number in found if number <= limit)


def _dot_taps(window: Window, lanes: Ints) -> Ints:
    """Reads of one dot product for each number of ``lanes``."""
    total = np.zeros_like(lanes)
    for operand in window.operands:
        first, last = used_channels(operand)
        total += operand.taps * (last // lanes - first // lanes + 1)
    return total


def _memory(depth: Floats, width: Ints | int, prices: Prices) -> Floats:
    """The least that a memory costs, in block RAM or in LUTs."""
    cheapest: Floats = np.ceil(depth / LUT_BITS) * width
    cost, deepest = np.empty_like(cheapest), depth.max(initial=0)
    for words, bits in _BLOCKS:
        # In place: there are many groups of layers on many arrays.
        np.ceil(np.divide(depth, words, out=cost), out=cost)
        cost *= prices.block_ram * np.ceil(np.asarray(width) / bits)
        np.minimum(cheapest, cost, out=cheapest)
        if words >= deepest:
            # Deeper ones hold no more words, and less of each.
            break
    return cheapest
