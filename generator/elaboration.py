"""Elaborate: a plan becomes an accelerator."""

from __future__ import annotations

from gatecast.hdl.accelerator import Accelerator, AcceleratorParams, Edge, LayerRef, MemoryRef
from gatecast.hdl.engine import EngineParams
from gatecast.hdl.links import LinkParams

from .planner.layout import MemoryLayout, layouts
from .planner.numbers import engine_layers, readers
from .planner.parameters import array_params, requantizer_params
from .planner.plan import SINK, SOURCE, EnginePlan, Plan
from .planner.weight_stream import refuse_external_weights

__all__ = ["elaborate", "parameters"]


def elaborate(plan: Plan) -> Accelerator:
    """The accelerator of ``plan``, ready to be simulated or printed."""
    return Accelerator(parameters(plan))


def parameters(plan: Plan) -> AcceleratorParams:
    """All numbers of the accelerator of ``plan``."""
    refuse_external_weights(plan)
    memories = layouts(plan)
    numbers = {engine.name: index for index, engine in enumerate(plan.engines)}
    edges = []
    for tensor in plan.network.tensors:
        producer = plan.network.producer(tensor)
        for credit, reader in enumerate(readers(plan, tensor)):
            edges.append(Edge(
                writer=None if producer is None else _layer_ref(plan, producer.name),
                reader=None if reader.layer is None else _layer_ref(plan, reader.layer, reader.operand),
                credit=credit))
    return AcceleratorParams(
        engine_names=tuple(engine.name for engine in plan.engines),
        engines=tuple(_engine(plan, engine, memories) for engine in plan.engines),
        memory_names=tuple(memory.name for memory in memories),
        memories=tuple(MemoryRef(params=memory.params, writer=numbers.get(memory.writer),
                                 reader=numbers.get(memory.reader)) for memory in memories),
        edges=tuple(edges),
        source=tuple(_link(plan, plan.network.input, memory) for memory in memories
                     if memory.writer == SOURCE),
        source_credits=tuple(plan.region(plan.network.input, reader.engine).rows
                             for reader in readers(plan, plan.network.input)),
        sink=next(_link(plan, plan.network.output, memory) for memory in memories
                  if memory.reader == SINK),
    )


def _layer_ref(plan: Plan, layer: str, operand: int = 0) -> LayerRef:
    engine = plan.engine_of(layer)
    return LayerRef(engine=plan.engines.index(engine), layer=engine.layers.index(layer), operand=operand)


def _link(plan: Plan, tensor: str, memory: MemoryLayout) -> LinkParams:
    rows, columns, channels = plan.network.tensors[tensor].shape
    region = memory.regions[tensor]
    return LinkParams(rows=rows, columns=columns, channels=channels, region_rows=region.rows,
                      word_bytes=memory.params.word_bytes, pixel_words=region.pixel_words)


def _engine(plan: Plan, engine: EnginePlan, memories: tuple[MemoryLayout, ...]) -> EngineParams:
    return EngineParams(
        layers=engine_layers(plan, engine, memories),
        array=array_params(plan, engine),
        requantizer=requantizer_params(plan, engine),
        reads=tuple(memory.params.words * memory.params.reads_per_word
                    for memory in memories if memory.reader == engine.name))
