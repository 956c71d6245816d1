"""Numbers: the tables that turn the templates into the engines of a plan."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatecast.hdl.drain import DrainLayer, WriteLayer
from gatecast.hdl.engine import EngineLayer, EngineOperand
from gatecast.hdl.sequencer import SequencerLayer, SequencerOperand
from gatecast.hdl.walk import WalkLayer, WalkOperand

from ..network import Layer, Network
from ..operators.operand import Operand
from ..operators.window import Window
from .layout import MemoryLayout
from .plan import SINK, EnginePlan, Plan
from .rows import jobs

__all__ = ["Reader", "blocks", "dot_taps", "dot_weights", "engine_layers", "kind_of", "layer_window",
           "multipliers_of", "multiplies", "readers", "tables", "used_channels", "word_span"]

Ints = npt.NDArray[np.int64]


@dataclass(frozen=True, kw_only=True)
class Reader:
    """Who reads a tensor: one operand of a layer on an engine, or the sink."""

    engine: str
    layer: str | None = None
    operand: int = 0


def layer_window(layer: Layer) -> Window:
    """The window of a lowered layer."""
    assert isinstance(layer.operator, Window), f"layer '{layer.name}' is not lowered"
    return layer.operator


def kind_of(layer: Layer) -> Literal["systolic", "channel"]:
    """The kind of engine that a lowered layer runs on."""
    return "systolic" if layer_window(layer).operation == "dot" else "channel"


def multiplies(window: Window) -> bool:
    """Whether an array needs multipliers for ``window``; for others it only adds, compares or looks up."""
    return window.operation in ("dot", "multiply", "product")


def multipliers_of(network: Network, engine: EnginePlan) -> int:
    """Multipliers of the array of ``engine``, in DSP blocks or in LUTs."""
    windows = [layer_window(network.layer(name)) for name in engine.layers]
    return engine.positions if any(map(multiplies, windows)) else 0


def dot_weights(windows: Iterable[Window]) -> type[np.int8] | type[np.int16]:
    """The type that holds the weights of all ``dot`` windows; one that needs 9 bits is enough for int16."""
    wide = any(operand.weights is not None and operand.weights.dtype == np.int16
               for window in windows if window.operation == "dot" for operand in window.operands)
    return np.int16 if wide else np.int8


def blocks(window: Window, engine: EnginePlan) -> int:
    """Blocks of output channels that the array computes one after the other."""
    return -(-window.out_channels // engine.columns)


def used_channels(operand: Operand) -> tuple[int, int]:
    """First and last channel in which any output channel of a dot product has a weight; one at least."""
    assert operand.weights is not None
    used = np.flatnonzero(np.any(operand.weights, axis=(0, 1, 2)))
    return (int(used[0]), int(used[-1])) if len(used) else (0, 0)


def word_span(operand: Operand, lanes: int) -> tuple[int, int]:
    """First word and number of words of ``lanes`` channels that a dot product reads of each tap."""
    first, last = used_channels(operand)
    return first // lanes, last // lanes - first // lanes + 1


def dot_taps(window: Window, engine: EnginePlan) -> int:
    """Reads of one dot product."""
    if engine.kind == "channel":
        return window.taps
    return sum(operand.taps * word_span(operand, engine.lanes)[1] for operand in window.operands)


def readers(plan: Plan, tensor: str) -> tuple[Reader, ...]:
    """All readers of a tensor; a layer that reads it twice is there twice."""
    found = [Reader(engine=plan.engine_of(layer.name).name, layer=layer.name, operand=index)
             for layer in plan.network.readers(tensor)
             for index, name in enumerate(layer.inputs) if name == tensor]
    if tensor == plan.network.output:
        found.append(Reader(engine=SINK))
    return tuple(found)


def tables(plan: Plan, engine: EnginePlan) -> list[Ints]:
    """The tables of all lookups on ``engine``, equal ones once."""
    operands = [operand for name in engine.layers
                for operand in layer_window(plan.network.layer(name)).operands]
    found = {operand.table.tobytes(): operand.table for operand in operands if operand.table is not None}
    return list(found.values())


def engine_layers(plan: Plan, engine: EnginePlan,
                  memories: Sequence[MemoryLayout]) -> tuple[EngineLayer, ...]:
    """The layers of one engine as numbers."""
    read = [memory for memory in memories if memory.reader == engine.name]
    written = [memory for memory in memories if memory.writer == engine.name]
    table_index = {table.tobytes(): index for index, table in enumerate(tables(plan, engine))}
    result: list[EngineLayer] = []
    weight_base = parameter_base = 0
    for name in engine.layers:
        layer = plan.network.layer(name)
        window = layer_window(layer)
        rows, columns = window.size
        taps, block_count = dot_taps(window, engine), blocks(window, engine)
        weighted = window.operation in ("dot", "multiply")
        parts = [_operand(plan, engine, read, tensor, operand, rows)
                 for tensor, operand in zip(layer.inputs, window.operands, strict=True)]
        walk = WalkLayer(
            columns=columns,
            blocks=block_count,
            hold=max(engine.groups - taps, 0),
            operands=tuple(walk for _, walk, _ in parts),
            weight_base=weight_base if weighted else 0,
            count=bool(window.counts),
        )
        slots = block_count * engine.groups
        result.append(EngineLayer(
            name=name,
            sequencer=SequencerLayer(
                job_cycles=walk.job_cycles,
                operands=tuple(sequencer for _, _, sequencer in parts),
                credits=tuple(plan.region(layer.output, reader.engine).rows
                              for reader in readers(plan, layer.output)),
            ),
            walk=walk,
            drain=DrainLayer(
                columns=columns,
                blocks=block_count,
                slots=-(-window.out_channels // engine.group),
                parameter_base=parameter_base,
            ),
            writes=tuple(_write(layer, block_count, memory) for memory in written),
            operands=tuple(
                EngineOperand(memory=memory, padding_value=operand.pad_value, zero=operand.zero,
                              table=0 if operand.table is None else table_index[operand.table.tobytes()])
                for (memory, _, _), operand in zip(parts, window.operands, strict=True)),
            operation=window.operation,
            class_offsets=tuple(slots * window.counts.index(count) if count in window.counts else 0
                                for count in range(window.taps + 1)) if window.counts else (),
        ))
        weight_base += block_count * taps if weighted else 0
        parameter_base += slots * len(window.requantizations)
    return tuple(result)


def _operand(plan: Plan, engine: EnginePlan, read: Sequence[MemoryLayout], tensor: str, operand: Operand,
             output_rows: int) -> tuple[int, WalkOperand, SequencerOperand]:
    """One input of a layer: the memory that holds it, how it is walked and which rows its jobs need."""
    index = next(i for i, memory in enumerate(read) if tensor in memory.regions)
    region, memory = read[index].regions[tensor], read[index].params
    pixel_reads = region.pixel_words * memory.reads_per_word
    row_reads = region.row_words * memory.reads_per_word
    first_word, words = word_span(operand, engine.lanes) if engine.kind == "systolic" else (0, 1)
    first_column, columns = operand.columns
    start, (_, stride), (_, divisor) = operand.column(0), operand.stride, operand.divisor
    walk = WalkOperand(
        kernel_height=operand.kernel[0],
        kernel_width=operand.kernel[1],
        words=words,
        start_column=start,
        start_reads=(first_column + start) * pixel_reads + first_word,
        input_columns=columns,
        column_stride=stride // divisor,
        column_fraction=stride % divisor,
        column_divisor=divisor,
        column_phase=operand.offset[1] % divisor,
        column_dilation=operand.dilation[1],
        pixel_reads=pixel_reads,
        block_reads=0 if engine.kind == "systolic" else 1,
        row_reads=row_reads * operand.dilation[0],
        region_base=region.base * memory.reads_per_word,
        region_reads=region.rows * row_reads,
    )
    input_rows, _, _ = plan.network.tensors[tensor].shape
    sequencer = SequencerOperand(
        jobs=jobs(operand, input_rows, output_rows), region_base=walk.region_base, region_rows=region.rows,
        row_reads=row_reads)
    return index, walk, sequencer


def _write(layer: Layer, block_count: int, memory: MemoryLayout) -> WriteLayer:
    region, parts = memory.regions.get(layer.output), memory.params.writes_per_word
    if region is None:
        return WriteLayer(writes=False, writes_per_word=parts, blocks=1, pixel_words=0, row_words=0,
                          region_base=0, region_rows=1)
    return WriteLayer(
        writes=True,
        writes_per_word=parts,
        blocks=block_count,
        pixel_words=region.pixel_words,
        row_words=region.row_words,
        region_base=region.base,
        region_rows=region.rows,
    )
