"""Predict: cycles and resources of a plan."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from . import events
from .dsps import array_dsps, requantizer_dsps
from .logic import estimate, shared_cells
from .numbers import multipliers_of
from .parameters import requantizer_params
from .plan import Plan, Prediction, Resources
from .schedule import schedule
from .storages import Storage, storages

__all__ = ["predict", "resources"]


def predict(plan: Plan) -> Prediction:
    """Exact cycles of ``plan``, from the event model."""
    numbers = schedule(plan)
    steady = events.steady_state(numbers)
    return Prediction(
        cycles_per_inference=steady.pace, periodic=steady.periodic,
        latency_cycles=steady.latency,
        work={actor.name: sum(layer.tap_cycles * layer.rows for layer in actor.layers)
              for actor in numbers.actors},
        occupied={actor.name: sum(max(layer.job_cycles, actor.start) * layer.rows for layer in actor.layers)
                  for actor in numbers.actors})


def resources(plan: Plan, family: str = "ecp5", memories: Sequence[Storage] | None = None) -> Resources:
    """What ``plan`` takes of a chip of ``family``; ``memories`` are its :func:`storages`, if known."""
    requantizers = {engine.name: requantizer_params(plan, engine) for engine in plan.engines}
    arrays = {engine.name: multipliers_of(plan.network, engine) for engine in plan.engines}
    memories = storages(plan) if memories is None else memories
    bits = Counter[str]()
    for memory in memories:
        bits[memory.what] += memory.bits
    logic = shared_cells(estimate(plan, family), family, read_bits=sum(
        memory.width * memory.read_ports * memory.copies for memory in memories if memory.kind == "block"))
    return Resources(
        multipliers=sum(arrays.values()),
        requantizer_multipliers=sum(params.multiplier_parts for params in requantizers.values()),
        dsps=sum((array_dsps(plan, engine) if engine.array_in == "dsp" else 0)
                 + (requantizer_dsps(requantizers[engine.name], family)
                    if engine.requantizer_in == "dsp" else 0)
                 for engine in plan.engines),
        block_rams=sum(memory.block_rams(family) for memory in memories if memory.kind == "block"),
        luts=logic.luts, ffs=logic.ffs,
        weight_bits=bits["weights"] + bits["tables"], parameter_bits=bits["parameters"],
        feature_bits=bits["features"])
