"""Engines against nested loops, with neighbours at random; numbers that cannot work together are refused."""

from __future__ import annotations

import random
from collections import defaultdict, deque
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.hdl import Value
from hdl_bench import Clocked, refusal, simulate
from random_engines import FRAMES, EngineScene, random_engine

from gatecast.hdl.channel import ChannelArray
from gatecast.hdl.engine import Engine, EngineLayer
from gatecast.hdl.feature_memory import FeatureMemory
from gatecast.hdl.mixed_radix import MixedRadix

Writes = list[tuple[int, int]]


class Neighbours:
    """Fill the regions that an engine reads and free the rows that it writes, at random, never too many."""

    def __init__(self, scene: EngineScene, rng: random.Random) -> None:
        self.scene, self.rng = scene, rng
        self.eagerness = rng.choice((0.05, 0.3, 0.9))
        self.memories = [np.zeros((reads, scene.params.lanes), np.int8) for reads in scene.params.reads]
        self.filled: dict[tuple[int, int], int] = defaultdict(int)
        self.emptied: dict[tuple[int, int], int] = defaultdict(int)
        self.waiting: dict[int, int] = defaultdict(int)
        # The last taps are still being read when their rows are released. No writer is there sooner than a
        # source: its first byte enters three cycles after `released`.
        self.released: deque[dict[tuple[int, int], int]] = deque([{}, {}])

    def act(self) -> dict[str, int]:
        """The inputs of the next cycle."""
        inputs = {}
        for key, rows in self.released.popleft().items():
            self.emptied[key] += rows
        for index, layer in enumerate(self.scene.params.layers):
            for operand, number in enumerate(layer.sequencer.operands):
                key = index, operand
                rows = self.filled[key] - self.emptied[key]
                fill = rows < number.region_rows and self.rng.random() < self.eagerness
                if fill:
                    fill = self._fill(index, operand, number.region_rows, number.row_reads)
                inputs[f"row_produced_{index}_{operand}"] = int(fill)
            freed = self.rng.randint(0, self.waiting[index]) if self.rng.random() < self.eagerness else 0
            self.waiting[index] -= freed
            inputs[f"rows_freed_{index}_0"] = freed
        return inputs

    def _fill(self, index: int, operand: int, region_rows: int, row_reads: int) -> bool:
        tensor = self.scene.layers[index].operands[operand]
        count = self.filled[index, operand]
        rows = tensor.x.shape[1]
        if count == FRAMES * rows:
            return False
        memory = self.memories[tensor.memory]
        first = tensor.base + count % region_rows * row_reads
        for column, pixel in enumerate(tensor.x[count // rows, count % rows]):
            words = pixel.reshape(-1, self.scene.params.lanes)
            memory[first + column * tensor.pixel_reads:][:len(words)] = words
        self.filled[index, operand] += 1
        return True

    def see(self, ctx: Any, dut: Any) -> None:
        """What the engine has released and finished in this cycle."""
        layer = ctx.get(dut.released_layer)
        self.released.append({
            (layer, operand): ctx.get(getattr(dut, f"released_rows_{operand}"))
            for operand in range(len(self.scene.layers[layer].operands))} if ctx.get(dut.released) else {})
        if ctx.get(dut.produced):
            self.waiting[ctx.get(dut.produced_layer)] += 1

    def read(self, memory: int, address: int) -> int:
        """A word, or a pattern beyond the end, where only padding may point."""
        words = self.memories[memory]
        if address >= len(words):
            return int.from_bytes(b"\x55" * self.scene.params.lanes, "little")
        return int.from_bytes(words[address].tobytes(), "little")


def run(scene: EngineScene, rng: random.Random, *, reset: int | None = None) -> Writes:
    """All writes of all frames, address and bits, those after ``reset``."""
    dut: Any = Engine(scene.params)
    clocked = Clocked(dut)
    jobs = sum(FRAMES * layer.rows for layer in scene.layers)
    writes: Writes = []

    async def bench(ctx: Any) -> None:
        neighbours = Neighbours(scene, rng)
        empty = [[0] * len(scene.params.reads)]
        reads = deque(empty * FeatureMemory.READ_LATENCY)
        produced = cycle = after = 0
        while after < 5:
            for name, value in neighbours.act().items():
                ctx.set(getattr(dut, name), value)
            for memory, word in enumerate(reads.popleft()):
                ctx.set(Value.cast(getattr(dut, f"read_data_{memory}")), word)
            ctx.set(clocked.domain.rst, cycle == reset)
            address = ctx.get(dut.read_address)
            reads.append([neighbours.read(memory, address) for memory in range(len(scene.params.reads))])
            if ctx.get(dut.write_enable_0):
                writes.append((ctx.get(dut.write_address_0), ctx.get(Value.cast(dut.write_data))))
            neighbours.see(ctx, dut)
            produced += ctx.get(dut.produced)
            after += produced == jobs
            await ctx.tick()
            if cycle == reset:
                neighbours, produced = Neighbours(scene, rng), 0
                writes.clear()
            cycle += 1
            assert cycle < 30_000, f"{produced} of {jobs} jobs in {cycle} cycles"

    simulate(clocked, bench)
    return writes


def compare(scene: EngineScene, writes: Writes) -> None:
    """Each layer's rows come in order; of each, all slots at their places with their values."""
    group = scene.params.array.group
    for index, layer in enumerate(scene.params.layers):
        write = layer.writes[0]
        part_bits = MixedRadix(write.writes_per_word).part_bits
        region = range(write.region_base << part_bits, write.region_end << part_bits)
        own = [(address, tuple(byte - 256 if byte > 127 else byte for byte in bits.to_bytes(group, "little")))
               for address, bits in writes if address in region]
        rows, row_slots = scene.layers[index].rows, scene.layers[index].columns * scene.layers[index].slots
        assert len(own) == FRAMES * rows * row_slots
        for row in range(FRAMES * rows):
            assert dict(own[row * row_slots:(row + 1) * row_slots]) == scene.row(
                index, row // rows, row % rows), f"{layer.name} row {row}"


CHANNEL = [("sum",), ("max", "sum"), ("multiply",), ("lookup", "sum"), ("product", "multiply"), ("product",),
           ChannelArray.OPERATIONS[::-1]]


@pytest.mark.parametrize("seed", range(8))
def test_a_systolic_engine(seed: int) -> None:
    scene = random_engine(seed, ("dot",))
    compare(scene, run(scene, random.Random(seed)))


@pytest.mark.parametrize("operations", CHANNEL, ids="-".join)
@pytest.mark.parametrize("seed", range(3))
def test_a_channel_engine(seed: int, operations: tuple[str, ...]) -> None:
    scene = random_engine(seed, operations)
    compare(scene, run(scene, random.Random(seed)))


@pytest.mark.parametrize("operations", [("dot",), ("sum", "lookup"), ("product",)], ids="-".join)
def test_reset_in_the_middle(operations: tuple[str, ...]) -> None:
    rng = random.Random(str(operations))
    scene = random_engine(5, operations)
    compare(scene, run(scene, rng, reset=rng.randrange(20, 120)))


def several_groups(*operations: str) -> tuple[Any, EngineLayer]:
    """An engine of at least two groups, and its first layer."""
    params = next(scene.params for seed in range(50)
                  if (scene := random_engine(seed, operations)).params.array.groups > 1)
    return params, params.layers[0]


@pytest.mark.parametrize("operation", ["dot", "max"])
def test_refuses_dot_products_that_meet(operation: str) -> None:
    good, layer = several_groups(operation)
    groups = good.array.groups
    single = replace(layer.walk.operands[0], kernel_height=1, kernel_width=1, words=1)

    def change(hold: int) -> dict[str, object]:
        walk = replace(layer.walk, operands=(single,), hold=hold)
        sequencer = replace(layer.sequencer, operands=layer.sequencer.operands[:1])
        changed = replace(layer, walk=walk, sequencer=sequencer, operands=layer.operands[:1])
        return {"layers": (changed, *good.layers[1:])}

    replace(good, **change(groups - 1))
    assert refusal(replace, good, **change(groups - 2)) == (
        f"A dot product must take at least {groups} cycles, one for each group, or results meet in the "
        f"array; layer '{layer.name}' has {groups - 2} of hold and 1 taps")


def test_refuses_layers_with_other_memories() -> None:
    good, first = several_groups("dot")
    layers = (first, replace(first, writes=(*first.writes, first.writes[0])))
    assert refusal(replace, good, layers=layers) == (
        "All layers of an engine must name the same memories that it writes, not [1, 2] of them")


def test_refuses_parts_that_know_other_operands() -> None:
    good, first = several_groups("dot")
    count = len(first.operands)
    layers = (replace(first, operands=(*first.operands, first.operands[0])),)
    assert refusal(replace, good, layers=layers) == (
        f"All parts of an engine must know the same operands; layer '{first.name}' has {count + 1}, "
        f"its walk {count} and its sequencer {count}")


@pytest.mark.parametrize(("built", "other", "known"), [("dot", "sum", ["dot"]), ("max", "sum", ["max"])])
def test_refuses_operations_that_the_array_lacks(built: str, other: str, known: list[str]) -> None:
    good, first = several_groups(built)
    assert refusal(replace, good, layers=(replace(first, operation=other),)) == (
        f"The operation of layer '{first.name}' must be among {known}, not '{other}'")


def test_refuses_offsets_without_counts() -> None:
    good, first = several_groups("max")
    assert refusal(replace, good, layers=(replace(first, class_offsets=(0, 1)),)) == (
        f"Layer '{first.name}' must have an offset for each count of its {first.walk.dot_taps} taps if it "
        f"counts them, not 2")
