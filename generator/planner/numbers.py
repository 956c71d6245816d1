"""Numbers: the tables that turn the templates into the engines of a plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from gatecast.hdl.drain import DrainLayer, WriteLayer
from gatecast.hdl.engine import EngineLayer
from gatecast.hdl.requantization import Requantization
from gatecast.hdl.requantizer import RequantizerParams
from gatecast.hdl.sequencer import SequencerLayer
from gatecast.hdl.walk import WalkLayer

from ..bounds import Bounds
from ..network import Layer
from ..operators.window import Window
from .layout import MemoryLayout
from .plan import SINK, EnginePlan, Plan
from .rows import jobs

__all__ = ["blocks", "dot_taps", "engine_layers", "kind_of", "layer_window", "readers", "requantizer_params",
           "x_bounds"]


Ints = npt.NDArray[np.int64]


def layer_window(layer: Layer) -> Window:
    """The window of a lowered layer."""
    assert isinstance(layer.operator, Window), f"layer '{layer.name}' is not lowered"
    return layer.operator


def kind_of(layer: Layer) -> Literal["systolic", "channel"]:
    """The kind of engine that a lowered layer runs on."""
    return "systolic" if layer_window(layer).operation == "dot" else "channel"


def blocks(window: Window, engine: EnginePlan) -> int:
    """Blocks of output channels that the array computes one after the other."""
    return -(-window.out_channels // engine.columns)


def dot_taps(window: Window, engine: EnginePlan) -> int:
    """Reads of one dot product."""
    words = -(-window.in_channels // engine.lanes) if engine.kind == "systolic" else 1
    return window.taps * words


def readers(plan: Plan, tensor: str) -> tuple[tuple[str, str | None], ...]:
    """Who reads a tensor: engine and layer of each reader; the sink has no layer."""
    found: list[tuple[str, str | None]] = [
        (plan.engine_of(layer.name).name, layer.name) for layer in plan.network.readers(tensor)]
    if tensor == plan.network.output:
        found.append((SINK, None))
    return tuple(found)


def engine_layers(plan: Plan, engine: EnginePlan,
                  memories: Sequence[MemoryLayout]) -> tuple[EngineLayer, ...]:
    """The layers of one engine as numbers."""
    read = [memory for memory in memories if memory.reader == engine.name]
    written = [memory for memory in memories if memory.writer == engine.name]
    result: list[EngineLayer] = []
    weight_base = parameter_base = 0
    for name in engine.layers:
        layer = plan.network.layer(name)
        window = layer_window(layer)
        source, = layer.inputs
        input_rows, input_columns, _ = plan.network.tensors[source].shape
        output_rows, output_columns, _ = plan.network.tensors[layer.output].shape
        index = next(i for i, memory in enumerate(read) if source in memory.regions)
        region, memory = read[index].regions[source], read[index].params
        taps, block_count = dot_taps(window, engine), blocks(window, engine)
        walk = WalkLayer(
            columns=output_columns,
            blocks=block_count,
            kernel_height=window.kernel[0],
            kernel_width=window.kernel[1],
            words=taps // window.taps,
            hold=max(engine.groups - taps, 0),
            input_columns=input_columns,
            padding_left=window.padding[1],
            column_stride=window.stride[1],
            column_dilation=window.dilation[1],
            pixel_reads=region.pixel_words * memory.reads_per_word,
            block_reads=0 if engine.kind == "systolic" else 1,
            row_reads=region.row_words * memory.reads_per_word * window.dilation[0],
            region_base=region.base * memory.reads_per_word,
            region_reads=region.rows * region.row_words * memory.reads_per_word,
            weight_base=weight_base,
        )
        result.append(EngineLayer(
            name=name,
            sequencer=SequencerLayer(
                job_cycles=walk.job_cycles,
                jobs=jobs(window, input_rows, output_rows),
                region_base=walk.region_base,
                region_rows=region.rows,
                row_reads=region.row_words * memory.reads_per_word,
                credits=tuple(plan.region(layer.output, reader).rows
                              for reader, _ in readers(plan, layer.output)),
            ),
            walk=walk,
            drain=DrainLayer(
                columns=output_columns,
                blocks=block_count,
                slots=-(-window.out_channels // engine.group),
                parameter_base=parameter_base,
            ),
            writes=tuple(_write(layer, block_count, memory) for memory in written),
            reads_memory=index,
            padding_value=window.pad_value,
            maximum=window.operation == "max",
        ))
        weight_base += block_count * taps if engine.kind == "systolic" else 0
        parameter_base += block_count * engine.groups
    return tuple(result)


def _write(layer: Layer, block_count: int, memory: MemoryLayout) -> WriteLayer:
    region = memory.regions.get(layer.output)
    if region is None:
        return WriteLayer(writes=False, blocks=1, pixel_slots=0, row_slots=0, region_base=0, region_rows=1)
    slots = memory.params.writes_per_word
    return WriteLayer(
        writes=True,
        blocks=block_count,
        pixel_slots=region.pixel_words * slots,
        row_slots=region.row_words * slots,
        region_base=region.base * slots,
        region_rows=region.rows,
    )


def requantizer_params(plan: Plan, engine: EnginePlan) -> RequantizerParams:
    """The requantizer of one engine: parameters in the order in which the drain asks for them.

    Lanes without an output channel get parameters that make zero of everything.
    """
    windows = [layer_window(plan.network.layer(name)) for name in engine.layers]
    parts = [_in_drain_order(window.requantization, blocks(window, engine), engine) for window in windows]
    joined = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    # The shift of a channel that is constant is free; as one of the others it does not widen their range.
    constant = joined["multiplier"] == 0
    least = 0 if constant.all() else joined["shift"][~constant].min()
    for name in ("offset_negative", "offset_positive"):
        joined[name] = np.where(constant, joined[name] >> joined["shift"] << least, joined[name])
    joined["shift"] = np.where(constant, least, joined["shift"])
    return RequantizerParams(requantization=Requantization(**joined), lanes=engine.group, x=x_bounds(windows),
                             sums=_span([window.sum_bounds for window in windows]))


def x_bounds(windows: Sequence[Window]) -> tuple[int, int]:
    """Least and greatest sum with its bias over all channels of ``windows``, zero among them."""
    return _span([window.bounds for window in windows])


def _span(bounds: Sequence[Bounds]) -> tuple[int, int]:
    return (min(0, *(int(each.lowest.min()) for each in bounds)),
            max(0, *(int(each.highest.max()) for each in bounds)))


def _in_drain_order(table: Requantization, block_count: int, engine: EnginePlan) -> dict[str, Ints]:
    """The columns of ``table``, slot by slot as they leave the array, zero where a lane has no channel."""
    ordered = {}
    for name in Requantization.__dataclass_fields__:
        padded = np.zeros(block_count * engine.columns, dtype=np.int64)
        padded[:table.channels] = getattr(table, name)
        groups = padded.reshape(block_count, engine.groups, engine.group)
        ordered[name] = groups[:, ::-1].reshape(-1)
    return ordered
