"""Memories of a kind that is chosen here, never by the synthesizer: block RAM, or LUTs."""

from collections.abc import Iterable
from typing import Any, Literal

from amaranth.hdl import Module, ShapeLike, Signal, ValueLike
from amaranth.lib import memory

from .pipeline import check_choice

__all__ = ["MemoryKind", "check_memory_kind", "make_memory", "read_register"]

MemoryKind = Literal["block", "lut"]

# What Yosys calls the implementation of each kind: of memories that are written, and of the others, for which
# it refuses "distributed" where LUT RAM cannot hold contents.
STYLES: dict[bool, dict[MemoryKind, str]] = {
    True: {"block": "block", "lut": "distributed"},
    False: {"block": "block", "lut": "logic"},
}


def check_memory_kind(what: str, kind: str) -> None:
    """Refuse with a ValueError what is no memory kind."""
    check_choice(what, kind, MemoryKind)


def make_memory(kind: MemoryKind, *, shape: ShapeLike, depth: int, init: Iterable[Any] = (),
                written: bool = False, unchecked: bool = False) -> memory.Memory:
    """A memory whose implementation is forced.

    ===========  ================================  =====================================
    kind         read only                         ``written``
    ===========  ================================  =====================================
    ``"block"``  block RAM (``"block"``)           block RAM (``"block"``)
    ``"lut"``    logic (``"logic"``)               LUT RAM (``"distributed"``)
    ===========  ================================  =====================================

    In brackets the value of the attribute ``ram_style``, which Yosys obeys or fails, whatever the size. Only
    a read-only memory of one word becomes a constant. Where a family has no LUT RAM (iCE40) Yosys refuses
    ``"distributed"``; what is to become flip-flops there is told so before synthesis, by
    ``attrmap -map ram_style="distributed" ram_style="logic"``.

    Parameters
    ----------
    written : bool
        It gets a write port. One at most: Yosys makes flip-flops of memories that two ports write.
    unchecked : bool
        What a read gives of a word that is written in the same cycle is not used. Spares the logic that block
        RAM needs for it, if it is read through :func:`read_register`.
    """
    check_memory_kind("Memory kind", kind)
    attributes: dict[str, Any] = {"ram_style": STYLES[written][kind]}
    if unchecked:
        attributes["no_rw_check"] = True
    return memory.Memory(shape=shape, depth=depth, init=init, attrs=attributes)


def read_register(m: Module, contents: memory.Memory, address: ValueLike, *, enable: ValueLike = 1,
                  name: str = "word") -> Any:
    """The word at ``address`` one cycle later, from a read port with a register that ``enable`` loads.

    The same as Amaranth's synchronous read port, but for memories that are ``unchecked``: Yosys obeys that
    only when it moves the register into the memory itself. (ECP5, 256 words of 32 bits: 46 LUT4 and 74
    flip-flops beside the block RAM with the synchronous port, none with this one.)
    """
    port = contents.read_port(domain="comb")
    m.d.comb += port.addr.eq(address)
    word = Signal.like(port.data, name=name, reset_less=True)
    with m.If(enable):
        m.d.sync += word.eq(port.data)
    return word
