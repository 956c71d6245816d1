"""Weight stream: what a plan would read of weights from a memory outside the chip."""

from __future__ import annotations

import math

from ..errors import InputError
from .numbers import blocks, dot_taps, layer_window
from .plan import EnginePlan, Plan

__all__ = ["NOT_BUILT", "refuse_external_weights", "weight_stream_bytes"]

# A weight of a channel engine may need 9 bits, see :class:`~gatecast.operators.operand.Operand`.
INT8 = range(-128, 128)

NOT_BUILT = ("a weight stream from external memory is not built yet; plan with the weights on the chip, "
             "for a larger board or a smaller network")


def weight_stream_bytes(plan: Plan) -> int:
    """Bytes of weights that all engines read for one inference, if each job reads those of its layer once.

    A job, which is a row of the output, reads the weights as the engine takes them: words of all lanes and
    columns, those for channels that are not there included.
    """
    return sum(_job_bytes(plan, engine, name) * layer_window(plan.network.layer(name)).size[0]
               for engine in plan.engines for name in engine.layers)


def _job_bytes(plan: Plan, engine: EnginePlan, name: str) -> int:
    window = layer_window(plan.network.layer(name))
    arrays = [operand.weights for operand in window.operands if operand.weights is not None]
    if not arrays:
        return 0
    bits = 8 if all(array.min() in INT8 and array.max() in INT8 for array in arrays) else 9
    return math.ceil(blocks(window, engine) * dot_taps(window, engine) * engine.positions * bits / 8)


def refuse_external_weights(plan: Plan) -> None:
    """An ``InputError`` where ``plan`` is to be built, but takes its weights from outside the chip."""
    if plan.external_weights:
        raise InputError(f"network '{plan.network.name}': {NOT_BUILT}")
