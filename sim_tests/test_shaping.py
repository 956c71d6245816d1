"""Arrays that suit each other: found wherever some of those that are tried do."""

from itertools import islice, product

import pytest
from random_windows import random_windows

from gatecast.planner import shaping
from gatecast.planner.candidates import Kinds
from gatecast.planner.shapes import LEAN
from gatecast.planner.shaping import TRIED, Shaping, pairs_of, suit


@pytest.mark.parametrize("few_steps", [2, shaping.FEW_STEPS])
def test_as_good_as_all_combinations(few_steps, monkeypatch):
    monkeypatch.setattr(shaping, "FEW_STEPS", few_steps)
    outcomes = []
    for seed in range(40):
        lowered, limit = random_windows(seed, layers=3), 4 + 5 * (seed % 5)
        kinds = Kinds(lowered, "per-layer", limit)
        choices = [kinds.arrays((layer,)) if seed % 2 else
                   kinds.parts[part].arrays(frozenset({kinds.parts[part].places[layer.name]}), LEAN)
                   for layer in lowered.layers for part in range(len(kinds.parts))
                   if layer.name in kinds.parts[part].places]
        owner = {layer.name: index for index, layer in enumerate(lowered.layers)}
        pairs = pairs_of(lowered, owner)
        for pace in (kinds.links, 2 * kinds.links, 5 * kinds.links, float("inf")):
            found = Shaping(lowered, choices, limit, kinds.links).cheapest(pace)
            tried = [[*islice(each.within(pace), TRIED)] for each in choices]
            possible = any(
                suit([each.shapes[index] for each, index in zip(choices, indices, strict=True)], pairs)
                and sum(int(each.multipliers[index])
                        for each, index in zip(choices, indices, strict=True)) <= limit
                for indices in product(*tried))
            outcomes.append(possible)
            assert (found is not None) == possible
            if found is not None:
                assert suit(found.shapes, pairs) and found.cycles <= max(pace, kinds.links)
                assert sum(each.multipliers_of(shape)
                           for each, shape in zip(choices, found.shapes, strict=True)) <= limit
    assert {True, False} == set(outcomes)
