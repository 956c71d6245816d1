"""Shapes: which arrays run a set of layers in how many cycles, at what cost in multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatecast.hdl.requantizer import lane_multipliers
from gatecast.hdl.sequencer import Sequencer

from ..network import Layer, Network
from .numbers import kind_of, layer_window, x_bounds

__all__ = ["Shape", "Shapes"]

Ints = npt.NDArray[np.int64]

LANES = (1, 2, 4, 8, 16, 32, 64)
GROUPS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An array for a set of layers, what it takes, and the cycles that it needs for one frame of them."""

    kind: Literal["systolic", "channel"]
    lanes: int
    columns: int
    group: int
    multipliers: int
    """As :attr:`EnginePlan.multipliers` counts them, lanes of a channel array included."""
    dsps: int
    """Multipliers that multiply: those of a systolic array, and those of the requantizer lanes."""
    cycles: int
    """Of all jobs of one frame, holds and jobs shorter than the sequencer's pace counted."""


class Shapes:
    """All arrays of at most ``limit`` multipliers for the layers of one lowered network.

    Lanes and groups are powers of two, so that any write and any read share a word of a feature memory.
    """

    def __init__(self, network: Network, limit: int) -> None:
        self.network, self.limit = network, limit
        self._cycles: dict[str, Ints] = {}
        self._fronts: dict[tuple[str, ...], tuple[Shape, ...]] = {}
        widest = max(layer_window(layer).out_channels for layer in network.layers)
        self._grids = {
            "systolic": np.array([
                (lanes, columns, group) for lanes in LANES
                for columns in range(1, min(widest, limit // lanes) + 1)
                for group in GROUPS if columns % group == 0], np.int64).reshape(-1, 3),
            "channel": np.array([(lanes, lanes, group) for lanes in LANES if lanes <= limit
                                 for group in GROUPS if lanes % group == 0], np.int64).reshape(-1, 3),
        }

    def front(self, layers: Sequence[Layer]) -> tuple[Shape, ...]:
        """The arrays for ``layers`` that no other one beats, from the smallest to the fastest.

        Of equally large and fast ones the one with the smallest group, the fewest requantizer lanes, stays.
        """
        names = tuple(layer.name for layer in layers)
        if names not in self._fronts:
            self._fronts[names] = self._front(layers)
        return self._fronts[names]

    def _front(self, layers: Sequence[Layer]) -> tuple[Shape, ...]:
        kind = kind_of(layers[0])
        lanes, columns, group = self._grids[kind].T
        multipliers = lanes * columns if kind == "systolic" else lanes
        cycles = sum((self._layer_cycles(layer) for layer in layers), np.zeros(len(lanes), np.int64))
        lane_dsps = self._dsps_of_a_lane(layers)
        result: list[Shape] = []
        for index in np.lexsort((lanes, group, cycles, multipliers)):
            if not result or cycles[index] < result[-1].cycles:
                array = int(multipliers[index])
                result.append(Shape(
                    kind=kind, lanes=int(lanes[index]), columns=int(columns[index]), group=int(group[index]),
                    multipliers=array, cycles=int(cycles[index]),
                    dsps=(array if kind == "systolic" else 0) + int(group[index]) * lane_dsps))
        return tuple(result)

    def _layer_cycles(self, layer: Layer) -> Ints:
        """Cycles of one frame of ``layer`` on each array of the grid."""
        if layer.name not in self._cycles:
            window, kind = layer_window(layer), kind_of(layer)
            lanes, columns, group = self._grids[kind].T
            rows, output_columns, _ = self.network.tensors[layer.output].shape
            words = -(-window.in_channels // lanes) if kind == "systolic" else 1
            blocks = -(-window.out_channels // columns)
            dot = np.maximum(window.taps * words, columns // group)
            self._cycles[layer.name] = rows * np.maximum(output_columns * blocks * dot, Sequencer.START)
        return self._cycles[layer.name]

    def _dsps_of_a_lane(self, layers: Sequence[Layer]) -> int:
        """Multipliers of one requantizer lane for ``layers``."""
        windows = [layer_window(layer) for layer in layers]
        return lane_multipliers(x=x_bounds(windows), multiplier=max(
            int(window.requantization.multiplier.max()) for window in windows))
