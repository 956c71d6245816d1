"""All plans of a small network within a grid of arrays, without regions; what no search may lose to."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product

from gatecast.hdl.feature_memory import widths_fit
from gatecast.hdl.sequencer import Sequencer
from gatecast.network import Layer, Network
from gatecast.planner.numbers import kind_of, layer_window
from gatecast.planner.plan import EnginePlan, Plan

__all__ = ["array_cycles", "every_plan", "partitions"]


def partitions(count: int) -> Iterator[tuple[frozenset[int], ...]]:
    """All ways to put ``count`` layers into groups, none empty."""
    if count == 0:
        yield ()
        return
    for groups in partitions(count - 1):
        yield (*groups, frozenset({count - 1}))
        for index in range(len(groups)):
            yield (*groups[:index], groups[index] | {count - 1}, *groups[index + 1:])


def array_cycles(layers: Sequence[Layer], lanes: int, columns: int, group: int) -> int:
    """Cycles of a frame of ``layers`` on one array, by the contract of the templates."""
    total = 0
    for layer in layers:
        window = layer_window(layer)
        rows, width = window.size
        taps = 0
        for operand in window.operands:
            words = 1
            if window.operation == "dot":
                assert operand.weights is not None
                used = [channel // lanes for channel in range(operand.weights.shape[3])
                        if operand.weights[..., channel].any()] or [0]
                words = used[-1] - used[0] + 1
            taps += operand.kernel[0] * operand.kernel[1] * words
        dots = width * -(-window.out_channels // columns)
        total += rows * max(dots * max(taps, columns // group), Sequencer.START)
    return total


Array = tuple[int, int, int, int]


def _arrays(layers: Sequence[Layer], lanes: Sequence[int], groups: Sequence[int], limit: int,
            pace: float) -> list[Array]:
    """Multipliers, lanes, columns and group of all arrays for ``layers`` that are faster than ``pace``."""
    found = []
    windows = [layer_window(layer) for layer in layers]
    channels = max(window.out_channels for window in windows)
    multiplying = any(window.operation in ("dot", "multiply", "product") for window in windows)
    for p, g in product(lanes, groups):
        if kind_of(layers[0]) == "channel":
            shapes = [(p if multiplying else 0, p, p, g)] if p % g == 0 else []
        else:
            shapes = [(p * q, p, q, g) for q in range(g, channels + g, g)]
        found += [shape for shape in shapes if shape[0] <= limit and array_cycles(layers, *shape[1:]) < pace]
    return found


def every_plan(network: Network, limit: int, pace: float, *, lanes: Sequence[int],
               groups: Sequence[int]) -> Iterator[Plan]:
    """All partitions, and all arrays of these ``lanes`` and ``groups`` within ``limit`` multipliers in all.

    Only those are made whose engines all do less work than ``pace`` in cycles, links aside.
    """
    kinds = [[layer for layer in network.layers if kind_of(layer) == kind]
             for kind in ("systolic", "channel")]
    order = [layer.name for layer in network.layers]
    for chosen in product(*(partitions(len(layers)) for layers in kinds)):
        engines = [tuple(layers[index] for index in sorted(group))
                   for layers, partition in zip(kinds, chosen, strict=True) for group in partition]
        engines.sort(key=lambda layers: order.index(layers[0].name))
        owner = {layer.name: index for index, layers in enumerate(engines) for layer in layers}
        pairs = [(-1 if producer is None else owner[producer.name], owner[layer.name])
                 for layer in network.layers for name in layer.inputs
                 for producer in (network.producer(name),)]
        last = network.producer(network.output)
        assert last is not None
        pairs.append((owner[last.name], len(engines)))
        arrays = [_arrays(layers, lanes, groups, limit, pace) for layers in engines]
        for made in _together(arrays, pairs, limit, ()):
            yield Plan(network=network, regions=(), engines=tuple(
                EnginePlan(name=f"e{index}", kind=kind_of(layers[0]), lanes=p, columns=q, group=g,
                           layers=tuple(layer.name for layer in layers))
                for index, (layers, (_, p, q, g)) in enumerate(zip(engines, made, strict=True))))


def _together(arrays: Sequence[Sequence[Array]], pairs: Sequence[tuple[int, int]], limit: int,
              made: tuple[Array, ...]) -> Iterator[tuple[Array, ...]]:
    """An array for each engine, within ``limit``, whose words and writes suit each other."""
    if len(made) == len(arrays):
        yield made
        return
    least = sum(min((array[0] for array in rest), default=limit + 1) for rest in arrays[len(made) + 1:])
    for array in arrays[len(made)]:
        following = (*made, array)
        if array[0] + least <= limit and _suit(following, pairs, len(arrays)):
            yield from _together(arrays, pairs, limit - array[0], following)


def _suit(made: tuple[Array, ...], pairs: Sequence[tuple[int, int]], engines: int) -> bool:
    """Whether the last of ``made`` fits those before it and the links, which pass single bytes."""
    new = len(made) - 1
    for writer, reader in pairs:
        if new in (writer, reader) and all(each <= new or each == engines for each in (writer, reader)):
            written = 1 if writer < 0 else made[writer][3]
            read = 1 if reader == engines else made[reader][1]
            if not widths_fit(written, read):
                return False
    return True
