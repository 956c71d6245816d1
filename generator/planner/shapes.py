"""Shapes: which arrays run a set of layers in how many cycles, with how many multipliers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from gatecast.hdl.sequencer import Sequencer

from ..network import Layer, Network
from .numbers import blocks, dot_taps, layer_window
from .plan import EnginePlan

__all__ = ["Shape", "array_cycles", "shapes"]

LANES = (1, 2, 4, 8, 16, 32, 64)
GROUPS = (1, 2, 4, 8, 16)


@dataclass(frozen=True, kw_only=True)
class Shape:
    """An array for a set of layers, and the cycles that it needs for one frame of them."""

    lanes: int
    columns: int
    group: int
    multipliers: int
    cycles: int


def array_cycles(network: Network, engine: EnginePlan) -> int:
    """Cycles of all jobs of one frame on ``engine``, holds and short jobs counted."""
    total = 0
    for name in engine.layers:
        layer = network.layer(name)
        window = layer_window(layer)
        rows, columns, _ = network.tensors[layer.output].shape
        dot = max(dot_taps(window, engine), engine.groups)
        total += rows * max(columns * blocks(window, engine) * dot, Sequencer.START)
    return total


def shapes(network: Network, layers: Sequence[Layer], limit: int) -> tuple[Shape, ...]:
    """The arrays of at most ``limit`` multipliers that no other one beats, from the smallest to the fastest.

    Lanes and groups are powers of two, so that any write and any read share a word of a feature memory. Of
    equally fast and large arrays the one with the smallest group (fewest requantizers) stays.
    """
    kind = "systolic" if layer_window(layers[0]).operation == "dot" else "channel"
    widest = max(layer_window(layer).out_channels for layer in layers)
    found: list[Shape] = []
    for lanes in LANES:
        for columns in range(1, min(widest, limit // lanes) + 1) if kind == "systolic" else (lanes,):
            for group in GROUPS:
                if columns % group:
                    continue
                engine = EnginePlan(name="", kind=kind, lanes=lanes, columns=columns, group=group,
                                    layers=tuple(layer.name for layer in layers))
                if engine.multipliers <= limit:
                    found.append(Shape(lanes=lanes, columns=columns, group=group,
                                       multipliers=engine.multipliers, cycles=array_cycles(network, engine)))
    found.sort(key=lambda shape: (shape.multipliers, shape.cycles, shape.group, shape.lanes))
    front: list[Shape] = []
    for shape in found:
        if not front or shape.cycles < front[-1].cycles:
            front.append(shape)
    return tuple(front)
