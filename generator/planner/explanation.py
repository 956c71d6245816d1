"""Explanation: why a plan is as fast as it is, and what each part of it takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from ..figures import count, percent
from ..network import Network
from .dsps import array_dsps, requantizer_dsps
from .events import steady_state
from .layout import MemoryLayout, layouts
from .logic import ERROR_FFS, ERROR_LUTS, MEASURED
from .numbers import blocks, dot_taps, layer_window, multipliers_of
from .parameters import requantizer_params
from .plan import SINK, SOURCE, EnginePlan, Plan, Prediction, Resources
from .predict import predict, resources
from .regions import with_two_frames
from .schedule import schedule
from .storages import Storage, storages
from .work import EngineWork, engine_work

__all__ = ["EngineCells", "Explanation", "bottleneck_reason", "engine_cells", "explain", "place"]

# Share of the cycles from which on a part is said to be at work all the time.
FULL = 0.97
# Frames of the event model with larger memories.
FRAMES = 40


@dataclass(frozen=True, kw_only=True)
class EngineCells:
    """What one engine is made of; the kinds of its cells are those of :class:`EnginePlan`."""

    multipliers: int
    """Of the array; none where nothing is multiplied."""
    requantizer_multipliers: int
    array_dsps: int
    """DSP blocks that synthesis makes of the array; 0 if its multipliers are in LUTs."""
    requantizer_dsps: int
    bits: Mapping[str, int]
    """Of its ``weights``, ``tables``, ``parameters`` and ``jobs``; what it does not have is missing."""
    block_rams: Mapping[str, int]
    """The same in block RAMs, 0 for what is in LUTs."""

    @property
    def dsps(self) -> int:
        """DSP blocks of array and requantizer."""
        return self.array_dsps + self.requantizer_dsps


@dataclass(frozen=True, kw_only=True)
class Explanation:
    """Cycles, cells and the bottleneck of a plan."""

    prediction: Prediction
    resources: Resources
    engines: tuple[EngineWork, ...]
    """In the order of the plan, as are ``cells``."""
    cells: tuple[EngineCells, ...]
    memories: tuple[tuple[MemoryLayout, int], ...]
    """The feature memories and the block RAMs of each."""
    luts_error: float | None
    """How far the estimate of LUTs may be off, as a share; none where it was not measured for the family."""
    ffs_error: float | None
    """The same of flip-flops."""
    reason: str
    """Why it is not faster: a clause about the bottleneck."""


def explain(plan: Plan, network: Network, *, family: str = "ecp5") -> Explanation:
    """Explain ``plan`` for a chip of ``family``; ``network`` is the one that was read, whose work counts."""
    numbers, prediction, stored = schedule(plan), predict(plan), storages(plan)
    luts_error, ffs_error = _logic_errors(family)
    return Explanation(
        prediction=prediction, resources=resources(plan, family),
        engines=engine_work(plan, network, numbers, prediction),
        cells=tuple(engine_cells(plan, engine, stored, family) for engine in plan.engines),
        memories=tuple(zip(layouts(plan), (_block_rams(storage, family) for storage in stored
                                           if storage.what == "features"), strict=True)),
        luts_error=luts_error, ffs_error=ffs_error,
        reason=bottleneck_reason(plan, prediction))


def _logic_errors(family: str) -> tuple[float | None, float | None]:
    """How far the estimates of LUTs and flip-flops may be off, where that was measured."""
    return (ERROR_LUTS, ERROR_FFS) if family == MEASURED else (None, None)


def engine_cells(plan: Plan, engine: EnginePlan, stored: tuple[Storage, ...], family: str) -> EngineCells:
    """What ``engine`` is made of; ``stored`` are all memories of ``plan``."""
    requantizer = requantizer_params(plan, engine)
    bits, blocks = Counter[str](), Counter[str]()
    for storage in stored:
        if storage.owner == engine.name:
            bits[storage.what] += storage.bits
            blocks[storage.what] += _block_rams(storage, family)
    return EngineCells(
        multipliers=multipliers_of(plan.network, engine),
        requantizer_multipliers=requantizer.multiplier_parts,
        array_dsps=array_dsps(plan, engine) if engine.array_in == "dsp" else 0,
        requantizer_dsps=requantizer_dsps(requantizer, family) if engine.requantizer_in == "dsp" else 0,
        bits=bits, block_rams=blocks)


def _block_rams(storage: Storage, family: str) -> int:
    return storage.block_rams(family) if storage.kind == "block" else 0


def place(name: str) -> str:
    """What a person calls an engine or a link."""
    return {SOURCE: "input link", SINK: "output link"}.get(name, name)


def _largest(plan: Plan, name: str) -> str:
    """What there is to say where the array of an engine cannot be any larger, for its only layer."""
    engine = next((engine for engine in plan.engines if engine.name == name), None)
    if engine is None or len(engine.layers) > 1:
        return ""
    layer, = engine.layers
    window = layer_window(plan.network.layer(layer))
    taps = sum(operand.taps for operand in window.operands)
    if blocks(window, engine) > 1 or dot_taps(window, engine) > taps:
        return ""
    return f", its array has a place for each channel of {layer}: more multipliers would not help"


def bottleneck_reason(plan: Plan, prediction: Prediction) -> str:
    """Which engine or link keeps ``plan`` from being faster and why, as a clause without a full stop.

    Where none is at work all the time, the event model says what larger feature memories would give.
    """
    name, cycles = prediction.bottleneck, prediction.cycles_per_inference
    link, issuing = name in (SOURCE, SINK), prediction.busy(name)
    what = f"the {place(name)} moves a byte" if link else f"{name} issues work"
    if issuing >= FULL:
        return f"{what} in {percent(issuing)} of the cycles{_largest(plan, name)}"
    if prediction.occupied[name] >= FULL * cycles:
        held = (prediction.occupied[name] - prediction.work[name]) / cycles
        return (f"{what} in {percent(issuing)} of the cycles and holds in {percent(held)}, until results are "
                f"out of the way or the next job is chosen")
    larger = steady_state(schedule(with_two_frames(plan)), limit=FRAMES).pace
    gain = (f"with room for two frames in each feature memory an inference would take about "
            f"{count(larger)} cycles" if larger < cycles else "larger feature memories would not help")
    busiest = f"the {place(name)}, moves a byte" if link else f"{name}, issues work"
    return (f"engines and links wait for each other: the busiest, {busiest} in {percent(issuing)} of the "
            f"cycles; {gain}")
