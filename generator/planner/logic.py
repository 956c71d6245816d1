"""Logic: LUTs and flip-flops of a plan, by a model fitted on synthesis runs.

:mod:`.array_counts` and :mod:`.control_counts` count bits of adders, multiplexers, registers and so on, all
from the plan. ``benchmarks/fit_logic.py`` fits what a bit of each kind costs and writes :mod:`.logic_model`;
no coefficient is negative. See docs/resource-model.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from gatecast.hdl.channel import ChannelArray
from gatecast.hdl.links import LinkParams
from gatecast.hdl.systolic import SystolicArray

from ..figures import percent
from .array_counts import (
    array_multipliers,
    array_part,
    requantizer_multipliers,
    requantizer_part,
    weight_words,
)
from .control_counts import control_parts, link_part, memory_part
from .counts import Part
from .layout import MemoryLayout, layouts
from .logic_model import ERROR_FFS, ERROR_LUTS, FFS, LUTS
from .numbers import engine_layers, layer_window, multipliers_of, readers
from .parameters import requantizer_params
from .plan import SINK, SOURCE, EnginePlan, Plan

__all__ = ["ERROR_FFS", "ERROR_LUTS", "MEASURED", "Estimate", "array_luts", "error_sentence", "estimate",
           "parts", "requantizer_luts", "shared_cells"]

# The family whose synthesis the model was fitted to.
MEASURED = "ecp5"


# Share of the lookup tables without a flip-flop behind them: 37 to 50 % in plans of the digits network.
ALONE = {"ice40": 0.45}


class Estimate(NamedTuple):
    """LUTs of four inputs and flip-flops of an accelerator, counted as after synthesis for ECP5.

    Memories and multipliers made of LUTs are among them, the top of a board is not. Of ten designs that the
    model was not fitted on, nine were within ``ERROR_LUTS`` and ``ERROR_FFS``, as shares of what synthesis
    said.
    """

    luts: int
    ffs: int


def estimate(plan: Plan, family: str = "ecp5") -> Estimate:
    """LUTs and flip-flops of ``plan``.

    The model is that of ECP5 on all families but for memories made of LUTs, which are counted as the family
    has them.
    """
    found = list(parts(plan, family))
    # One for a kind of logic that the last fit has not seen.
    luts = sum(LUTS.get(term, 1.0) * count for part in found for term, count in part.luts.items())
    ffs = sum(FFS.get(term, 1.0) * count for part in found for term, count in part.ffs.items())
    return Estimate(round(luts), round(ffs))


def shared_cells(found: Estimate, family: str, *, read_bits: int) -> Estimate:
    """What :func:`estimate` found, where a lookup table and a flip-flop behind it share a logic cell.

    So they do on iCE40: data of a flip-flop come through the lookup table of its cell, whether that makes
    them or not. Of the other lookup tables, which are before no flip-flop, ``ALONE`` says the share. Block
    RAMs, of which ``read_bits`` are read at once, have no output registers there.
    """
    if family not in ALONE:
        return found
    ffs = found.ffs + read_bits
    return Estimate(round(ffs + ALONE[family] * found.luts), ffs)


def error_sentence(family: str) -> str:
    """How far estimates for ``family`` may be off."""
    if family != MEASURED:
        return (f"LUTs and flip-flops are an estimate by the model of {MEASURED}; its error on {family} "
                f"was not measured")
    return (f"LUTs are an estimate within {percent(ERROR_LUTS)}, flip-flops one within {percent(ERROR_FFS)}, "
            f"on nine of ten designs that the model was not fitted on")


def array_luts(plan: Plan, engine: EnginePlan, family: str) -> int:
    """LUTs that the multipliers of an array take when they are in no DSP blocks."""
    if not multipliers_of(plan.network, engine):
        return 0
    return round(LUTS["multipliers in logic"] * array_multipliers(plan, engine, family))


def requantizer_luts(plan: Plan, engine: EnginePlan, family: str) -> int:
    """LUTs that the multipliers of a requantizer take when they are in no DSP blocks."""
    return round(LUTS["multipliers in logic"] * requantizer_multipliers(
        requantizer_params(plan, engine), family))


def parts(plan: Plan, family: str = "ecp5") -> Iterator[Part]:
    """What each part of the accelerator has of each kind of logic."""
    memories = layouts(plan)
    for memory in memories:
        yield memory_part(memory, family)
    for engine in plan.engines:
        yield from _engine(plan, engine, memories, family)
    yield link_part("source", [_link(plan, plan.network.input, memory) for memory in memories
                               if memory.writer == SOURCE],
                    [plan.region(plan.network.input, reader.engine).rows
                     for reader in readers(plan, plan.network.input)])
    yield link_part("sink", [_link(plan, plan.network.output, memory) for memory in memories
                             if memory.reader == SINK], [plan.region(plan.network.output, SINK).rows])


def _engine(plan: Plan, engine: EnginePlan, memories: tuple[MemoryLayout, ...],
            family: str) -> Iterator[Part]:
    params = requantizer_params(plan, engine)
    yield array_part(plan, engine, params, family)
    yield requantizer_part(engine, params, family)
    operations = {layer_window(plan.network.layer(name)).operation for name in engine.layers}
    yield from control_parts(
        engine, engine_layers(plan, engine, memories), depth=weight_words(plan, engine),
        reads=[memory.params.words * memory.params.reads_per_word for memory in memories
               if memory.reader == engine.name],
        array_latency=SystolicArray.latency(engine.lanes, engine.groups) if engine.kind == "systolic"
        else ChannelArray.latency(operations),
        requantizer_latency=params.latency, family=family)


def _link(plan: Plan, tensor: str, memory: MemoryLayout) -> LinkParams:
    rows, columns, channels = plan.network.tensors[tensor].shape
    region = memory.regions[tensor]
    return LinkParams(rows=rows, columns=columns, channels=channels, region_rows=region.rows,
                      word_bytes=memory.params.word_bytes, pixel_words=region.pixel_words)
