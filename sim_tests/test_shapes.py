"""Shapes: cycles and multipliers of arrays against the tables of the engines, and no better one left out."""

from __future__ import annotations

import numpy as np
import pytest
from every_plan import array_cycles
from random_networks import network
from random_windows import random_windows

from gatecast.hdl.sequencer import Sequencer
from gatecast.lowering import lower
from gatecast.network import Layer, Network
from gatecast.planner.layout import layouts
from gatecast.planner.numbers import engine_layers, kind_of, layer_window, multipliers_of, multiplies
from gatecast.planner.plan import EnginePlan, Plan
from gatecast.planner.regions import with_two_frames
from gatecast.planner.shapes import GROUPS, Shape, Shapes

LIMIT = 24
SEEDS = range(8)


def layers_of_a_kind(seed: int) -> list[tuple[Network, tuple[Layer, ...]]]:
    """A random network and its layers of each kind, as one engine would get them."""
    lowered = lower(network(seed, layers=4)) if seed % 2 else random_windows(seed)
    kinds = [tuple(layer for layer in lowered.layers if kind_of(layer) == kind)
             for kind in ("systolic", "channel")]
    return [(lowered, layers) for layers in kinds if layers]


def shapes_of(layers: tuple[Layer, ...], limit: int = LIMIT) -> Shapes:
    return Shapes(kind_of(layers[0]), layers, limit)


@pytest.mark.parametrize("seed", SEEDS)
def test_cycles_are_those_of_the_contract(seed):
    """Of each layer alone and of all together, on a sample of the arrays."""
    for _, layers in layers_of_a_kind(seed):
        shapes = shapes_of(layers)
        groups = [frozenset({index}) for index in range(len(layers))] + [frozenset(range(len(layers)))]
        for group in groups:
            cycles, = shapes.of_layers.cycles(shapes.members(group))
            chosen = [layers[index] for index in sorted(group)]
            for index in range(0, len(cycles), 7):
                shape = shapes.arrays[index]
                assert cycles[index] == array_cycles(chosen, shape.lanes, shape.columns, shape.group)


@pytest.mark.parametrize("seed", SEEDS)
def test_cycles_and_multipliers_are_those_of_the_engine(seed):
    """What the tables of the hardware say of the same arrays."""
    kinds = layers_of_a_kind(seed)
    lowered, chosen = kinds[0][0], []
    for _, layers in kinds:
        shapes = shapes_of(layers)
        # Single bytes suit every neighbour.
        index = max(np.flatnonzero((shapes.group == 1) & (shapes.lanes == 2)))
        everything = shapes.members(frozenset(range(len(layers))))
        chosen.append((layers, shapes.arrays[index], shapes.of_layers.cycles(everything)[0, index],
                       shapes.of_layers.multipliers(everything)[0, index]))
    engines = tuple(EnginePlan(
        name=f"e{index}", kind=kind_of(layers[0]), lanes=shape.lanes, columns=shape.columns,
        group=shape.group, layers=tuple(layer.name for layer in layers))
        for index, (layers, shape, _, _) in enumerate(chosen))
    plan = with_two_frames(Plan(network=lowered, engines=engines, regions=()))
    for engine, (_, _, cycles, multipliers) in zip(engines, chosen, strict=True):
        tables = engine_layers(plan, engine, layouts(plan))
        assert cycles == sum(max(layer.walk.job_cycles, Sequencer.START) * layer.sequencer.jobs
                             for layer in tables)
        assert multipliers == multipliers_of(lowered, engine)


def every_array(layers: tuple[Layer, ...], limit: int) -> list[Shape]:
    """All arrays within ``limit`` multipliers, as wide as they like."""
    widest = max(layer_window(layer).out_channels for layer in layers)
    if kind_of(layers[0]) == "systolic":
        return [Shape(p, q, g) for p in range(1, limit + 1) for g in GROUPS
                for q in range(g, widest + g, g) if p * q <= limit]
    lanes = limit if any(multiplies(layer_window(layer)) for layer in layers) else 2 * limit
    return [Shape(p, p, g) for p in range(1, lanes + 1) for g in GROUPS if p % g == 0]


@pytest.mark.parametrize("seed", SEEDS)
def test_no_array_is_better_than_those_listed(seed):
    """For each there is one that is no larger, no slower and drains no fewer channels at once."""
    for _, layers in layers_of_a_kind(seed):
        for limit in (3, LIMIT):
            shapes = shapes_of(layers, limit)
            everything = shapes.members(frozenset(range(len(layers))))
            cycles, = shapes.of_layers.cycles(everything)
            for shape in every_array(layers, limit):
                other = array_cycles(layers, shape.lanes, shape.columns, shape.group)
                assert np.any((cycles <= other) & (shapes.lanes <= shape.lanes)
                              & (shapes.columns <= shape.columns) & (shapes.group == shape.group)), shape


@pytest.mark.parametrize("seed", SEEDS)
def test_each_array_is_listed_once_and_within_the_limit(seed):
    for _, layers in layers_of_a_kind(seed):
        shapes = shapes_of(layers)
        listed = shapes.arrays
        assert len(set(listed)) == len(listed)
        if all(multiplies(layer_window(layer)) for layer in layers):
            everything = shapes.members(frozenset(range(len(layers))))
            assert shapes.of_layers.multipliers(everything).max() <= LIMIT
        assert all(shape.columns % shape.group == 0 for shape in listed)


def test_lanes_that_only_compare_have_no_multipliers():
    found = 0
    for seed in range(8):
        for _, layers in layers_of_a_kind(seed):
            shapes = shapes_of(layers)
            for index, layer in enumerate(layers):
                multipliers = shapes.of_layers.multipliers(shapes.members(frozenset({index})))
                assert bool(multipliers.any()) == multiplies(layer_window(layer))
                found += not multiplies(layer_window(layer))
    assert found > 3


@pytest.mark.parametrize("seed", SEEDS)
def test_a_type_is_no_slower_than_its_layers(seed):
    for _, layers in layers_of_a_kind(seed):
        shapes = shapes_of(layers)
        assert sorted(index for indices in shapes.types for index in indices) == list(range(len(layers)))
        rng = np.random.default_rng(seed)
        some = rng.integers(0, 2, (20, len(layers)))
        counts = np.stack([some[:, indices].sum(axis=1) for indices in shapes.types], axis=1)
        fastest = shapes.fastest(counts)
        assert np.array_equal(fastest.sum(axis=1), some.sum(axis=1))
        assert np.all(shapes.of_types.cycles(fastest) <= shapes.of_layers.cycles(some))
        assert np.array_equal(shapes.of_types.multipliers(fastest), shapes.of_layers.multipliers(some))
        # All of them are just those that there are.
        every = np.ones((1, len(layers)), np.int64)
        everything = shapes.fastest(np.array([[len(indices) for indices in shapes.types]]))
        assert np.array_equal(shapes.of_types.cycles(everything), shapes.of_layers.cycles(every))


def test_no_multipliers_give_no_systolic_arrays():
    _, layers = layers_of_a_kind(1)[0]
    assert len(shapes_of(layers, 0).lanes) == 0
