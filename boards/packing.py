"""How many cells a memory takes: exactly for block RAM, as an estimate in lookup tables.

Yosys decides how a memory becomes block RAMs, by price and not by count. The rule below is that of its pass
``memory_libmap`` (Yosys 0.70, passes/memory/memory_libmap.cc) with the cells of its libraries
lattice/brams_16kd.txt, ice40/brams.txt, gowin/brams.txt and xilinx/brams_xc4v.txt, for the one shape of
memory that the hardware here emits: synchronous read ports, at most one write port, one clock,
``no_rw_check``.

Each kind of cell is tried at each of its widths:

* The cell has ``rows`` words of that width, and the memory ``banks = ceil(depth / rows)``.
* A word takes its own width where the memory is read-only. Where it is written, each part that is written on
  its own is rounded up to what one write enable of the cell covers: 9 bits, the cell's width where that is
  narrower, or a single bit (iCE40 at 16 bits).
* The words of all banks lie side by side without gaps: ``cells = ceil(banks * word / cell width)``, as many
  times as the read ports need.
* The price is that of the cells, half a unit for each bit that is chosen from another bank
  (``(banks - 1) * width`` for each read port) and half a unit for each write enable of more than one bank.

The lowest price wins. So a deep memory may take more cells than its bits need, where that saves multiplexers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from operator import attrgetter
from types import MappingProxyType

__all__ = ["bank_bits", "block_rams", "lut_ram_luts"]


@dataclass(frozen=True, kw_only=True)
class _Cell:
    """One kind of block RAM in Yosys' library.

    Parameters
    ----------
    widths : tuple of int
        What a port may be set to; each halves the rows of the one before.
    rows : int
        Words at the first of the widths.
    price : int
        What Yosys lets it cost.
    enable_bits : int or None
        What one write enable covers, where the width is no less; None where it is always the width.
    narrowest_write, widest_write : int
        Limits to the width of the write port; a wider read port takes no part in the choice.
    read_ports, spare_reads : int
        Synchronous read ports: without a write port, and beside one. 0 where there are none.
    blocks : int
        How many block RAMs of the data sheet it stands for.
    """

    widths: tuple[int, ...]
    rows: int
    price: int
    enable_bits: int | None = 9
    narrowest_write: int = 1
    widest_write: int = 72
    read_ports: int = 1
    spare_reads: int = 1
    blocks: int = 1


_TO_18 = (1, 2, 4, 9, 18)
_TO_36 = (*_TO_18, 36)
_TO_72 = (*_TO_36, 72)
_ICE40 = (2, 4, 8, 16)
_ROWS = 16 * 1024

_CELLS = MappingProxyType({
    # DP16KD with two equal ports; PDPW16KD, which is the same RAM with a write port of 36 bits.
    "ecp5": (
        _Cell(widths=_TO_18, rows=_ROWS, price=128, read_ports=2),
        _Cell(widths=_TO_36, rows=_ROWS, price=128, narrowest_write=36),
    ),
    # SB_RAM40_4K with its write mask, which works at 16 bits, and without.
    "ice40": (
        _Cell(widths=_ICE40, rows=2048, price=64, enable_bits=1),
        _Cell(widths=_ICE40, rows=2048, price=64, enable_bits=None, widest_write=8),
    ),
    # SP(X9), DP(X9)B and SDP(X9)B.
    "gowin": (
        _Cell(widths=_TO_36, rows=_ROWS, price=128, spare_reads=0),
        _Cell(widths=_TO_18, rows=_ROWS, price=128, read_ports=2),
        _Cell(widths=_TO_36, rows=_ROWS, price=128),
    ),
    # RAMB18E1, RAMB36E1 and two cascaded RAMB36E1 with two equal ports; the first two with one port each way.
    "xc7": (
        _Cell(widths=_TO_18, rows=_ROWS, price=129, read_ports=2),
        _Cell(widths=_TO_36, rows=2 * _ROWS, price=257, read_ports=2, blocks=2),
        _Cell(widths=(1,), rows=4 * _ROWS, price=513, read_ports=2, blocks=4),
        _Cell(widths=_TO_36, rows=_ROWS, price=129),
        _Cell(widths=_TO_72, rows=2 * _ROWS, price=257, blocks=2),
    ),
})


def block_rams(family: str, *, depth: int, width: int, writable: bool, write_bits: int | None = None,
               read_ports: int = 1) -> int:
    """Return how many block RAMs of the family a memory of ``ram_style="block"`` takes.

    They are those of `Part.block_rams`: DP16KD, SB_RAM40_4K, BSRAM, and on xc7 blocks of 18 kbit, which are
    halves of a RAMB36E1. Exact for what Yosys 0.70 makes of an RTLIL design; two things take less:

    * Yosys drops columns of a read-only memory that hold the same bit in every row, so `width` is to be
      that without them. One row is all constant and takes nothing.
    * A written memory of a single row becomes registers where the design passes through Verilog.

    Parameters
    ----------
    family : str
        "ecp5", "ice40", "gowin" or "xc7".
    depth, width : int
        Words, and bits of a word.
    writable : bool
        Whether there is a write port.
    write_bits : int or None
        Bits of a part of the word that is written on its own; None where whole words are written.
    read_ports : int
        Synchronous read ports.
    """
    return _packed(family, depth, width, writable, write_bits, read_ports).blocks


def bank_bits(family: str, *, depth: int, width: int, writable: bool, write_bits: int | None = None,
              read_ports: int = 1) -> int:
    """Return how many bits are chosen from one more bank where such a memory is cut into banks by depth.

    What logic that takes is not known here; the parameters are those of `block_rams`.
    """
    return (_packed(family, depth, width, writable, write_bits, read_ports).banks - 1) * width * read_ports


@dataclass(frozen=True, kw_only=True)
class _Packing:
    """A way to make a memory of one kind of cell."""

    price: float
    blocks: int
    banks: int


def _packed(family: str, depth: int, width: int, writable: bool, write_bits: int | None,
            read_ports: int) -> _Packing:
    """The cheapest way."""
    if family not in _CELLS:
        raise ValueError(f"family must be one of {', '.join(_CELLS)}, not {family}")
    if depth < 1 or width < 1 or read_ports < 1:
        raise ValueError(f"a memory must have words, bits and read ports, "
                         f"not depth {depth}, width {width} and {read_ports} read ports")
    part = width if write_bits is None else write_bits
    if part < 1 or width % part or (write_bits is not None and not writable):
        raise ValueError(f"write_bits must divide the {width} bits of a memory that is written, "
                         f"not {write_bits}")
    if depth == 1 and not writable:
        return _Packing(price=0, blocks=0, banks=1)
    return min((way for cell in _CELLS[family]
                for way in _ways(cell, depth, width, part if writable else 0, read_ports)),
               key=attrgetter("price"))


@dataclass(frozen=True, kw_only=True)
class _Luts:
    """How a family holds a memory in lookup tables.

    Parameters
    ----------
    rows : int
        Rows of one column that a lookup table holds.
    joined : int
        Lookup tables that dedicated multiplexers join to a larger one for nothing; 0 where there are none.
    cells : tuple
        The cells that can be written: rows and bits of each; all take 4 lookup tables.
    chosen : float
        Lookup tables to choose a bit from one bank more of those cells.
    """

    rows: int
    joined: int
    cells: tuple[tuple[int, int], ...]
    chosen: float


# TRELLIS_DPR16X4; none; RAM16SDP4; RAM32M and RAM64M.
_LUTS = MappingProxyType({
    "ecp5": _Luts(rows=16, joined=8, cells=((16, 4),), chosen=1.4),
    "ice40": _Luts(rows=16, joined=0, cells=(), chosen=0),
    "gowin": _Luts(rows=16, joined=16, cells=((16, 4),), chosen=1.25),
    "xc7": _Luts(rows=64, joined=4, cells=((32, 6), (64, 3)), chosen=0.5),
})


def lut_ram_luts(family: str, *, depth: int, width: int, writable: bool) -> int:
    """Estimate how many lookup tables of the family a memory of kind "lut" takes.

    They are those of `Part.luts`. A written memory is one of LUT RAM, with multiplexers between its banks; on
    iCE40, which has none, one of flip-flops, and as many flip-flops come on top. A read-only memory is logic
    of columns that look random; others take less.

    Error against Yosys 0.70 with random contents, of memories of 20 lookup tables and more: on shapes it was
    not fitted to, in the median up to 8 % and in 36 shapes -31 to +13 % (ecp5, gowin); on those it was fitted
    to -30 to +20 % on ice40 (40 shapes) and -33 to +4 % on xc7 (8 shapes). Worst are single columns, and
    banks whose number is no power of two. What chooses the bank to write is not counted on its own.

    Parameters
    ----------
    family : str
        "ecp5", "ice40", "gowin" or "xc7".
    depth, width : int
        Words, and bits of a word that are no constants.
    writable : bool
        Whether there is a write port.
    """
    if family not in _LUTS:
        raise ValueError(f"family must be one of {', '.join(_LUTS)}, not {family}")
    if depth < 1 or width < 1:
        raise ValueError(f"a memory must have words and bits, not depth {depth} and width {width}")
    luts = _LUTS[family]
    if writable:
        return min((_written(luts, -(-depth // rows), -(-width // bits), width) for rows, bits in luts.cells),
                   default=depth * width)
    # So many functions of the address there are, and equal columns are made once.
    columns = min(width, 1 << depth)
    if depth <= luts.rows:
        return columns
    if not luts.joined:
        # Multiplexers cost as much as they choose from; a part of both is shared.
        return math.ceil(columns * depth / 7.5)
    parts = -(-depth // luts.rows)
    joined = 1 << (parts - 1).bit_length()
    if joined > luts.joined:
        # Multiplexers of lookup tables join them, and those that would be empty are left out.
        return math.ceil(columns * min(joined + joined // luts.joined - 1, 1.35 * parts))
    return columns * joined


def _written(luts: _Luts, banks: int, columns: int, width: int) -> int:
    return 4 * banks * columns + math.ceil(luts.chosen * (banks - 1) * width)


def _ways(cell: _Cell, depth: int, width: int, part: int, read_ports: int) -> Iterator[_Packing]:
    """Yield the best way to use `cell`, if any; `part` is 0 without a write port."""
    ports = cell.spare_reads if part else cell.read_ports
    if not ports:
        return
    copies = -(-read_ports // ports)
    best: _Packing | None = None
    for index, cell_width in enumerate(cell.widths):
        # Below the 9 bits of an enable a cell only writes through a port as narrow.
        if part and (cell_width > cell.widest_write or cell_width < min(9, cell.narrowest_write)):
            continue
        banks = -(-depth // (cell.rows >> index))
        word = width
        if part:
            enable = min(cell.enable_bits or cell_width, cell_width)
            word = -(-part // enable) * enable * (width // part)
        cells = -(-banks * word // cell_width) * copies
        price = cell.price * cells + (banks - 1) * width * read_ports / 2
        if part and banks > 1:
            price += banks * (width // part) / 2
        # Yosys keeps the price of the best so far without its half.
        if best is None or price < int(best.price):
            best = _Packing(price=price, blocks=cells * cell.blocks, banks=banks)
    if best is not None:
        yield best
