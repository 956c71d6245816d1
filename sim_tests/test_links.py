"""Source and sink: rows in and out of feature memories, under random pauses, wrong marks and resets."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from hdl_bench import Beat, Clocked, Pauses, receive, refusal, send, simulate

from gatecast.hdl.feature_memory import FeatureMemory, FeatureMemoryParams
from gatecast.hdl.links import AxiStream, LinkParams, Sink, Source
from gatecast.hdl.sequencer import Sequencer


def random_link(rng: random.Random) -> LinkParams:
    channels = rng.randrange(1, 5)
    return LinkParams(rows=rng.randrange(1, 5), columns=rng.randrange(1, 4), channels=channels,
                      **pixels(rng, channels), region_rows=rng.randrange(1, 5))


def pixels(rng: random.Random, channels: int) -> dict[str, int]:
    """Words of any size, and as many as channels need or one more."""
    word_bytes = rng.choice((1, 2, 3, 4, 5, 6, 7, 12))
    return {"word_bytes": word_bytes, "pixel_words": -(-channels // word_bytes) + rng.choice((0, 0, 1))}


def addresses(link: LinkParams, frames: int) -> list[int]:
    """Where the bytes of ``frames`` frames lie, by nested loops: the next power of two from word to word."""
    place = next(place for place in (1, 2, 4, 8, 16) if place >= link.word_bytes)
    return [((row % link.region_rows * link.columns + column) * link.pixel_words
             + channel // link.word_bytes) * place + channel % link.word_bytes
            for row in range(frames * link.rows)
            for column in range(link.columns) for channel in range(link.channels)]


def frame_beats(link: LinkParams, frames: int, rng: random.Random) -> list[Beat]:
    size = link.rows * link.row_beats
    return [(rng.randrange(256), int(index % size == size - 1)) for index in range(frames * size)]


def signed(byte: int) -> int:
    return byte - 256 if byte > 127 else byte


PAUSES = [
    Pauses(1), Pauses(2, source=0.5), Pauses(3, sink=0.5), Pauses(4, source=0.5, sink=0.5),
    Pauses(5, source=0.8, sink=0.2, lazy=True), Pauses(6, sink=0.9), Pauses(7, lazy=True),
]


# The source alone.

def run_source(links: Sequence[LinkParams], credits: Sequence[int], beats: list[Beat], pauses: Pauses,
               *, freeing: float, expect_error: bool = False) -> tuple[list[dict[str, Any]], list[int]]:
    """All writes in order, and the count of writes at each ``produced``; the rows are freed at random times.

    No row enters before it is free for every reader.
    """
    dut = Source(links, credits=credits)
    rng = random.Random(pauses.seed)
    writes: list[dict[str, Any]] = []
    produced: list[int] = []
    row_beats = links[0].row_beats
    done = False

    async def feed(ctx: Any) -> None:
        nonlocal done
        await send(ctx, dut.stream, beats, pauses, deadline=200 + 200 * len(beats))
        await ctx.tick().repeat(3)
        done = True
        assert ctx.get(dut.tlast_error) == expect_error

    async def watch(ctx: Any) -> None:
        held = [0] * len(credits)
        while not done:
            for reader, rows in enumerate(credits):
                freed = rng.randint(0, held[reader]) if rng.random() < freeing else 0
                held[reader] -= freed
                ctx.set(getattr(dut, f"rows_freed_{reader}"), freed)
                started = -(-len(writes) // row_beats) - len(produced)
                assert held[reader] + started <= rows
            _clock, _reset, enable, row_done, value, *places = await ctx.tick().sample(
                dut.write_enable, dut.produced, dut.write_data[0],
                *(getattr(dut, f"write_address_{memory}") for memory in range(len(links))))
            if enable:
                writes.append({"value": value, "places": places})
            if row_done:
                produced.append(len(writes))
                held = [rows + 1 for rows in held]

    simulate(dut, feed, watch)
    return writes, produced


@pytest.mark.parametrize("pauses", PAUSES[:3], ids=str)
@pytest.mark.parametrize("seed", range(4))
def test_source_writes_every_byte_to_every_memory(seed, pauses):
    rng = random.Random(seed)
    first = random_link(rng)
    links = [first, *(LinkParams(rows=first.rows, columns=first.columns, channels=first.channels,
                                 **pixels(rng, first.channels),
                                 region_rows=rng.randrange(1, 5)) for _ in range(rng.randrange(0, 2)))]
    credits = [link.region_rows for link in links] + [1] * rng.randrange(0, 2)
    beats = frame_beats(first, 3, rng)
    writes, produced = run_source(links, credits, beats, pauses, freeing=rng.choice((0.1, 0.9)))
    assert [write["value"] for write in writes] == [signed(byte) for byte, _ in beats]
    for memory, link in enumerate(links):
        assert [write["places"][memory] for write in writes] == addresses(link, 3)
    assert produced == [row * first.row_beats for row in range(1, 3 * first.rows + 1)]


def source_cycles(credits: int, freed: set[int], cycles: int) -> dict[str, list[int]]:
    """Cycles in which a source of rows of 3 bytes takes a byte and counts a row, always offered one."""
    link = LinkParams(rows=2, columns=3, channels=1, word_bytes=1, pixel_words=1, region_rows=credits)
    dut = Source([link], credits=[credits])
    seen: dict[str, list[int]] = {"beats": [], "produced": []}

    async def bench(ctx: Any) -> None:
        ctx.set(dut.stream.tvalid, 1)
        for cycle in range(cycles):
            ctx.set(dut.rows_freed_0, cycle in freed)
            if ctx.get(dut.stream.tready):
                seen["beats"].append(cycle)
            if ctx.get(dut.produced):
                seen["produced"].append(cycle)
            await ctx.tick()

    simulate(dut, bench)
    return seen


def test_source_takes_a_byte_a_cycle_from_the_first_on():
    seen = source_cycles(credits=4, freed={5}, cycles=20)
    assert seen["beats"] == list(range(1, 16))
    # Decisions of a reader see a row PRODUCED_DELAY after its last byte: EVENT after this pulse.
    assert Source.PRODUCED_DELAY == 1 + Sequencer.EVENT
    assert seen["produced"] == [4, 7, 10, 13, 16]


def test_source_waits_for_a_free_row():
    """A row freed in cycle 12 lets the next byte in EVENT cycles later, like any decision."""
    seen = source_cycles(credits=2, freed={12}, cycles=30)
    assert seen["beats"] == [1, 2, 3, 4, 5, 6, 14, 15, 16]


MARKED = LinkParams(rows=2, columns=2, channels=2, word_bytes=2, pixel_words=1, region_rows=4)


@pytest.mark.parametrize("wrong", [0, 3, 6, 7, 15])
def test_a_wrong_tlast_is_remembered_and_changes_nothing(wrong):
    """Byte ``wrong`` has the wrong mark: one too many in the middle of a frame, a missing one at its end."""
    beats = frame_beats(MARKED, 2, random.Random(wrong))
    beats[wrong] = beats[wrong][0], 1 - beats[wrong][1]
    writes, produced = run_source([MARKED], [4], beats, Pauses(wrong, source=0.3), freeing=0.5,
                                  expect_error=True)
    assert [write["value"] for write in writes] == [signed(byte) for byte, _ in beats]
    assert [write["places"] for write in writes] == [[place] for place in addresses(MARKED, 2)]
    assert produced == [4, 8, 12, 16]


def test_tlast_error_rises_with_its_beat_and_is_sticky():
    """Only beats count: a mark without ``tvalid`` or ``tready`` is none."""
    link = LinkParams(rows=1, columns=2, channels=1, word_bytes=1, pixel_words=1, region_rows=1)
    dut = Source([link], credits=[1])
    clocked = Clocked(dut)
    # Ready from cycle 1 for the one free row; from cycle 3 on, none is free.
    marks = {0: (1, 1), 1: (1, 0), 2: (0, 1), 3: (1, 1), 4: (1, 0), 5: (1, 0), 8: (1, 1), 9: (1, 1)}
    errors = []

    async def bench(ctx: Any) -> None:
        for cycle in range(16):
            valid, last = marks.get(cycle, (0, 0))
            ctx.set(dut.stream.tvalid, valid)
            ctx.set(dut.stream.tlast, last)
            ctx.set(dut.rows_freed_0, cycle == 6)
            ctx.set(clocked.domain.rst, cycle == 13)
            errors.append(ctx.get(dut.tlast_error))
            await ctx.tick()

    simulate(clocked, bench)
    # Cycle 1 and 3 are the first frame, marked rightly; cycle 8 begins the second one with a mark.
    assert errors == [0] * 9 + [1] * 5 + [0] * 2


# The sink alone.

def sink_cycles(rows: set[int], cycles: int) -> dict[str, list[int]]:
    """Cycles in which a sink of frames of two rows of 3 bytes does what, with a taker always ready."""
    dut = Sink(LinkParams(rows=2, columns=3, channels=1, word_bytes=1, pixel_words=1, region_rows=4))
    signals = {"valid": dut.stream.tvalid, "last": dut.stream.tlast, "released": dut.released}
    seen: dict[str, list[int]] = {name: [] for name in signals}

    async def bench(ctx: Any) -> None:
        ctx.set(dut.stream.tready, 1)
        for cycle in range(cycles):
            ctx.set(dut.row_produced, cycle in rows)
            for name, signal in signals.items():
                if ctx.get(signal):
                    seen[name].append(cycle)
            await ctx.tick()

    simulate(dut, bench)
    return seen


def test_sink_sends_a_row_from_its_decision_on():
    """EVENT cycles to the first address, LATENCY more to the byte; free a cycle after the last address."""
    assert (Sequencer.EVENT, Sink.RELEASED_DELAY) == (2, 1 + Sequencer.EVENT)
    first = 5 + Sink.LATENCY
    assert sink_cycles({3}, 20) == {"valid": [first, first + 1, first + 2], "last": [], "released": [8]}


def test_sink_sends_rows_without_a_gap():
    first = 2 + Sink.LATENCY
    assert sink_cycles({0, 1, 5, 6}, 24) == {
        "valid": list(range(first, first + 12)), "last": [first + 5, first + 11], "released": [5, 8, 11, 14]}


# Both, with a feature memory between.

class Loop(Component):
    """A source, a feature memory and a sink: what goes in comes out."""

    def __init__(self, link: LinkParams) -> None:
        self.link = link
        super().__init__({"i": In(AxiStream), "o": Out(AxiStream), "tlast_error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        link = self.link
        m.submodules.source = source = Source([link], credits=[link.region_rows])
        # A memory of bytes, those of no part unused: it knows addresses and no words.
        m.submodules.memory = memory = FeatureMemory(FeatureMemoryParams(
            words=link.addresses, write_bytes=1, read_bytes=1))
        m.submodules.sink = sink = Sink(link)
        connect(m, flipped(self.i), source.stream)
        connect(m, sink.stream, flipped(self.o))
        m.d.comb += [
            self.tlast_error.eq(source.tlast_error),
            source.rows_freed_0.eq(sink.released),
            sink.row_produced.eq(source.produced),
            memory.write_enable.eq(source.write_enable),
            memory.write_address.eq(source.write_address_0),
            memory.write_data.eq(source.write_data),
            memory.read_address.eq(sink.read_address),
            memory.read_enable.eq(sink.read_enable),
            sink.read_data.eq(memory.read_data),
        ]
        return m


def through(link: LinkParams, beats: list[Beat], pauses: Pauses, *, first: Sequence[Beat] = (),
            reset: int | None = None) -> list[Beat]:
    """What comes out for ``beats``, after ``first`` was cut off by a ``reset`` in this cycle."""
    dut = Loop(link)
    clocked = Clocked(dut)
    # Each row takes a few cycles from end to end; pauses stretch all.
    deadline = 100 + 40 * len(beats) * (1 + 4 * (pauses.sink > 0.8))
    received: list[Beat] = []

    async def feed(ctx: Any) -> None:
        rng = random.Random(pauses.seed)
        if reset is not None:
            waiting = list(first)
            for cycle in range(reset + 1):
                ctx.set(dut.i.tvalid, bool(waiting))
                ctx.set(dut.i.tdata, waiting[0][0] if waiting else 0)
                ctx.set(dut.i.tlast, rng.randrange(2))
                ctx.set(clocked.domain.rst, cycle == reset)
                _clock, _reset, ready = await ctx.tick().sample(dut.i.tready)
                if ready and waiting:
                    del waiting[0]
            ctx.set(dut.i.tvalid, 0)
            ctx.set(clocked.domain.rst, 0)
            assert not ctx.get(dut.o.tvalid)
        await send(ctx, dut.i, beats, pauses, deadline=deadline)

    async def take(ctx: Any) -> None:
        if reset is not None:
            for cycle in range(reset + 1):
                ctx.set(dut.o.tready, cycle % 3 != 0)
                await ctx.tick()
        received.extend(await receive(ctx, dut.o, len(beats), pauses, deadline=deadline))
        ctx.set(dut.o.tready, 1)
        # Nothing more than what went in comes out.
        for _ in range(8):
            assert not ctx.get(dut.o.tvalid)
            await ctx.tick()
        assert not ctx.get(dut.tlast_error)

    simulate(clocked, feed, take)
    return received


@pytest.mark.parametrize("pauses", PAUSES, ids=str)
@pytest.mark.parametrize("seed", range(3))
def test_what_goes_in_comes_out(seed, pauses):
    rng = random.Random(f"{seed} {pauses}")
    link = random_link(rng)
    beats = frame_beats(link, 3, rng)
    assert through(link, beats, pauses) == beats


@pytest.mark.parametrize("seed", range(12))
def test_right_again_after_reset(seed):
    rng = random.Random(seed)
    link = random_link(rng)
    beats = frame_beats(link, 2, rng)
    assert through(link, beats, PAUSES[seed % len(PAUSES)], first=frame_beats(link, 3, rng),
                   reset=rng.randrange(1, 40)) == beats


def test_tvalid_comes_without_tready():
    """Three bytes of two rows wait at the end; none is lost and the rows behind them follow."""
    link = LinkParams(rows=2, columns=3, channels=1, word_bytes=1, pixel_words=1, region_rows=2)
    beats = frame_beats(link, 2, random.Random(3))
    dut = Loop(link)

    async def feed(ctx: Any) -> None:
        await send(ctx, dut.i, beats, Pauses(0), deadline=300)

    async def take(ctx: Any) -> None:
        for _ in range(80):
            await ctx.tick()
        assert ctx.get(dut.o.tvalid)
        assert await receive(ctx, dut.o, len(beats), Pauses(0), deadline=100) == beats

    simulate(dut, feed, take)


def test_sizes_on_the_link_and_in_the_memory():
    link = LinkParams(rows=7, columns=5, channels=4, word_bytes=3, pixel_words=2, region_rows=2)
    assert (link.row_beats, link.region_words, link.addresses) == (20, 20, 80)


def test_refuses_pixels_larger_than_their_place():
    assert refusal(LinkParams, rows=1, columns=1, channels=7, word_bytes=3, pixel_words=2, region_rows=1) == (
        "A pixel of 7 channels needs as many bytes in the memory, not 2 words of 3")
