"""Random engines: layers of several operands, and what they make of random tensors by nested loops."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from gatecast.hdl.channel import ChannelParams
from gatecast.hdl.drain import DrainLayer, WriteLayer
from gatecast.hdl.engine import EngineLayer, EngineOperand, EngineParams
from gatecast.hdl.mixed_radix import MixedRadix
from gatecast.hdl.requantization import Requantization
from gatecast.hdl.requantizer import RequantizerParams
from gatecast.hdl.sequencer import Job, SequencerLayer, SequencerOperand
from gatecast.hdl.systolic import SystolicParams
from gatecast.hdl.walk import WalkLayer, WalkOperand

__all__ = ["EngineScene", "LayerScene", "OperandScene", "random_engine"]

FRAMES = 2
Ints = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class OperandScene:
    """How a layer reads one tensor, of which ``x`` has all frames: int8 [frames, rows, columns, channels]."""

    x: Ints
    kernel: tuple[int, int]
    stride: tuple[int, int]
    divisor: tuple[int, int]
    offset: tuple[int, int]
    origin: tuple[int, int]
    dilation: tuple[int, int]
    padding_value: int
    memory: int
    pixel_reads: int
    base: int
    table: int
    zero: int

    def position(self, axis: int, output: int, tap: int) -> int:
        """Row or column under a tap; outside of the tensor is padding."""
        return ((output * self.stride[axis] + self.offset[axis]) // self.divisor[axis] - self.origin[axis]
                + tap * self.dilation[axis])

    def window(self, frame: int, row: int, column: int) -> tuple[Ints, int]:
        """What the kernel sees, [kernel rows, kernel columns, channels], and how many taps lie inside."""
        _, rows, columns, channels = self.x.shape
        seen = np.full((*self.kernel, channels), self.padding_value, np.int64)
        count = 0
        for i in range(self.kernel[0]):
            for j in range(self.kernel[1]):
                y, x = self.position(0, row, i), self.position(1, column, j)
                if 0 <= y < rows and 0 <= x < columns:
                    seen[i, j] = self.x[frame, y, x]
                    count += 1
        return seen, count

    def jobs(self, rng: random.Random, output_rows: int) -> tuple[Job, ...]:
        """Jobs that want and release no less than they must, and at random more or less.

        The first one wants a row, or it would begin the frame behind the last.
        """
        rows = self.x.shape[1]
        inside = [[self.position(0, output, tap) for tap in range(self.kernel[0])
                   if 0 <= self.position(0, output, tap) < rows] for output in range(output_rows)]
        jobs, released = [], 0
        for output, valid in enumerate(inside):
            above = sum(self.position(0, output, tap) < 0 for tap in range(self.kernel[0]))
            later = [row for future in inside[output + 1:] for row in future]
            end = rows if output + 1 == output_rows else rng.randint(released, min([rows, *later]))
            jobs.append(Job(
                want=max([end, int(output == 0), *(row + 1 for row in valid)]) - released,
                release=end - released, padding_top=above,
                valid_rows=len(valid), skip=valid[0] - released if valid else 0))
            released = end
        return tuple(jobs)


@dataclass(frozen=True, kw_only=True)
class LayerScene:
    """A layer: what it does and what it reads, its size and where its results go."""

    operation: str
    operands: tuple[OperandScene, ...]
    rows: int
    columns: int
    blocks: int
    slots: int
    weight_base: int
    parameter_base: int
    class_offsets: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class EngineScene:
    """The numbers of an engine, and what they stand for."""

    params: EngineParams
    layers: tuple[LayerScene, ...]

    def row(self, index: int, frame: int, row: int) -> dict[int, tuple[int, ...]]:
        """What one job writes: the values by the address of their slot."""
        layer, array = self.layers[index], self.params.array
        write = self.params.layers[index].writes[0]
        radix = MixedRadix(write.writes_per_word)
        word = (frame * layer.rows + row) % write.region_rows * write.row_words + write.region_base
        written = {}
        for column in range(layer.columns):
            windows = [operand.window(frame, row, column) for operand in layer.operands]
            moved = layer.class_offsets[sum(count for _, count in windows)] if layer.class_offsets else 0
            for block in range(layer.blocks):
                sums = self._sums(layer, block, [seen for seen, _ in windows])
                for group in range(array.groups):
                    place = block * array.groups + group
                    if place < layer.slots:
                        slot = (layer.parameter_base + moved + (block + 1) * array.groups - 1 - group)
                        first = (word + column * write.pixel_words) << radix.part_bits
                        written[first + radix.address(place)] = self._requantized(
                            slot, sums[group * array.group:(group + 1) * array.group])
        return written

    def _requantized(self, slot: int, sums: Ints) -> tuple[int, ...]:
        table, first = self.params.requantizer.requantization, slot * len(sums)
        padded = np.zeros(table.channels, np.int64)
        padded[first:first + len(sums)] = sums
        return tuple(table.compute(padded)[first:first + len(sums)].tolist())

    def _sums(self, layer: LayerScene, block: int, windows: list[Ints]) -> Ints:
        """The dot products of one block of channels."""
        array = self.params.array
        if isinstance(array, SystolicParams):
            words = np.concatenate([seen.reshape(-1, array.lanes) for seen in windows])
            first = layer.weight_base + block * len(words)
            weights = array.weights[first:first + len(words)].astype(np.int64)
            return np.einsum("tl,tcl->c", words, weights)
        own = slice(block * array.lanes, (block + 1) * array.lanes)
        taps = [seen[:, :, own].reshape(-1, array.lanes) for seen in windows]
        if layer.operation == "product":
            first, second = (x[0] - operand.zero for x, operand in zip(taps, layer.operands, strict=True))
            return np.asarray(first * second)
        if layer.operation == "lookup":
            assert array.tables is not None
            taps = [array.tables[operand.table][x + 128]
                    for x, operand in zip(taps, layer.operands, strict=True)]
        x = np.concatenate(taps)
        if layer.operation == "multiply":
            assert array.weights is not None
            start = layer.weight_base + block * len(x)
            x = x * array.weights[start:start + len(x)]
        return np.asarray(x.max(axis=0) if layer.operation == "max" else x.sum(axis=0))


def random_operand(rng: random.Random, lanes: int, blocks: int, *, operation: str, memory: int,
                   base: int) -> OperandScene:
    single = operation == "product"
    words = rng.randrange(1, 4) if operation == "dot" else blocks
    shape = (FRAMES, rng.randrange(1, 6), rng.randrange(1, 6), words * lanes)
    kernel = (1, 1) if single else (rng.randrange(1, 4), rng.randrange(1, 4))
    divisor = rng.choice((1, 1, 3)), rng.choice((1, 1, 2))
    return OperandScene(
        x=np.random.default_rng(rng.randrange(1 << 30)).integers(-128, 128, shape),
        kernel=kernel, stride=(rng.randrange(0, 4), rng.randrange(0, 4)), divisor=divisor,
        offset=(rng.randrange(divisor[0]), rng.randrange(divisor[1])),
        origin=(rng.randrange(0, kernel[0] + 2), rng.randrange(0, kernel[1] + 2)),
        dilation=(rng.randrange(1, 3), rng.randrange(1, 3)), padding_value=rng.randrange(-128, 128),
        memory=memory, pixel_reads=words + rng.randrange(0, 2), base=base, table=rng.randrange(0, 2),
        zero=rng.randrange(-128, 128))


def random_engine(seed: int, operations: tuple[str, ...]) -> EngineScene:
    """An engine with a few layers of these operations (``("dot",)`` for a systolic array)."""
    rng = random.Random(seed)
    systolic = operations == ("dot",)
    group = rng.randrange(1, 3)
    groups = rng.randrange(1, 4)
    lanes = rng.randrange(1, 4) if systolic else group * groups
    memories = rng.randrange(1, 3)
    reads = [rng.randrange(0, 3) for _ in range(memories)]
    weight_base = parameter_base = write_base = 0
    writes_per_word = rng.choice((1, 2, 3, 5, 6))
    scenes, layers = [], []
    for index in range(rng.randrange(1, 4)):
        operation = operations[index % len(operations)]
        blocks, rows, columns = rng.randrange(1, 3), rng.randrange(1, 5), rng.randrange(1, 5)
        operands, sequenced = [], []
        for _ in range(2 if operation == "product" else rng.randrange(1, 4)):
            memory = rng.randrange(memories)
            operand = random_operand(rng, lanes, blocks, operation=operation, memory=memory,
                                     base=reads[memory])
            jobs = operand.jobs(rng, rows)
            region_rows = max(1, *(job.want for job in jobs)) + rng.randrange(0, 3)
            row_reads = operand.x.shape[2] * operand.pixel_reads
            reads[memory] += region_rows * row_reads
            operands.append(operand)
            sequenced.append(SequencerOperand(jobs=jobs, region_base=operand.base, region_rows=region_rows,
                                              row_reads=row_reads))
        taps = sum(operand.kernel[0] * operand.kernel[1] * (
            operand.x.shape[3] // lanes if systolic else 1) for operand in operands)
        counts = operation == "sum" and rng.random() < 0.6
        walk = WalkLayer(
            columns=columns, blocks=blocks, hold=max(groups - taps, 0), weight_base=weight_base, count=counts,
            operands=tuple(WalkOperand(
                kernel_height=operand.kernel[0], kernel_width=operand.kernel[1],
                words=operand.x.shape[3] // lanes if systolic else 1,
                start_column=operand.position(1, 0, 0),
                start_reads=operand.position(1, 0, 0) * operand.pixel_reads,
                input_columns=operand.x.shape[2], column_stride=operand.stride[1] // operand.divisor[1],
                column_fraction=operand.stride[1] % operand.divisor[1], column_divisor=operand.divisor[1],
                column_phase=operand.offset[1], column_dilation=operand.dilation[1],
                pixel_reads=operand.pixel_reads, block_reads=int(not systolic),
                row_reads=number.row_reads * operand.dilation[0], region_base=number.region_base,
                region_reads=number.region_rows * number.row_reads)
                for operand, number in zip(operands, sequenced, strict=True)))
        slots = (blocks - 1) * groups + rng.randrange(1, groups + 1)
        offsets = tuple(rng.randrange(0, 3) * blocks * groups for _ in range(taps + 1)) if counts else ()
        scenes.append(LayerScene(
            operation=operation, operands=tuple(operands), rows=rows, columns=columns, blocks=blocks,
            slots=slots, weight_base=weight_base, parameter_base=parameter_base, class_offsets=offsets))
        pixel_words = -(-slots // writes_per_word)
        write = WriteLayer(writes=True, writes_per_word=writes_per_word, blocks=blocks,
                           pixel_words=pixel_words, row_words=columns * pixel_words,
                           region_base=write_base, region_rows=rng.randrange(1, 4))
        layers.append(EngineLayer(
            name=f"layer_{index}",
            sequencer=SequencerLayer(job_cycles=walk.job_cycles, operands=tuple(sequenced),
                                     credits=(write.region_rows,)),
            walk=walk, writes=(write,), operation=operation, class_offsets=offsets,
            drain=DrainLayer(columns=columns, blocks=blocks, slots=slots, parameter_base=parameter_base),
            operands=tuple(EngineOperand(memory=operand.memory, padding_value=operand.padding_value,
                                         table=operand.table, zero=operand.zero) for operand in operands)))
        write_base += write.region_rows * write.row_words
        weight_base += blocks * taps if operation in ("dot", "multiply") else 0
        parameter_base += (max(offsets, default=0) // (blocks * groups) + 1) * blocks * groups
    return EngineScene(layers=tuple(scenes), params=EngineParams(
        layers=tuple(layers), reads=tuple(max(count, 1) for count in reads),
        array=_array(rng, {scene.operation for scene in scenes}, lanes=lanes, group=group, groups=groups,
                     depth=max(weight_base, 1)),
        requantizer=_requantizer(rng, parameter_base, group)))


def _array(rng: random.Random, operations: set[str], *, lanes: int, group: int, groups: int,
           depth: int) -> SystolicParams | ChannelParams:
    numbers = np.random.default_rng(rng.randrange(1 << 30))
    if operations == {"dot"}:
        weights = numbers.integers(-128, 128, (depth, group * groups, lanes)).astype(np.int8)
        return SystolicParams(weights=weights, group=group, sum_width=24)
    return ChannelParams(
        lanes=lanes, group=group, operations=operations, sum_width=24,
        weights=numbers.integers(-256, 256, (depth, lanes)).astype(np.int16)
        if "multiply" in operations else None,
        tables=numbers.integers(-3000, 3000, (2, 256)) if "lookup" in operations else None)


def _requantizer(rng: random.Random, slots: int, group: int) -> RequantizerParams:
    """Steps that spread sums of any size over int8, different for every slot."""
    numbers, channels = np.random.default_rng(rng.randrange(1 << 30)), slots * group
    bound = 1 << 23
    return RequantizerParams(
        lanes=group, sums=(-bound, bound - 1), x=(-bound - 128, bound + 127),
        requantization=Requantization(
            bias=numbers.integers(-128, 128, channels), multiplier=numbers.integers(1, 1000, channels),
            offset_negative=numbers.integers(-1000, 1000, channels),
            offset_positive=numbers.integers(-1000, 1000, channels),
            shift=numbers.integers(8, 20, channels), low=np.full(channels, -128, np.int64),
            high=np.full(channels, 127, np.int64)))
