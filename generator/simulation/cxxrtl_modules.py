"""Which modules of an accelerator CXXRTL compiles as functions of their own, and which only once."""

from __future__ import annotations

import re
from collections import Counter
from functools import cache

from amaranth.lib import wiring

from gatecast.hdl.accelerator import Accelerator

from .probes import ProbedAccelerator

__all__ = ["compiled_apart"]

# What of an engine is large enough to be compiled as a function of its own.
PARTS = ("sequencer", "walk", "array", "drain", "requantizer")
# Cells of a module of which there are several, all within it counted, from which on one function for all of
# them pays: below, calls cost more time than they save.
CELLS = 40

KEPT = "attribute \\keep_hierarchy 1\n"
MODULE = re.compile(r"(?:^attribute [^\n]*\n)*^module \\(\S+)\n(.*?^end\n)", re.DOTALL | re.MULTILINE)
INSTANCE = re.compile(r"^(  cell \\)(\S+)", re.MULTILINE)


def compiled_apart(rtlil: str, accelerator: wiring.Component, name: str) -> str:
    """Return the RTLIL text of `accelerator`, whose top is `name`, so that the C++ compiler has less to do.

    The time to compile a function grows faster than its length: one for the whole of an accelerator takes
    about twice as long as those for the parts of its engines, which run nearly as fast. What differs in names
    alone, such as the columns of an array of multipliers in LUTs, becomes one function.
    """
    rtlil = _merged(rtlil)
    apart = {module for engine in _engines(accelerator, name)
             for module in (engine, *(f"{engine}_{part}" for part in PARTS))} | _repeated(rtlil)
    return MODULE.sub(lambda module: (KEPT if module[1] in apart else "") + module[0], rtlil)


def _engines(accelerator: wiring.Component, name: str) -> list[str]:
    """The modules of the engines of what becomes the module ``name``."""
    if isinstance(accelerator, ProbedAccelerator):
        return _engines(accelerator.accelerator, f"{name}_accelerator")
    if isinstance(accelerator, Accelerator):
        return [f"{name}_engine_{engine}" for engine in accelerator.params.engine_names]
    return []


def _merged(rtlil: str) -> str:
    """``rtlil`` with one module for all that differ in names alone, theirs and those of modules within."""
    while copies := _copies(rtlil):
        rtlil = _without(rtlil, copies)
    return rtlil


def _copies(rtlil: str) -> dict[str, str]:
    """The first module that is the same but for its name, by the name of each further one."""
    first: dict[str, str] = {}
    return {name: found for name, body in MODULE.findall(rtlil)
            if (found := first.setdefault(body, name)) != name}


def _without(rtlil: str, copies: dict[str, str]) -> str:
    """``rtlil`` without ``copies``, their instances being of the modules that stay."""
    rtlil = MODULE.sub(lambda module: "" if module[1] in copies else module[0], rtlil)
    return INSTANCE.sub(lambda cell: cell[1] + copies.get(cell[2], cell[2]), rtlil)


def _repeated(rtlil: str) -> set[str]:
    """The modules of merged ``rtlil`` of which there are several, large enough to be functions."""
    bodies = dict(MODULE.findall(rtlil))
    within = {name: [kind for _, kind in INSTANCE.findall(body) if kind in bodies]
              for name, body in bodies.items()}

    @cache
    def cells(name: str) -> int:
        return bodies[name].count("\n  cell $") + sum(map(cells, within[name]))

    instances = Counter(kind for kinds in within.values() for kind in kinds)
    return {name for name, number in instances.items() if number > 1 and cells(name) >= CELLS}
