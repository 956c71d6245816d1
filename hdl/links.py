"""Links: how frames enter and leave an accelerator, one byte a beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .feature_memory import FeatureMemory
from .mixed_radix import MixedRadix

__all__ = ["AxiStream", "LinkParams", "Sink", "Source"]

# The names of AXI4-Stream; `tlast` marks the last byte of a frame. Bytes come in the order height, width,
# channel, frames back to back.
AxiStream = wiring.Signature({"tdata": Out(8), "tvalid": Out(1), "tready": In(1), "tlast": Out(1)})


@dataclass(frozen=True, kw_only=True)
class LinkParams:
    """The tensor on a link and its region, which begins at the first word of a feature memory."""

    rows: int
    columns: int
    channels: int
    word_bytes: int
    """Bytes of a word of the memory, of any number where the link writes it."""
    pixel_words: int
    """Words from one column to the next: channels padded to whole ones."""
    region_rows: int

    def __post_init__(self) -> None:
        if self.word_bytes * self.pixel_words < self.channels:
            raise ValueError(f"A pixel of {self.channels} channels needs as many bytes in the memory, "
                             f"not {self.pixel_words} words of {self.word_bytes}")

    @property
    def radix(self) -> MixedRadix:
        """How the bytes in the memory are addressed."""
        return MixedRadix(self.word_bytes)

    @property
    def region_words(self) -> int:
        """Words of the region."""
        return self.region_rows * self.columns * self.pixel_words

    @property
    def addresses(self) -> int:
        """The number that all addresses are below."""
        return self.region_words << self.radix.part_bits

    @property
    def row_beats(self) -> int:
        """Beats of a row on the link."""
        return self.columns * self.channels


class _RowWalk:
    """Counts the beats of rows and frames and walks a ring of rows, one byte a step."""

    def __init__(self, m: Module, params: LinkParams, step: Value, name: str) -> None:
        radix = params.radix
        self.address = Signal(range(params.addresses), name=f"{name}_address")
        channel = Signal(range(params.channels), name=f"{name}_channel")
        column = Signal(range(params.columns), name=f"{name}_column")
        row = Signal(range(params.rows), name=f"{name}_row")
        pixel_end = channel == params.channels - 1
        self.row_end = Signal(name=f"{name}_row_end")
        self.frame_end = Signal(name=f"{name}_frame_end")
        m.d.comb += [
            self.row_end.eq(pixel_end & (column == params.columns - 1)),
            self.frame_end.eq(self.row_end & (row == params.rows - 1)),
        ]
        # From the last channel of a pixel to the first one of the next, whose parts are always the same.
        following = (params.pixel_words << radix.part_bits) - radix.address(params.channels - 1)
        byte_step = Const(radix.step(1), len(self.address))
        with m.If(step):
            m.d.sync += [self.address.eq(radix.add(self.address, byte_step)), channel.eq(channel + 1)]
            with m.If(pixel_end):
                m.d.sync += [self.address.eq(self.address + following), channel.eq(0), column.eq(column + 1)]
                with m.If(self.address == params.addresses - following):
                    m.d.sync += self.address.eq(0)
            with m.If(self.row_end):
                m.d.sync += [column.eq(0), row.eq(row + 1)]
            with m.If(self.frame_end):
                m.d.sync += row.eq(0)


class Source(wiring.Component):
    """Takes frames from a stream and puts them row by row into a feature memory for each reading engine.

    A row is reserved before its first byte is taken; ``tready`` is a register. With a free row the next
    row follows without a gap.

    ===========  ====================================================================
    Throughput   a byte a cycle
    Latency      decisions see a row :attr:`PRODUCED_DELAY` cycles after its last byte
    Backpressure ``tready`` is low while no row is free
    ===========  ====================================================================

    Members
    -------
    stream : ``In(AxiStream)``
    tlast_error : ``Out(1)``
        Sticky: ``tlast`` has not marked exactly the last byte of each frame. Nothing else looks at it.
    rows_freed_{reader} : ``In``
        Rows that this reading layer has released.
    produced : ``Out(1)``
        A row is complete.
    write_enable, write_data, write_address_{memory} : ``Out``
        To each feature memory.
    """

    PRODUCED_DELAY = 3

    def __init__(self, params: Sequence[LinkParams], *, credits: Sequence[int]) -> None:
        self.params, self.credits = tuple(params), tuple(credits)
        super().__init__({
            "stream": In(AxiStream),
            "tlast_error": Out(1),
            **{f"rows_freed_{reader}": In(range(rows + 1)) for reader, rows in enumerate(credits)},
            "produced": Out(1),
            "write_enable": Out(1),
            "write_data": Out(data.ArrayLayout(signed(8), 1)),
            **{f"write_address_{memory}": Out(range(link.addresses))
               for memory, link in enumerate(params)},
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        beat = Signal()
        m.d.comb += beat.eq(port.stream.tvalid & port.stream.tready)
        walks = [_RowWalk(m, link, beat, f"memory_{memory}") for memory, link in enumerate(self.params)]
        row_end, frame_end = walks[0].row_end, walks[0].frame_end

        start = Signal()
        has_free = Signal()
        conditions = []
        for reader, rows in enumerate(self.credits):
            free = Signal(range(rows + 1), name=f"rows_free_{reader}", init=rows)
            m.d.sync += free.eq(free + getattr(self, f"rows_freed_{reader}") - start)
            conditions.append(free != 0)
        m.d.comb += [
            has_free.eq(Cat(*conditions).all()),
            start.eq(has_free & (~port.stream.tready | (beat & row_end))),
        ]
        with m.If(start):
            m.d.sync += port.stream.tready.eq(1)
        with m.Elif(beat & row_end):
            m.d.sync += port.stream.tready.eq(0)

        m.d.sync += [
            port.write_enable.eq(beat),
            Value.cast(port.write_data).eq(port.stream.tdata),
            port.produced.eq(beat & row_end),
        ]
        for memory, walk in enumerate(walks):
            m.d.sync += getattr(self, f"write_address_{memory}").eq(walk.address)
        with m.If(beat & (port.stream.tlast != frame_end)):
            m.d.sync += port.tlast_error.eq(1)
        return m


class Sink(wiring.Component):
    """Reads the rows of the output from a feature memory and sends them to a stream.

    ===========  ====================================================================
    Throughput   a byte a cycle
    Latency      a byte leaves :attr:`LATENCY` cycles after its address; decisions see a row
                 free :attr:`RELEASED_DELAY` cycles after its last address
    Backpressure the whole of it stops while ``tvalid`` waits for ``tready``
    ===========  ====================================================================

    Members
    -------
    stream : ``Out(AxiStream)``
    row_produced : ``In(1)``
        One more row is in the region.
    released : ``Out(1)``
        One row of the region is free.
    read_address, read_enable, read_data : the read port of the feature memory.
    """

    LATENCY = FeatureMemory.READ_LATENCY
    RELEASED_DELAY = 3

    def __init__(self, params: LinkParams) -> None:
        self.params = params
        super().__init__({
            "stream": Out(AxiStream),
            "row_produced": In(1),
            "released": Out(1),
            "read_address": Out(range(params.addresses)),
            "read_enable": Out(1),
            "read_data": In(data.ArrayLayout(signed(8), 1)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        # Everything advances together, whenever the last stage is empty or being taken.
        advance = Signal()
        active = Signal()
        step = Signal()
        start = Signal()
        walk = _RowWalk(m, self.params, step, "memory")
        m.d.comb += [
            advance.eq(~port.stream.tvalid | port.stream.tready),
            step.eq(active & advance),
        ]
        kept = Signal(range(self.params.region_rows + 1), name="rows_kept")
        m.d.comb += start.eq((kept != 0) & (~active | (step & walk.row_end)))
        m.d.sync += [
            kept.eq(kept + port.row_produced - start),
            port.released.eq(step & walk.row_end),
        ]
        with m.If(start):
            m.d.sync += active.eq(1)
        with m.Elif(step & walk.row_end):
            m.d.sync += active.eq(0)

        m.d.comb += [
            port.read_address.eq(walk.address),
            port.read_enable.eq(advance),
            port.stream.tdata.eq(Value.cast(port.read_data)),
        ]
        valid, last = active, walk.frame_end
        for stage in range(self.LATENCY):
            following = Signal(name=f"valid_{stage}"), Signal(name=f"last_{stage}")
            with m.If(advance):
                m.d.sync += [following[0].eq(valid), following[1].eq(valid & last)]
            valid, last = following
        m.d.comb += [port.stream.tvalid.eq(valid), port.stream.tlast.eq(last)]
        return m

