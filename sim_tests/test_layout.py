"""The layout: a memory for each pair of writer and reader, regions one behind the other."""

from __future__ import annotations

import pytest
from random_networks import network
from random_plans import STYLES, random_plan

from gatecast.lowering import lower
from gatecast.planner.layout import layouts
from gatecast.planner.plan import SINK, SOURCE

RANDOM = [(seed, style) for seed in range(10) for style in STYLES]


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_each_region_lies_in_the_memory_of_its_pair(seed, style):
    plan = random_plan(lower(network(seed, layers=5)), style, seed)
    memories = layouts(plan)
    pairs = [(memory.writer, memory.reader) for memory in memories]
    assert len(set(pairs)) == len(pairs)
    assert pairs == list(dict.fromkeys((region.writer, region.reader) for region in plan.regions))
    found = {(memory.writer, memory.reader, tensor): region.rows
             for memory in memories for tensor, region in memory.regions.items()}
    assert found == {(region.writer, region.reader, region.tensor): region.rows for region in plan.regions}


@pytest.mark.parametrize(("seed", "style"), RANDOM)
def test_regions_fill_their_memory_without_meeting(seed, style):
    plan = random_plan(lower(network(seed, layers=5)), style, seed)
    engines = {engine.name: engine for engine in plan.engines}
    for memory in layouts(plan):
        written = 1 if memory.writer == SOURCE else engines[memory.writer].group
        read = 1 if memory.reader == SINK else engines[memory.reader].lanes
        assert (memory.params.write_bytes, memory.params.read_bytes) == (written, read)
        used = []
        for tensor, region in memory.regions.items():
            _, columns, channels = plan.network.tensors[tensor].shape
            bytes_of_pixel = region.pixel_words * memory.params.word_bytes
            assert channels <= bytes_of_pixel < channels + memory.params.word_bytes
            assert region.row_words == columns * region.pixel_words
            used += range(region.base, region.base + region.rows * region.row_words)
        assert sorted(used) == list(range(memory.params.words))


def test_names_tell_the_pair():
    plan = random_plan(lower(network(1, layers=1)), "folded", 1)
    engine = plan.engines[0].name
    assert [memory.name for memory in layouts(plan)] == [f"source_to_{engine}", f"{engine}_to_sink"]
