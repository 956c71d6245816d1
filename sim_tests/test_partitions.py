"""Partitions: the cheapest runs of layers, random changes that only better them, and the best of all."""

from __future__ import annotations

from itertools import combinations, pairwise

import numpy as np
import pytest
from every_plan import partitions
from random_windows import random_windows

from gatecast.network import Layer
from gatecast.planner.lattice import Lattice
from gatecast.planner.numbers import kind_of
from gatecast.planner.partitions import Fronts, cuts, improved
from gatecast.planner.shapes import Prices, Shapes

LIMIT = 40
PRICES = (Prices(), Prices(multiplier=200, block_ram=400))


def shapes_of(seed: int, kind: str, most: int = 6) -> Shapes:
    layers: list[Layer] = []
    for each in range(100 * seed, 100 * seed + 100):
        layers += [layer for layer in random_windows(each).layers if kind_of(layer) == kind]
        if len(layers) >= most:
            break
    return Shapes(kind, layers[:most], LIMIT)  # type: ignore[arg-type]


CASES = [(shapes_of(seed, kind), prices) for seed in range(2) for kind in ("systolic", "channel")
         for prices in PRICES]


def paces(shapes: Shapes) -> list[int]:
    """Half a dozen, from those that nothing keeps to those that the smallest array keeps."""
    everything = shapes.members(frozenset(range(len(shapes.layers))))
    slowest = int(shapes.of_layers.cycles(everything).max())
    return [slowest * part // 40 for part in (0, 1, 3, 8, 20, 40)]


def runs(count: int, engines: int) -> list[tuple[frozenset[int], ...]]:
    """All ways to cut ``count`` layers into ``engines`` runs."""
    return [tuple(frozenset(range(first, last)) for first, last in pairwise((0, *places, count)))
            for places in combinations(range(1, count), engines - 1)]


@pytest.mark.parametrize(("shapes", "prices"), CASES)
def test_an_engine_costs_the_least_of_its_arrays(shapes, prices):
    fronts = Fronts(shapes, prices)
    for group in (frozenset({0}), frozenset({1, 3}), frozenset(range(len(shapes.layers)))):
        cycles, = shapes.of_layers.cycles(shapes.members(group))
        price, = shapes.of_layers.price(shapes.members(group), prices)
        for pace in paces(shapes):
            assert fronts.of(group, pace) == min(price[cycles <= pace], default=np.inf)


@pytest.mark.parametrize(("shapes", "prices"), CASES)
def test_the_cheapest_cut_is_no_dearer_than_any(shapes, prices):
    count, fronts = len(shapes.layers), Fronts(shapes, prices)
    for pace in paces(shapes):
        made = cuts(fronts, count, pace)
        for engines in range(1, count + 1):
            least = min(fronts.total(each, pace) for each in runs(count, engines))
            assert (engines in made) == np.isfinite(least)
            if engines in made:
                assert len(made[engines]) == engines
                assert fronts.total(made[engines], pace) == pytest.approx(least, rel=1e-12)


@pytest.mark.parametrize(("shapes", "prices"), CASES)
def test_changes_make_nothing_dearer_and_empty_no_engine(shapes, prices):
    count, fronts = len(shapes.layers), Fronts(shapes, prices)
    for pace in paces(shapes):
        for engines, start in cuts(fronts, count, pace).items():
            made = improved(fronts, start, pace)
            assert made == improved(fronts, start, pace)
            assert len(made) == engines and all(made)
            assert sorted(index for group in made for index in group) == list(range(count))
            assert fronts.total(made, pace) <= fronts.total(start, pace)


def test_changes_find_the_best_nearly_always():
    """Of so few layers."""
    best = []
    for shapes, prices in CASES:
        count, fronts = len(shapes.layers), Fronts(shapes, prices)
        for pace in paces(shapes):
            for engines, start in cuts(fronts, count, pace).items():
                least = min(fronts.total(each, pace) for each in partitions(count) if len(each) == engines)
                best.append(fronts.total(improved(fronts, start, pace), pace) <= least * (1 + 1e-12))
    assert len(best) > 100
    assert np.mean(best) > 0.95


@pytest.mark.parametrize(("shapes", "prices"), CASES)
def test_no_partition_is_cheaper_than_the_lattice_says(shapes, prices):
    """Its price is that of its partition if types are single layers, else it is below."""
    count, fronts = len(shapes.layers), Fronts(shapes, prices)
    lattice = Lattice(shapes)
    assert Lattice.suits(shapes)
    for pace in paces(shapes):
        price, partition = lattice.cheapest(pace, prices)
        least = min(fronts.total(each, pace) for each in partitions(count))
        if all(len(indices) == 1 for indices in shapes.types):
            assert price == pytest.approx(least, rel=1e-12)
        # Requantizers of types are as large as those of any layer: only multipliers are a bound.
        if prices == PRICES[0] and np.isfinite(least):
            assert price // prices.multiplier <= least // prices.multiplier
        if np.isfinite(price):
            assert sorted(index for group in partition for index in group) == list(range(count))
        else:
            assert partition == ()


class Drawn:
    """Stands for shapes: random cycles and prices of each group on each of a few arrays."""

    def __init__(self, sizes: tuple[int, ...], seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.lanes = np.arange(5)
        places = iter(range(sum(sizes)))
        self.types = tuple(tuple(next(places) for _ in range(size)) for size in sizes)
        self.layers = range(sum(sizes))
        shape = (*(size + 1 for size in sizes), len(self.lanes))
        self._cycles = rng.integers(1, 100, shape).astype(float)
        self._prices = rng.integers(1, 100, shape).astype(float)
        self.of_types = self

    def fastest(self, counts: np.ndarray) -> np.ndarray:
        return counts

    def cycles(self, counts: np.ndarray) -> np.ndarray:
        return self._cycles[tuple(counts.T)]

    def price(self, counts: np.ndarray, _prices: Prices) -> np.ndarray:
        return self._prices[tuple(counts.T)]

    def of(self, group: frozenset[int], pace: float) -> float:
        counts = np.array([[len(group.intersection(indices)) for indices in self.types]])
        cycles, price = self.cycles(counts)[0], self.price(counts, Prices())[0]
        return float(min(price[cycles <= pace], default=np.inf))


@pytest.mark.parametrize("sizes", [(1,), (5,), (1, 1, 1, 1, 1), (2, 3), (3, 1, 2), (1, 4), (2, 2, 2)])
def test_the_lattice_is_as_good_as_all_partitions(sizes):
    """Of random costs, with layers of each type alike."""
    for seed in range(4):
        drawn = Drawn(sizes, seed)
        lattice = Lattice(drawn)  # type: ignore[arg-type]
        for pace in (0, 5, 15, 30, 60, 100):
            price, partition = lattice.cheapest(pace, Prices())
            assert price == min(sum(drawn.of(group, pace) for group in each)
                                for each in partitions(sum(sizes)))
            if np.isfinite(price):
                assert sorted(index for group in partition for index in group) == list(drawn.layers)
                assert sum(drawn.of(group, pace) for group in partition) == price
