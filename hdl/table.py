"""Tables of numbers: what differs from layer to layer, read by index."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from amaranth.hdl import Const, Module, Shape, Signal, Value, ValueLike
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .pipeline import shape_for
from .storage import MemoryKind, check_memory_kind, make_memory

__all__ = ["Table"]


class Table(wiring.Component):
    """A read-only table; each column is as wide as its numbers need, a constant column is no memory at all.

    The columns appear as outputs one cycle after ``index`` (:attr:`LATENCY`).

    Parameters
    ----------
    rows : sequence of mappings from column name to int
        The contents; all rows have the same columns.
    kind : MemoryKind, optional
        What the memory is made of; without it :meth:`kind` says.

    Members
    -------
    index : ``In(range(len(rows)))``
        Row to read.
    one member for each column : ``Out``
        The number in that column.
    """

    LATENCY = 1

    # Of ECP5: what a block RAM is worth in LUTs, its shapes in words and bits, the words that a LUT holds.
    BLOCK_LUTS = 400
    BLOCK_SHAPES = ((512, 36), (1024, 18), (2048, 9), (4096, 4), (8192, 2), (16384, 1))
    LUT_WORDS = 16

    def __init__(self, rows: Sequence[Mapping[str, int]], kind: MemoryKind | None = None) -> None:
        if not rows:
            raise ValueError("Table needs at least one row")
        if any(row.keys() != rows[0].keys() for row in rows):
            raise ValueError("Table needs the same columns in all rows")
        self.stored_in = self.kind(rows) if kind is None else kind
        check_memory_kind("Table kind", self.stored_in)
        self.contents = [{column: int(number) for column, number in row.items()} for row in rows]
        self.column_shapes = self.shapes(rows)
        super().__init__({
            "index": In(range(len(rows))),
            **{column: Out(shape) for column, shape in self.column_shapes.items()},
        })

    @staticmethod
    def shapes(rows: Sequence[Mapping[str, int]]) -> dict[str, Shape]:
        """The shape of each column."""
        return {column: shape_for(row[column] for row in rows) for column in rows[0]}

    @classmethod
    def bits(cls, rows: Sequence[Mapping[str, int]]) -> int:
        """Bits of memory that these rows take."""
        return len(rows) * sum(shape.width for column, shape in cls.shapes(rows).items()
                               if cls._varies(rows, column))

    @classmethod
    def kind(cls, rows: Sequence[Mapping[str, int]]) -> MemoryKind:
        """What a memory for these rows is best made of, by its size alone.

        Logic, as long as its LUTs, at most about one for each 16 words and bit, are worth no more than the
        block RAMs would be, at 400 LUTs each: up to 176 rows of 36 bits, or up to 800 rows of 8 bits. Logic
        is also the faster one: the output of a block RAM without its register is slow on most families.
        """
        width = cls.bits(rows) // len(rows)
        luts = width * -(-len(rows) // cls.LUT_WORDS)
        blocks = min(-(-len(rows) // words) * -(-width // bits) for words, bits in cls.BLOCK_SHAPES)
        return "lut" if luts <= cls.BLOCK_LUTS * blocks else "block"

    def held(self, m: Module, load: ValueLike, names: Iterable[str]) -> dict[str, Value]:
        """Columns as they were at the last ``load``, from the cycle after it on."""
        columns: dict[str, Value] = {}
        for name in names:
            columns[name] = getattr(self, name)
            if self._varies(self.contents, name):
                columns[name] = Signal.like(columns[name], name=name, reset_less=True)
                with m.If(load):
                    m.d.sync += columns[name].eq(getattr(self, name))
        return columns

    @staticmethod
    def _varies(rows: Sequence[Mapping[str, int]], column: str) -> bool:
        return len({row[column] for row in rows}) > 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        stored = {column: shape for column, shape in self.column_shapes.items()
                  if self._varies(self.contents, column)}
        for column in self.column_shapes:
            if column not in stored:
                m.d.comb += getattr(self, column).eq(self.contents[0][column])
        if stored:
            layout = data.StructLayout(stored)
            init: list[Any] = [{column: row[column] for column in stored} for row in self.contents]
            m.submodules.contents = contents = make_memory(
                self.stored_in, shape=layout, depth=len(init), init=init)
            port = contents.read_port()
            m.d.comb += [port.addr.eq(self.index), port.en.eq(Const(1))]
            for column in stored:
                m.d.comb += Value.cast(getattr(self, column)).eq(port.data[column])
        return m
