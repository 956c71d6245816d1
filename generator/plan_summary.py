"""What there is to say about a plan, in numbers: plain data under fixed keys."""

from __future__ import annotations

import math
from typing import Any

from gatecast.boards import Board, Part

from .network import Network
from .planner import Budget, Found, Plan, Prediction, Resources, lone_latency
from .planner.dsps import EXACT_FAMILIES
from .planner.explanation import EngineCells, explain
from .planner.goals import Smallest, shares
from .planner.numbers import multipliers_of
from .planner.weight_stream import weight_stream_bytes
from .planner.work import EngineWork, LayerWork

__all__ = ["family_of", "multiplier_utilization", "plan_summary"]

# Whose block RAMs are counted where neither a chip nor a budget says.
FAMILY = "ecp5"


def family_of(part: Part | Board | None, found: Found | None) -> str:
    """The family of chips whose block RAMs are to be counted."""
    if part is not None:
        return part.family
    return FAMILY if found is None else found.budget.family


def multiplier_utilization(network: Network, prediction: Prediction, need: Resources) -> float:
    """Share of the array multipliers that work for ``network`` in a mean cycle; 0 where there are none."""
    return _share(network.macs, need.multipliers * prediction.cycles_per_inference)


def plan_summary(plan: Plan, network: Network | None = None, *, found: Found | None = None,
                 part: Part | None = None, goal: str | None = None,
                 clock_mhz: float | None = None) -> dict[str, Any]:
    """Cycles, bottleneck, cells, memory, engines and regions of ``plan``.

    ``network`` is the network as it was read, whose work counts; lowering may add products with zeros.
    ``found`` is what the search knew besides ``plan``, ``part`` the chip, ``goal`` what was looked for,
    ``clock_mhz`` a clock to count seconds with: what depends on one that is not given is None.

    Speed: ``cycles_per_inference`` (``periodic`` says that the mean is exact), ``latency_cycles`` of the
    first of many frames, ``lone_latency_cycles`` of one that comes alone, and with a clock
    ``inferences_per_second``, ``latency_seconds`` and ``lone_latency_seconds``. ``multipliers`` are those of
    the arrays, lanes that only add not counted; ``multiplier_utilization`` is ``macs_per_inference /
    (multipliers * cycles_per_inference)``, ``budget_utilization`` the same of all array multipliers that were
    allowed.

    Why not faster: ``bottleneck`` is the engine, ``source`` or ``sink`` that is occupied the longest,
    ``bottleneck_utilization`` the share of cycles in which it issues work, ``bottleneck_reason`` a clause.
    ``lower_bound_cycles`` is what no plan within the budget can beat: that of all partitions and arrays where
    ``lower_bound_exact``, else that of the work alone; no lone frame gets through in fewer either.
    ``budget_shares`` is the sum of the shares that it takes of the DSP multipliers, block RAMs and LUTs
    allowed. For the goal area, which is for the least of that, ``target_cycles`` are what an inference may
    take at the rate asked for, and with fewer than ``lower_bound_multipliers`` in its arrays no plan takes so
    few. ``alternatives`` are the next best plans, each with its ``cycles_per_inference``,
    ``lone_latency_cycles``, ``multipliers``, ``budget_shares`` and ``engines``; most with ample feature
    memories, as the search compares plans. Only those for area, which have shares, all fit.

    Cells: ``block_rams`` are exact, so are ``dsps`` if ``dsps_exact``, else that many at most; ``luts`` and
    ``ffs`` are estimates. ``luts_error`` and ``ffs_error`` tell how far those may be off, as a share (see
    :mod:`gatecast.planner.logic`; None for families where that was not measured). ``limits`` is what was
    allowed of ``multipliers``, ``dsps``, ``block_rams``, ``luts`` and ``ffs``, ``chip`` what there is.

    ``engines``: their array, the kinds of their cells, ``busy_cycles`` in which an engine issues, and how it
    spends the cycles of an inference. ``useful_cycles`` (what its work would take if it filled all lanes and
    columns), ``edge_cycles`` (lost where channels do not fill them), ``hold_cycles`` (results in each other's
    way, jobs too short) and ``waiting_cycles`` (no job ready) add up to ``cycles_per_inference``.
    ``block_rams`` and ``stored_bits`` are by ``weights``, ``tables``, ``parameters`` and ``jobs``. ``loops``
    are its layers with their loops from outside to inside: ``rows``, ``columns``, ``blocks`` of output
    channels, a hold of ``hold_cycles``, then of each of ``operands`` kernel rows and columns and ``words`` of
    input channels; ``cycles`` of a frame, ``filled`` the share of the places in the array that have a use.

    ``weight_stream_bytes_per_inference`` are the bytes of weights that engines read from outside the chip if
    each of their jobs, which are rows of outputs, reads those of its layer once,
    ``weight_stream_bytes_per_cycle`` is the same in a mean cycle; None where weights are on the chip.

    ``links``: ``busy_cycles`` of ``source`` and ``sink``, which move a byte a cycle. ``memories`` are the
    feature memories, ``regions`` the rows of each tensor in them.
    """
    network = plan.network if network is None else network
    budget = None if found is None else found.budget
    why = explain(plan, network, family=family_of(part, found))
    prediction, need = why.prediction, why.resources
    cycles = prediction.cycles_per_inference
    lone = lone_latency(plan)
    area = found if isinstance(found, Smallest) else None
    streamed = weight_stream_bytes(plan) if plan.external_weights else None
    return {
        "network": plan.network.name,
        "goal": goal,
        "macs_per_inference": network.macs,
        "cycles_per_inference": cycles,
        "latency_cycles": prediction.latency_cycles,
        "lone_latency_cycles": lone,
        "clock_mhz": clock_mhz,
        "inferences_per_second": None if clock_mhz is None else clock_mhz * 1e6 / cycles,
        "latency_seconds": None if clock_mhz is None else prediction.latency_cycles / clock_mhz / 1e6,
        "lone_latency_seconds": None if clock_mhz is None else lone / clock_mhz / 1e6,
        "multipliers": need.multipliers,
        "requantizer_multipliers": need.requantizer_multipliers,
        "multiplier_utilization": multiplier_utilization(network, prediction, need),
        "budget_utilization": None if budget is None else _share(network.macs, budget.array_limit * cycles),
        "bottleneck": prediction.bottleneck,
        "bottleneck_utilization": prediction.busy(prediction.bottleneck),
        "bottleneck_reason": why.reason,
        "lower_bound_cycles": None if found is None else found.bound,
        "lower_bound_exact": None if found is None else found.exact,
        "budget_shares": None if budget is None else shares(plan, budget),
        "target_cycles": None if area is None else area.pace,
        "lower_bound_multipliers": None if area is None else area.least_multipliers,
        "periodic": prediction.periodic,
        "dsps": need.dsps, "block_rams": need.block_rams, "luts": need.luts, "ffs": need.ffs,
        "dsps_exact": family_of(part, found) in EXACT_FAMILIES,
        "luts_error": why.luts_error, "ffs_error": why.ffs_error,
        "limits": None if budget is None else {
            "multipliers": budget.array_limit, "dsps": budget.dsps, "block_rams": budget.block_rams,
            "luts": budget.luts, "ffs": budget.ffs},
        "chip": None if part is None else {
            "device": part.device, "dsps": part.multipliers, "block_rams": part.block_rams,
            "luts": part.luts, "ffs": part.ffs},
        "engines": [_engine(plan, work, cells) for work, cells in zip(why.engines, why.cells, strict=True)],
        "links": [{"name": name, "busy_cycles": prediction.work[name]} for name in ("source", "sink")],
        "alternatives": None if found is None else [
            _alternative(*other, None if area is None else area.budget) for other in found.others],
        "memories": [{
            "writer": memory.writer, "reader": memory.reader, "memory_in": memory.params.kind,
            "words": memory.params.words, "word_bits": 8 * memory.params.word_bytes,
            "block_rams": block_rams,
        } for memory, block_rams in why.memories],
        "regions": [{
            "tensor": region.tensor, "writer": region.writer, "reader": region.reader, "rows": region.rows,
            "frame_rows": plan.network.tensors[region.tensor].shape[0], "memory_in": region.memory_in,
            "bytes": region.rows * math.prod(plan.network.tensors[region.tensor].shape[1:]),
        } for region in plan.regions],
        "weight_bits": need.weight_bits,
        "parameter_bits": need.parameter_bits,
        "feature_bits": need.feature_bits,
        "memory_bits": need.memory_bits,
        "weight_stream_bytes_per_inference": streamed,
        "weight_stream_bytes_per_cycle": None if streamed is None else streamed / cycles,
    }


