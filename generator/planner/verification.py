"""Verification: whether a plan can work, before anything is built from it."""

from __future__ import annotations

from collections import Counter

from gatecast.hdl.feature_memory import widths_fit

from ..errors import InputError
from .layout import LINK_BYTES
from .numbers import kind_of
from .plan import SINK, SOURCE, Plan, Region
from .regions import least_rows

__all__ = ["verify"]


def verify(plan: Plan) -> Plan:
    """Check every rule of ``plan`` and return it, so that calls chain.

    Every layer runs on one engine of its kind, in execution order, and every tensor has a region that its
    reader can work with, in the memory between its writer and that reader.
    """
    order = [layer.name for layer in plan.network.layers]
    names = [engine.name for engine in plan.engines]
    for name, times in Counter(names).items():
        if times > 1 or name in (SOURCE, SINK):
            called = f"{times} engines are" if times > 1 else "one is"
            raise InputError(f"engines need names of their own, other than {SOURCE} and {SINK}; {called} "
                             f"called '{name}'")
    placed = Counter(name for engine in plan.engines for name in engine.layers)
    for name in placed:
        if name not in order:
            raise InputError(f"network '{plan.network.name}' has no layer '{name}'; take it off its engine")
    for name in order:
        if placed[name] != 1:
            raise InputError(f"layer '{name}' must be on one engine, not on {placed[name] or 'none'}")
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
    found = Counter((region.tensor, region.reader) for region in plan.regions)
    for tensor, reader in found:
        if (tensor, reader) not in least:
            raise InputError(f"tensor '{tensor}' is not read by {reader}; remove its region")
    for tensor, reader in least:
        if (times := found[tensor, reader]) != 1:
            raise InputError(f"tensor '{tensor}' must have one region to {reader}, not {times or 'none'}")
    kinds: dict[tuple[str, str], Region] = {}
    for region in plan.regions:
        where = f"region of '{region.tensor}' to {region.reader}"
        if region.writer != plan.writer_of(region.tensor):
            raise InputError(f"{where}: the writer is {plan.writer_of(region.tensor)}, not {region.writer!r}")
        rows = least[region.tensor, region.reader]
        if type(region.rows) is not int or region.rows < rows:
            raise InputError(f"{where}: rows must be an integer of at least {rows}, not {region.rows!r}")
        first = kinds.setdefault((region.writer, region.reader), region)
        if region.memory_in != first.memory_in:
            raise InputError(f"{where}: memory_in must be {first.memory_in} like that of '{first.tensor}', "
                             f"which is in the same memory, not {region.memory_in}")
        _check_widths(plan, region)
    return plan


def _check_widths(plan: Plan, region: Region) -> None:
    """Refuse a group of the writer that the reader cannot take, with what would do on either side."""
    engines = {engine.name: engine for engine in plan.engines}
    writer, reader = engines.get(region.writer), engines.get(region.reader)
    group = LINK_BYTES if writer is None else writer.group
    lanes = LINK_BYTES if reader is None else reader.lanes
    if writer is None or widths_fit(group, lanes):
        # A link gives single bytes, which fit any lanes.
        return
    widths = [engines[other.reader].lanes if other.reader in engines else LINK_BYTES
              for other in plan.regions if other.writer == writer.name]
    groups = [each for each in range(1, writer.columns + 1)
              if writer.columns % each == 0 and all(widths_fit(each, width) for width in widths)]
    writes = f"engine '{writer.name}' writes {group} channels of tensor '{region.tensor}' at once"
    allowed = f"the group of {writer.name} must be {_either(groups)}"
    if reader is None:
        raise InputError(f"{writes}, the output takes {lanes}: {allowed}, not {group}")
    fewer = [each for each in range(1, group) if widths_fit(group, each)]
    raise InputError(f"{writes}, engine '{reader.name}' reads {lanes}: {allowed}, not {group}, or the lanes "
                     f"of {reader.name} {_either(fewer, f'a multiple of {group}')}, not {lanes}")


def _either(numbers: list[int], *more: str) -> str:
    *rest, last = [*map(str, numbers), *more]
    return f"{', '.join(rest)} or {last}" if rest else last
