"""Which modules of a design CXXRTL compiles as functions of their own, and which only once."""

from __future__ import annotations

import re
from functools import cache

__all__ = ["compiled_apart"]

# A module becomes a function of its own from so many cells on, counted with all that is compiled into it:
# below, calls cost more time than they save.
CELLS = 40

APART = "attribute \\keep_hierarchy 1\n"
MODULE = re.compile(r"(?:^attribute [^\n]*\n)*^module \\(\S+)\n(.*?^end\n)", re.DOTALL | re.MULTILINE)
INSTANCE = re.compile(r"^(  cell \\)(\S+)", re.MULTILINE)
OUTPUT = re.compile(r"^  wire .*\boutput \d+ .*(\\\S+)$", re.MULTILINE)
# What a register drives on its own: no other cells have a port of this name.
REGISTER = re.compile(r"^    connect \\Q (\\\S+)$", re.MULTILINE)


def compiled_apart(rtlil: str) -> str:
    """Return RTLIL as Amaranth writes it, changed so that C++ of it is compiled and run in less time.

    The time to compile a function grows faster than its length, so that of an accelerator is cut into parts.
    What differs in names alone, such as the columns of an array of multipliers in LUTs, becomes one function.
    Parts are modules all of whose outputs are registers: where others were parts, CXXRTL would evaluate the
    whole design several times a cycle, until no output changes.
    """
    rtlil = _merged(rtlil)
    apart = _parts(rtlil)
    return MODULE.sub(lambda module: (APART if module[1] in apart else "") + module[0], rtlil)


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


def _parts(rtlil: str) -> set[str]:
    """The modules whose outputs are registers of their own, large enough to be functions."""
    bodies = dict(MODULE.findall(rtlil))
    within = {name: [kind for _, kind in INSTANCE.findall(body) if kind in bodies]
              for name, body in bodies.items()}

    @cache
    def cells(name: str) -> int:
        return bodies[name].count("\n  cell $") + sum(cells(kind) for kind in within[name] if not apart(kind))

    @cache
    def apart(name: str) -> bool:
        body = bodies[name]
        return set(OUTPUT.findall(body)) <= set(REGISTER.findall(body)) and cells(name) >= CELLS

    return {name for name in bodies if apart(name)}
