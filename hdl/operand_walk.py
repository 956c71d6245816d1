"""Operand walk: the address generator for one input of an engine's layers."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, Value
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .countdown import countdown, loaded_count
from .pipeline import bits_for_range, delay, shape_for
from .table import Table
from .walk_layer import WalkLayer, WalkOperand

__all__ = ["OperandWalk"]


class OperandWalk(wiring.Component):
    """Steps through the taps of one operand, ``take`` by ``take``.

    ``load`` takes over the numbers of ``layer`` and the row of the job. Each ``take`` is a tap; the one that
    is ``done`` is the operand's last of its dot product, behind it stands the first of the next. All
    addresses are sums of increments, there is no multiplier. The loops run one cycle ahead of the sums, which
    so begin at registers: the way on from a tap, and from where.

    ===========  ====================================================================
    Throughput   a tap a cycle
    Latency      :attr:`LATENCY` from ``take`` to ``address`` and ``inside``
    Resources    counters and adders, a table of one row for each layer
    ===========  ====================================================================

    It is the address generation unit of DeepBurning (Wang et al., DAC 2016), with padding and rings of rows;
    columns of layers that resize are the points of a line of Bresenham (IBM Systems Journal, 1965).

    Members
    -------
    layer : ``In``
        Index of the layer to load, steady for two cycles before ``load`` and at it.
    row, padding_top, valid_rows : ``In``
        Start of the first valid row of the job in the region, rows of the kernel above the frame and
        rows inside it, at ``load``.
    load, take : ``In(1)``
    next_block : ``In(1)``
        The next dot product is of the next block of this column, not of the next column; with ``done``.
    done : ``Out(1)``
        The tap that may be taken now is the last one.
    address : ``Out``
        Read to do; the end of a sum, not of a register.
    inside : ``Out(1)``
        There was a tap and it lies inside the frame; else the address means nothing. The end of a comparison.
    """

    LATENCY = 1

    def __init__(self, layers: Sequence[WalkLayer], operand: int) -> None:
        # Layers without this operand never take: they have the numbers of one that does, which cost nothing.
        filler = next(layer for layer in layers if len(layer.operands) > operand)
        self.layers = tuple(layer if len(layer.operands) > operand else filler for layer in layers)
        self.operands = tuple(layer.operands[operand] for layer in self.layers)
        self.resizes = any(number.column_fraction for number in self.operands)
        self.many_rows = any(number.kernel_height > 1 for number in self.operands)
        rows = range(max(number.kernel_height for number in self.operands) + 1)
        addresses = range(max(number.region_base + number.region_reads for number in self.operands))
        super().__init__({
            "layer": In(range(len(layers))),
            "row": In(addresses),
            "padding_top": In(rows),
            "valid_rows": In(rows),
            "load": In(1),
            "take": In(1),
            "next_block": In(1),
            "done": Out(1),
            "address": Out(addresses),
            "inside": Out(1),
        })

    def _rows(self) -> list[dict[str, int]]:
        """For each layer the numbers that the hardware wants, from those that a reader wants."""
        rows = []
        for layer, operand in zip(self.layers, self.operands, strict=True):
            column_reads = (operand.pixel_reads * operand.column_stride
                            - (layer.blocks - 1) * operand.block_reads)
            origin = self._origin(operand)
            row = {
                "kernel_rows": loaded_count(operand.kernel_height),
                "kernel_columns": loaded_count(operand.kernel_width),
                "words": loaded_count(operand.words),
                "origin": origin,
                "start_column": operand.start_column,
                "start_reads": operand.start_reads + origin,
                "input_columns": operand.input_columns,
                "column_dilation": operand.column_dilation,
                # From the last word of one kernel column to the first of the next.
                "tap_reads": operand.pixel_reads * operand.column_dilation - (operand.words - 1),
                "block_reads": operand.block_reads,
                "column_stride": operand.column_stride,
                "column_reads": column_reads,
                # From one row of the kernel to the next: as it is, or around the ring.
                "row_reads": operand.row_reads,
                "wrap_reads": operand.row_reads - operand.region_reads,
            }
            if self.resizes:
                # The phase after the next step less the divisor: its sign says whether that step is longer.
                row |= {
                    "long_reads": column_reads + operand.pixel_reads,
                    "phase": operand.column_phase + operand.column_fraction - operand.column_divisor,
                    "fraction": operand.column_fraction,
                    "fraction_long": operand.column_fraction - operand.column_divisor,
                }
            rows.append(row)
        return rows

    def _origin(self, operand: WalkOperand) -> int:
        """What the starts of rows are counted from; the reads within a row have as much more.

        It is the first row whose next one lies around the ring: the sign of a row says that it is before.
        """
        return operand.region_base + operand.region_reads - operand.row_reads if self.many_rows else 0

    def _row_shape(self) -> Shape:
        """The shape of all starts of rows, counted from the origin."""
        starts = [operand.region_base - self._origin(operand) for operand in self.operands]
        ends = [start + operand.region_reads for start, operand in zip(starts, self.operands, strict=True)]
        return bits_for_range(min(*starts, -1) if self.many_rows else 0, max(ends) - 1)

    def _columns(self) -> Shape:
        """The shape of all columns that taps may lie in, those outside of the frame with them."""
        low, high = 0, 0
        for layer, operand in zip(self.layers, self.operands, strict=True):
            steps = layer.columns * (operand.column_stride + (operand.column_fraction > 0))
            low = min(low, operand.start_column)
            high = max(high, operand.input_columns,
                       operand.start_column + steps + operand.kernel_width * operand.column_dilation)
        return bits_for_range(min(low, -1), high)

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.submodules.table = table = Table(self._rows())
        m.d.comb += table.index.eq(port.layer)

        # The numbers of the job that runs, while `table` already shows the next one's.
        now = table.held(m, port.load, [name for name in table.column_shapes if name not in (
            "origin", "start_column", "start_reads", "input_columns", "phase")])
        # One cycle later, with the sums: what these need of a job at its last tap.
        loaded = delay(m, port.load, 1, "load")
        now |= table.held(m, loaded, ["input_columns"])

        word_end, column_end, inside_rows = self._loops(m, table, now)

        # How the sums go on from this tap: by a step, from this tap or from the first one of the dot product.
        # A job begins with a step from zero.
        going = Signal(reset_less=True)
        from_dot = Signal(reset_less=True)
        begins_dot = Signal(reset_less=True)
        m.d.sync += [
            going.eq(port.load | port.take),
            from_dot.eq(word_end & column_end),
            begins_dot.eq(port.load | (port.take & port.done)),
        ]
        reads_step, columns_step = self._steps(m, table, now, word_end=word_end, column_end=column_end)

        def walk(first: Signal, tap: Signal, step: Value) -> None:
            """Step ``tap`` on, and ``first``, the first tap of the dot product."""
            following = Signal.like(tap, name=f"{tap.name}_next")
            m.d.comb += following.eq(Mux(loaded, 0, Mux(from_dot, first, tap)) + step)
            with m.If(going):
                m.d.sync += tap.eq(following)
            with m.If(begins_dot):
                m.d.sync += first.eq(following)

        # Reads from the start of the row, and columns of the frame. Columns left of the frame are negative;
        # offsets wrap as the addresses do.
        tap_reads = Signal.like(port.address, reset_less=True)
        walk(Signal.like(tap_reads, name="dot_reads"), tap_reads, reads_step)
        tap_column = Signal(self._columns(), reset_less=True)
        walk(Signal.like(tap_column, name="dot_column"), tap_column, columns_step)

        row = Signal(self._row_shape(), name="row_now", reset_less=True)
        row_start = Signal.like(row, name="row_start")
        with m.If(port.load):
            m.d.sync += row_start.eq(port.row - table.origin)
        if self.many_rows:
            row_step = Mux(row[-1], now["row_reads"], now["wrap_reads"])
            with m.If(begins_dot | (from_dot & inside_rows)):
                # One sum, nothing behind it: this is the longest way of a walk.
                m.d.sync += row.eq(Mux(begins_dot, row_start, row) + Mux(begins_dot, 0, row_step))
        else:
            with m.If(begins_dot):
                m.d.sync += row.eq(row_start)

        m.d.comb += [
            port.address.eq(row + tap_reads),
            port.inside.eq(inside_rows & (tap_column >= 0) & (tap_column < now["input_columns"])),
        ]
        return m

    def _loops(self, m: Module, table: Any, now: dict[str, Value]) -> tuple[Value, Value, Signal]:
        """Count taps and find out when the operand is done.

        Returns that this is the last word, that it is the last column, and one cycle later that there was a
        tap in a row inside the frame.
        """
        port: Any = self
        next_column, next_row = Signal(), Signal()
        words = countdown(m, table, now, "words", load=port.load, step=port.take)
        columns = countdown(m, table, now, "kernel_columns", load=port.load, step=next_column)
        rows = countdown(m, table, now, "kernel_rows", load=port.load, step=next_row)
        word_end, column_end, row_end = words[-1], columns[-1], rows[-1]
        m.d.comb += [
            next_column.eq(port.take & word_end),
            next_row.eq(port.take & word_end & column_end),
        ]
        # All three at their end: from a register too, which looks a tap ahead. Loops of a single pass are at
        # their end when they begin anew.
        alone = {name: now[name] < 0 for name in ("words", "kernel_columns", "kernel_rows")}
        with m.If(port.load):
            m.d.sync += port.done.eq((table.words < 0) & (table.kernel_columns < 0) & (table.kernel_rows < 0))
        with m.Elif(port.take):
            with m.If(~word_end):
                m.d.sync += port.done.eq((words == 0) & column_end & row_end)
            with m.Elif(~column_end):
                m.d.sync += port.done.eq(alone["words"] & (columns == 0) & row_end)
            with m.Elif(~port.done):
                m.d.sync += port.done.eq(alone["words"] & alone["kernel_columns"] & (rows == 0))
            with m.Else():
                m.d.sync += port.done.eq(alone["words"] & alone["kernel_columns"] & alone["kernel_rows"])

        # Rows inside the frame.
        padding_top = Signal.like(port.padding_top, reset_less=True)
        valid_end = Signal(len(port.valid_rows) + 1, reset_less=True)
        kernel_row = Signal.like(port.valid_rows, name="kernel_row", reset_less=True)
        with m.If(port.load):
            m.d.sync += [padding_top.eq(port.padding_top), valid_end.eq(port.padding_top + port.valid_rows)]
        with m.If(port.load | (port.take & port.done)):
            m.d.sync += kernel_row.eq(0)
        with m.Elif(next_row):
            m.d.sync += kernel_row.eq(kernel_row + 1)
        inside_rows = Signal(reset_less=True)
        m.d.sync += inside_rows.eq(port.take & (kernel_row >= padding_top) & (kernel_row < valid_end))
        return word_end, column_end, inside_rows

    def _steps(self, m: Module, table: Any, now: dict[str, Value], *, word_end: Value,
               column_end: Value) -> tuple[Signal, Signal]:
        """Reads and columns from this tap, or from the first one of its dot product, to the next tap."""
        port: Any = self
        column_reads: Value = now["column_reads"]
        column_stride: Value = now["column_stride"]
        if self.resizes:
            phase = Signal(bits_for_range(-max(operand.column_divisor for operand in self.operands),
                                          max(operand.column_fraction for operand in self.operands)),
                           reset_less=True)
            longer = ~phase[-1]
            column_reads = Mux(longer, now["long_reads"], column_reads)
            column_stride = column_stride + longer
            with m.If(port.load):
                m.d.sync += phase.eq(table.phase)
            with m.Elif(port.take & port.done & ~port.next_block):
                m.d.sync += phase.eq(Mux(longer, phase + now["fraction_long"], phase + now["fraction"]))

        names = ["start_reads", "tap_reads", "block_reads", "column_reads", *["long_reads"] * self.resizes]
        shape = shape_for([1, *(row[name] for row in table.contents for name in names)])
        reads = Signal(Shape(max(min(shape.width, len(port.address)), 1), signed=shape.signed),
                       name="reads_step", reset_less=True)
        columns = Signal(shape_for(
            [1, *(row[name] for row in table.contents for name in ("start_column", "column_dilation")),
             *(row["column_stride"] + self.resizes for row in table.contents)]),
            name="columns_step", reset_less=True)
        with m.If(port.load):
            m.d.sync += [reads.eq(table.start_reads), columns.eq(table.start_column)]
        with m.Elif(~word_end):
            m.d.sync += [reads.eq(1), columns.eq(0)]
        with m.Elif(~column_end):
            m.d.sync += [reads.eq(now["tap_reads"]), columns.eq(now["column_dilation"])]
        with m.Elif(~port.done):
            m.d.sync += [reads.eq(0), columns.eq(0)]
        with m.Elif(port.next_block):
            m.d.sync += [reads.eq(now["block_reads"]), columns.eq(0)]
        with m.Else():
            m.d.sync += [reads.eq(column_reads), columns.eq(column_stride)]
        return reads, columns
