"""Logic: LUTs and flip-flops of a plan, by a model fitted on synthesis runs."""

from __future__ import annotations


from .numbers import multipliers_of
from .parameters import requantizer_params
from .plan import EnginePlan, Plan

__all__ = ["array_luts", "estimate", "requantizer_luts"]


def array_luts(plan: Plan, engine: EnginePlan) -> int:
    """LUTs that the multipliers of an array take when they are in no DSP blocks."""
    return 184 * multipliers_of(plan.network, engine)


def requantizer_luts(plan: Plan, engine: EnginePlan) -> int:
    """LUTs that the multipliers of a requantizer take when they are in no DSP blocks."""
    params = requantizer_params(plan, engine)
    return engine.group * round(1.6 * params.x_shape.width * params.m_shape.width)


def estimate(plan: Plan) -> tuple[int, int]:
    """LUTs and flip-flops of ``plan``."""
    luts = ffs = 500
    for engine in plan.engines:
        luts += 700 + 30 * engine.positions + 250 * engine.group
        ffs += 500 + 72 * engine.positions + 400 * engine.group
        luts += array_luts(plan, engine) if engine.array_in == "lut" else 0
        luts += requantizer_luts(plan, engine) if engine.requantizer_in == "lut" else 0
    return luts, ffs
