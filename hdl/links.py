"""Links: how frames enter and leave an accelerator, one byte a beat."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .counters import any_left, last_of
from .feature_memory import FeatureMemory
from .mixed_radix import MixedRadix
from .pipeline import delay

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
    """Counts the beats of rows and frames and walks a ring of rows, one byte a step.

    What ends with a beat is known from flip-flops while it waits.
    """

    def __init__(self, m: Module, params: LinkParams, step: Value, name: str) -> None:
        radix = params.radix
        self.row_end = last_of(m, params.row_beats, step, f"{name}_row")
        self.frame_end = self.row_end & last_of(m, params.rows, step & self.row_end, f"{name}_frame")
        pixel_end = (self.row_end if params.columns == 1
                     else last_of(m, params.channels, step, f"{name}_pixel"))

        # The last byte of the ring is told by the one before it.
        pixel_parts = params.pixel_words * radix.parts
        pixels = range(params.region_rows * params.columns)[-2:]
        *_, before, last = [0, *(radix.address(pixel * pixel_parts + channel)
                                 for pixel in pixels for channel in range(params.channels))]
        self.address = Signal(range(params.addresses), name=f"{name}_address")
        ring_end = Signal(name=f"{name}_ring_end", init=last == 0)
        stride = Mux(pixel_end, radix.step(pixel_parts - params.channels + 1), radix.step(1))
        with m.If(step):
            m.d.sync += [
                ring_end.eq(self.address == before),
                self.address.eq(Mux(ring_end, 0, radix.add(self.address, stride[:len(self.address)]))),
            ]


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

        # The row that is being taken goes on; else the next one starts as soon as there is room for it.
        within = Signal()
        has_free = Signal()
        start = Signal()
        # Only a row of one byte may start in the cycle behind another start; the count of others has a cycle.
        started = delay(m, start, int(self.params[0].row_beats > 1), "started", reset=True)
        conditions = []
        for reader, rows in enumerate(self.credits):
            # Rows freed count a cycle late, and until then speak for themselves.
            freed = getattr(self, f"rows_freed_{reader}")
            fresh = Signal.like(freed, name=f"rows_fresh_{reader}")
            m.d.sync += fresh.eq(freed)
            conditions.append(fresh.any() | any_left(
                m, rows, init=rows, added=fresh, taken=started, name=f"rows_free_{reader}"))
        m.d.comb += [
            within.eq(port.stream.tready & ~(port.stream.tvalid & row_end)),
            has_free.eq(Cat(*conditions).all()),
            start.eq(has_free & ~within),
        ]
        m.d.sync += port.stream.tready.eq(within | has_free)

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
        walk = _RowWalk(m, self.params, step, "memory")
        m.d.comb += [
            advance.eq(~port.stream.tvalid | port.stream.tready),
            step.eq(active & advance),
        ]
        # The row that is being sent goes on; else the next one starts as soon as there is one.
        within = Signal()
        start = Signal()
        kept = any_left(m, self.params.region_rows, added=port.row_produced, taken=start, name="rows_kept")
        m.d.comb += [
            within.eq(active & ~(advance & walk.row_end)),
            start.eq(kept & ~within),
        ]
        m.d.sync += [
            active.eq(within | kept),
            port.released.eq(step & walk.row_end),
        ]

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