def _share(part: float, whole: float) -> float:
    return part / whole if whole else 0.0


def _engine(plan: Plan, work: EngineWork, cells: EngineCells) -> dict[str, Any]:
    engine = work.engine
    return {
        "name": engine.name, "kind": engine.kind, "lanes": engine.lanes, "columns": engine.columns,
        "group": engine.group, "multipliers": cells.multipliers,
        "requantizer_multipliers": cells.requantizer_multipliers, "dsps": cells.dsps,
        "array_in": engine.array_in, "requantizer_in": engine.requantizer_in,
        "weights_in": "external" if plan.external_weights else engine.weights_in,
        "tables_in": engine.tables_in, "parameters_in": engine.parameters_in,
        "stored_bits": dict(cells.bits), "block_rams": dict(cells.block_rams),
        "layers": list(engine.layers), "busy_cycles": work.issuing, "useful_cycles": work.useful_cycles,
        "edge_cycles": work.edge_cycles, "hold_cycles": work.hold_cycles,
        "waiting_cycles": work.waiting_cycles, "loops": [_loops(layer) for layer in work.layers],
    }


def _loops(work: LayerWork) -> dict[str, Any]:
    return {
        "layer": work.layer.name, "rows": work.jobs, "columns": work.columns, "blocks": work.blocks,
        "hold_cycles": work.hold, "operands": [
            {"tensor": tensor, "kernel_rows": operand.kernel[0], "kernel_columns": operand.kernel[1],
             "words": words}
            for tensor, operand, words in zip(work.layer.inputs, work.window.operands, work.words,
                                              strict=True)],
        "cycles": work.cycles, "filled": work.filled,
    }


def _alternative(plan: Plan, cycles: float, budget: Budget | None) -> dict[str, Any]:
    return {
        "cycles_per_inference": cycles,
        "lone_latency_cycles": lone_latency(plan),
        "multipliers": sum(multipliers_of(plan.network, engine) for engine in plan.engines),
        "budget_shares": None if budget is None else shares(plan, budget),
        "engines": [{"name": engine.name, "kind": engine.kind, "lanes": engine.lanes,
                     "columns": engine.columns, "group": engine.group, "layers": list(engine.layers)}
                    for engine in plan.engines],
    }
