"""Drain: which result is which, behind the array, and where it goes in the feature memories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .mixed_radix import MixedRadix
from .one_hot import choose
from .pipeline import delay
from .table import Table

__all__ = ["Drain", "DrainLayer", "WriteLayer", "WriteWalk", "slot_marks"]


@dataclass(frozen=True, kw_only=True)
class DrainLayer:
    """The results of one layer: ``columns`` x ``blocks`` dot products a job, ``slots`` slots a column."""

    columns: int
    blocks: int
    slots: int
    """Slots of a column that hold output channels; the array may make more, they are dropped."""
    parameter_base: int
    """First of the layer's requantizer slots, which are stored in the order of the drain."""


@dataclass(frozen=True, kw_only=True)
class WriteLayer:
    """Where the results of one layer go in one feature memory, in words of that memory; a slot is a write."""

    writes: bool
    """Whether the layer writes to this memory at all."""
    writes_per_word: int
    """Slots of a word, the same for all layers."""
    blocks: int
    pixel_words: int
    """Words from one column to the next, channels padded to whole ones."""
    row_words: int
    region_base: int
    region_rows: int

    @property
    def region_end(self) -> int:
        """The word behind the region."""
        return self.region_base + self.region_rows * self.row_words


def slot_marks(layers: int) -> data.StructLayout:
    """What is known of a slot: all that a write needs besides the values."""
    return data.StructLayout({
        "valid": 1,
        "job_first": 1,      # first slot of a job
        "column_first": 1,   # first slot of a column
        "dot_first": 1,      # first slot of a dot product
        "enabled": 1,        # holds output channels
        "job_last": 1,       # last slot of a job
        "layer": range(layers),
    })


