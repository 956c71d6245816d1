"""Verification: whether a plan can work, before anything is built from it."""

from __future__ import annotations

from ..errors import InputError
from .layout import layouts
from .numbers import kind_of
from .plan import SINK, SOURCE, Plan
from .regions import least_rows

__all__ = ["verify"]


def verify(plan: Plan) -> Plan:
    """Check every rule of ``plan`` and return it, so that calls chain.

    Every layer runs on one engine of its kind, in execution order, and every tensor has a region that its
    reader can work with, in the memory between its writer and that reader.
    """
    order = [layer.name for layer in plan.network.layers]
    names = [engine.name for engine in plan.engines]
    if len({*names, SOURCE, SINK}) != len(names) + 2:
        raise InputError(f"engines need names of their own other than {SOURCE} and {SINK}, not {names}")
    placed = [name for engine in plan.engines for name in engine.layers]
    if sorted(placed) != sorted(order):
        raise InputError(f"network '{plan.network.name}' has the layers {', '.join(order)}, each of which "
                         f"needs one engine; the plan has {', '.join(placed)}")
    for engine in plan.engines:
        if not engine.layers:
            raise InputError(f"engine '{engine.name}' runs no layer; remove it")
        if list(engine.layers) != sorted(engine.layers, key=order.index):
            raise InputError(f"engine '{engine.name}': layers must stand in execution order, "
                             f"not {', '.join(engine.layers)}")
        for name in engine.layers:
            kind = kind_of(plan.network.layer(name))
            if kind != engine.kind:
                raise InputError(f"engine '{engine.name}': layer '{name}' runs on a {kind} engine, "
                                 f"not on a {engine.kind} one")
    least = least_rows(plan)
    found = {(region.tensor, region.reader) for region in plan.regions}
    if found != least.keys() or len(found) != len(plan.regions):
        wanted = ", ".join(f"{tensor} to {reader}" for tensor, reader in least)
        raise InputError(f"the plan needs one region each for {wanted}; make it again")
    for region in plan.regions:
        where = f"region of '{region.tensor}' to {region.reader}"
        if region.writer != plan.writer_of(region.tensor):
            raise InputError(f"{where}: the writer is {plan.writer_of(region.tensor)}, not {region.writer!r}")
        rows = least[region.tensor, region.reader]
        if type(region.rows) is not int or region.rows < rows:
            raise InputError(f"{where}: rows must be an integer of at least {rows}, not {region.rows!r}")
    try:
        layouts(plan)
    except ValueError as error:
        raise InputError(f"lanes and groups do not fit together: {error}") from error
    return plan
