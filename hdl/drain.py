"""Drain: which result is which, behind the array, and where it goes in the feature memories."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .mixed_radix import MixedRadix
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
        m.submodules.table = table = Table([{
            "columns_left": layer.columns - 1,
            "blocks_left": layer.blocks - 1,
            "last_groups": layer.slots - (layer.blocks - 1) * self.groups,
            "parameter_base": layer.parameter_base,
        } for layer in self.layers])
        m.d.comb += table.index.eq(port.layer)
        layer = Signal.like(port.layer, reset_less=True)
        m.d.sync += layer.eq(port.layer)

        columns_left = Signal(range(max(layer.columns for layer in self.layers)))
        blocks_left = Signal(range(max(layer.blocks for layer in self.layers)))
        groups_left = Signal(range(self.groups))
        groups_used = Signal(range(self.groups + 1), reset_less=True)
        job_done = Signal(init=1)     # the dot product of these slots is the last one of its job
        marks = port.marks

        parameter_base = table.parameter_base
        if self.offsets:
            parameter_base = parameter_base + port.offset
        next_columns = Signal.like(columns_left)
        next_blocks = Signal.like(blocks_left)
        m.d.comb += [
            next_columns.eq(Mux(job_done, table.columns_left,
                                Mux(blocks_left == 0, columns_left - 1, columns_left))),
            next_blocks.eq(Mux(job_done | (blocks_left == 0), table.blocks_left, blocks_left - 1)),
        ]
        with m.If(port.dot):
            m.d.sync += [
                columns_left.eq(next_columns),
                blocks_left.eq(next_blocks),
                job_done.eq((next_columns == 0) & (next_blocks == 0)),
                groups_left.eq(self.groups - 1),
                groups_used.eq(Mux(next_blocks == 0, table.last_groups, self.groups)),
                marks.valid.eq(1),
                marks.dot_first.eq(1),
                marks.column_first.eq(job_done | (blocks_left == 0)),
                marks.job_first.eq(job_done),
                marks.layer.eq(layer),
                port.parameter.eq(
                    Mux(job_done | (blocks_left == 0), parameter_base, port.parameter + 1)),
            ]
        with m.Else():
            m.d.sync += [
                marks.valid.eq(groups_left != 0),
                marks.dot_first.eq(0), marks.column_first.eq(0), marks.job_first.eq(0),
            ]
            with m.If(groups_left != 0):
                m.d.sync += [groups_left.eq(groups_left - 1), port.parameter.eq(port.parameter + 1)]
        m.d.comb += [
            marks.enabled.eq(groups_left < groups_used),
            marks.job_last.eq(marks.valid & job_done & (groups_left == 0)),
        ]
        return m


class WriteWalk(wiring.Component):
    """Address of each slot in one feature memory: regions are rings of rows, a row after each job.

    The ring is the row buffer of DNNBuilder (Zhang et al., ICCAD 2018), of any number of rows.

    ===========  ====================================================================
    Throughput   a slot a cycle
    Latency      :attr:`LATENCY`
    Resources    adders, a register for each layer and a table of one row for each; no multiplier
    ===========  ====================================================================

    Members
    -------
    layer : ``In``
        Layer of the slot that comes in the next cycle.
    marks : ``In``
        Marks of the slot. Those of a dot product come one behind the other, ``groups`` of them.
    enable, address : ``Out``
        The write, one cycle (:attr:`LATENCY`) after the marks; see
        :class:`~gatecast.hdl.mixed_radix.MixedRadix` for the address.
    """

    LATENCY = 1

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
            "layer": In(range(len(layers))),
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
            "row_words": layer.row_words,
            "region_end": layer.region_end,
            "region_words": layer.region_rows * layer.row_words,
        } for layer in self.layers])
        m.d.comb += table.index.eq(port.layer)
        row_start = Array(Signal(range(self.words), name=f"row_start_{index}", init=layer.region_base)
                          for index, layer in enumerate(self.layers))

        # Slots come from the highest to the lowest, and the highest ones of the last block may lie beyond
        # the row, even beyond the memory, but those are not enabled.
        marks = port.marks
        words, part = divmod(self.groups - 1, radix.parts)
        step = Signal(width)
        with m.If(marks.column_first):
            m.d.comb += step.eq(table.column_step)
        with m.Elif(marks.dot_first):
            m.d.comb += step.eq(radix.step(2 * self.groups - 1))
        with m.Else():
            m.d.comb += step.eq(radix.step(-1))
        with m.If(marks.job_first):
            m.d.sync += port.address.eq(Cat(Const(part, radix.part_bits), row_start[marks.layer] + words))
        with m.Elif(marks.valid):
            m.d.sync += port.address.eq(radix.add(port.address, step))
        m.d.sync += port.enable.eq(marks.valid & marks.enabled & table.writes)

        next_row = Signal(range(2 * self.words + 1))
        m.d.comb += next_row.eq(row_start[marks.layer] + table.row_words)
        with m.If(marks.job_last & table.writes):
            m.d.sync += row_start[marks.layer].eq(
                Mux(next_row >= table.region_end, next_row - table.region_words, next_row))
        return m