class Drain(wiring.Component):
    """Counts the slots that leave an array and names each: its requantizer parameters and its marks.

    ``dot`` announces a dot product one cycle before its first slot, with the layer one cycle earlier still.
    Slots come from the highest group of columns to the lowest (see
    :class:`~gatecast.hdl.systolic.SystolicArray`). Outputs are right at the slot's own cycle.

    With ``offsets``, the number of values that ``offset`` takes, the requantizer slots of a column are moved
    by what ``offset`` is at ``dot`` for its first block: where they depend on how much of a kernel lies
    inside the frame, which is the same for all blocks.

    ===========  ====================================================================
    Throughput   a slot a cycle, a dot product every ``groups`` cycles
    Latency      one cycle from ``dot`` to its first slot
    Resources    counters, and a table of one row for each layer
    ===========  ====================================================================

    Members
    -------
    layer : ``In``
        Layer of the dot product that is announced in the next cycle.
    dot : ``In(1)``
        The first slot of a dot product comes in the next cycle.
    offset : ``In``
        Only with ``offsets``: what is added to the requantizer slot, with ``dot``.
    parameter : ``Out``
        Requantizer slot.
    marks : ``Out``
        See :func:`slot_marks`.
    """

    def __init__(self, layers: Sequence[DrainLayer], *, groups: int, offsets: int = 0) -> None:
        self.layers, self.groups, self.offsets = tuple(layers), groups, offsets
        parameters = max(layer.parameter_base + layer.blocks * groups for layer in layers)
        super().__init__({
            "layer": In(range(len(layers))),
            "dot": In(1),
            **({"offset": In(range(offsets))} if offsets else {}),
            "parameter": Out(range(parameters + max(offsets - 1, 0))),
            "marks": Out(slot_marks(len(layers))),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        # What is left behind this column, block or group, less one: the sign says that nothing is.
        m.submodules.table = table = Table([{
            "columns_left": layer.columns - 2,
            "blocks_left": layer.blocks - 2,
            "last_groups": layer.slots - (layer.blocks - 1) * self.groups,
            "parameter_base": layer.parameter_base,
        } for layer in self.layers])
        m.d.comb += table.index.eq(port.layer)
        layer = Signal.like(port.layer, reset_less=True)
        m.d.sync += layer.eq(port.layer)

        columns_left = Signal(range(-1, max(layer.columns for layer in self.layers) - 1), init=-1)
        blocks_left = Signal(range(-1, max(layer.blocks for layer in self.layers) - 1), init=-1)
        groups_left = Signal(range(-1, self.groups - 1), init=-1)
        last_groups = Signal.like(table.last_groups, name="last_groups", reset_less=True)
        last_block, last_group = blocks_left[-1], groups_left[-1]
        job_done = Signal()           # the dot product of these slots is the last one of its job
        marks = port.marks

        parameter_base = table.parameter_base
        if self.offsets:
            parameter_base = parameter_base + port.offset
        m.d.comb += job_done.eq(last_block & columns_left[-1])
        with m.If(port.dot):
            m.d.sync += [
                blocks_left.eq(Mux(last_block, table.blocks_left, blocks_left - 1)),
                groups_left.eq(self.groups - 2),
                last_groups.eq(table.last_groups),
                marks.layer.eq(layer),
            ]
            with m.If(last_block):
                m.d.sync += columns_left.eq(Mux(columns_left[-1], table.columns_left, columns_left - 1))
        with m.Elif(~last_group):
            m.d.sync += groups_left.eq(groups_left - 1)
        with m.If(port.dot | ~last_group):
            m.d.sync += port.parameter.eq(Mux(port.dot & last_block, parameter_base, port.parameter + 1))
        m.d.sync += [
            marks.valid.eq(port.dot | ~last_group),
            marks.dot_first.eq(port.dot),
            marks.column_first.eq(port.dot & last_block),
            marks.job_first.eq(port.dot & job_done),
        ]
        m.d.comb += [
            marks.enabled.eq(~last_block | (groups_left < last_groups - 1)),
            marks.job_last.eq(marks.valid & job_done & last_group),
        ]
        return m


class WriteWalk(wiring.Component):
    """Address of each slot in one feature memory: regions are rings of rows, a row after each job.

    The ring is the row buffer of DNNBuilder (Zhang et al., ICCAD 2018), of any number of rows.

    ===========  ====================================================================
    Throughput   a slot a cycle
    Latency      :attr:`LATENCY`
    Resources    adders, a ring counter of rows for each layer and a table of one row for each; no multiplier
    ===========  ====================================================================

    Members
    -------
    marks : ``In``
        Marks of the slot. Those of a dot product come one behind the other, ``groups`` of them.
    enable, address : ``Out``
        The write, :attr:`LATENCY` cycles after the marks; see
        :class:`~gatecast.hdl.mixed_radix.MixedRadix` for the address.
    """

    # The layer, the table and its row, the step, the address.
    LATENCY = 4

    def __init__(self, layers: Sequence[WriteLayer], *, groups: int) -> None:
        self.layers, self.groups = tuple(layers), groups
        parts = {layer.writes_per_word for layer in layers}
        if len(parts) != 1:
            raise ValueError(f"All layers must have the same writes_per_word in a memory, "
                             f"not {sorted(parts)}")
        self.radix = MixedRadix(*parts)
        for index, layer in enumerate(layers):
            if layer.writes and layer.pixel_words * self.radix.parts <= (layer.blocks - 1) * groups:
                raise ValueError(f"A column of layer {index} must have words for {layer.blocks} blocks of "
                                 f"{groups} slots, not {layer.pixel_words} of {self.radix.parts}")
        self.words = max(layer.region_end for layer in layers)
        self.addresses = self.words << self.radix.part_bits
        super().__init__({
            "marks": In(slot_marks(len(layers))),
            "enable": Out(1),
            "address": Out(range(self.addresses)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        radix = self.radix
        width = len(port.address)
        m.submodules.table = table = Table([{
            "writes": layer.writes,
            # From slot 0 of the last block to the highest slot of the first block of the next column.
            "column_step": radix.step(layer.pixel_words * radix.parts - (layer.blocks - 2) * self.groups - 1)
            % (1 << width) if layer.writes else 0,
        } for layer in self.layers])
        marks = port.marks
        m.d.comb += table.index.eq(delay(m, marks.layer, 1, "layer"))
        valid = delay(m, marks.valid, 3, "valid", reset=True)
        job_first = delay(m, marks.job_first, 3, "job_first", reset=True)
        column_first = delay(m, marks.column_first, 2, "column_first", reset=True)
        dot_first = delay(m, marks.dot_first, 2, "dot_first", reset=True)
        enabled = delay(m, marks.valid & marks.enabled, 2, "enabled", reset=True)

        # One-hot whose job begins. The row of that layer's next job goes on as soon as a job has taken it.
        begins = Signal(len(self.layers))
        m.d.sync += begins.eq(Cat(marks.job_first & (marks.layer == index)
                                  for index in range(len(self.layers))))
        row = Signal(range(self.words), reset_less=True)
        m.d.sync += row.eq(choose(begins, (self._ring(m, index, layer, begins[index])
                                           for index, layer in enumerate(self.layers))))

        # Slots come from the highest to the lowest, and the highest ones of the last block may lie beyond
        # the row, even beyond the memory, but those are not enabled.
        words, part = divmod(self.groups - 1, radix.parts)
        start = Signal(width, reset_less=True)
        m.d.sync += start.eq(Cat(Const(part, radix.part_bits), row + words))
        step = Signal(width, reset_less=True)
        with m.If(column_first):
            m.d.sync += step.eq(table.column_step)
        with m.Elif(dot_first):
            m.d.sync += step.eq(radix.step(2 * self.groups - 1))
        with m.Else():
            m.d.sync += step.eq(radix.step(-1))
        with m.If(job_first):
            m.d.sync += port.address.eq(start)
        with m.Elif(valid):
            m.d.sync += port.address.eq(radix.add(port.address, step))
        m.d.sync += port.enable.eq(delay(m, enabled & table.writes, 1, "writes", reset=True))
        return m

    def _ring(self, m: Module, index: int, layer: WriteLayer, advance: Value) -> Value:
        """The first word of the row that the layer writes next."""
        if not layer.writes or layer.region_rows == 1:
            return Const(layer.region_base, range(self.words))
        row = Signal(range(self.words), name=f"row_{index}", init=layer.region_base)
        # The last row is known before it is the row, so that no comparison stands before the sum.
        at_last = Signal(name=f"at_last_{index}", init=0)
        with m.If(advance):
            m.d.sync += [
                row.eq(Mux(at_last, layer.region_base, row + layer.row_words)),
                at_last.eq(~at_last & (row == layer.region_end - 2 * layer.row_words)),
            ]
        return row
