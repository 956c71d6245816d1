"""Countdown: the counter of a loop whose last pass is known from a register."""

from collections.abc import Mapping

from amaranth.hdl import Const, Module, Mux, Signal, Value, ValueLike

from .pipeline import bits_for_range
from .table import Table

__all__ = ["countdown", "loaded_count"]


def loaded_count(passes: int) -> int:
    """What a :func:`countdown` of so many passes is loaded with: it is negative in the last one."""
    return passes - 2


def countdown(m: Module, table: Table, now: Mapping[str, Value], name: str, *,
              load: ValueLike, step: ValueLike) -> Value:
    """Count the passes of a loop down, step by step and again and again; negative in the last pass.

    The sign is a register, so that nests of loops have no comparison before each enable. ``load`` begins with
    the number that ``table`` shows in the column ``name``, the pass behind the last one begins with the one
    that is held in ``now``; both are a :func:`loaded_count`. A loop that never has more than one pass is no
    counter at all.
    """
    low, most = loaded_count(1), max(row[name] for row in table.contents)
    if most == low:
        return Const(low)
    left = Signal(bits_for_range(low, most), name=f"{name}_left", reset_less=True)
    with m.If(load):
        m.d.sync += left.eq(getattr(table, name))
    with m.Elif(step):
        m.d.sync += left.eq(Mux(left[-1], now[name], left - 1))
    return left
