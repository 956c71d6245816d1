"""Feature memories of every ratio of widths: what was written is read, whoever is the wider one."""

from __future__ import annotations

import random
from collections import deque
from typing import Any

import pytest
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.hdl.feature_memory import FeatureMemory, FeatureMemoryParams, widths_fit

WIDTHS = [(1, 1), (3, 3), (1, 2), (1, 4), (1, 8), (2, 8), (3, 6), (2, 1), (4, 1), (16, 1), (8, 2), (6, 3),
          (1, 3), (1, 12), (2, 10), (4, 12), (3, 21), (12, 3)]


def random_stimulus(params: FeatureMemoryParams, rng: random.Random, cycles: int) -> list[dict[str, Any]]:
    """Writes and reads at any time; addresses near each other, so that reads find what was just written."""
    writes, reads = params.words * params.writes_per_word, params.words * params.reads_per_word
    stimulus, center = [], 0.0
    for _ in range(cycles):
        center = rng.random() if rng.random() < 0.1 else center
        near = min(max(center + rng.uniform(-0.2, 0.2), 0), 0.999)
        stimulus.append({
            "write_enable": int(rng.random() < 0.6),
            "write_address": params.write_radix.address(int(near * writes)),
            "write_data": [rng.randrange(-128, 128) for _ in range(params.write_bytes)],
            "read_enable": int(rng.random() < 0.8),
            "read_address": int((near if rng.random() < 0.5 else center * 0.999) * reads),
        })
    return stimulus


def expected_reads(params: FeatureMemoryParams, stimulus: list[dict[str, Any]]) -> list[Any]:
    """What the output shows in each cycle; ``None`` where a read and a write of one word met."""
    part_bits = params.write_radix.part_bits
    contents = [0] * (params.words * params.word_bytes)
    # Writes on their way to the memory, the next one first.
    under_way = deque[dict[str, Any]]([{"write_enable": 0}] * (FeatureMemory.WRITE_LATENCY - 1))
    # The registers of the read port: the word that was read first, the output last.
    registers: list[Any] = [None] * FeatureMemory.READ_LATENCY
    shown = []
    for cycle in stimulus:
        shown.append(registers[-1])
        under_way.append(cycle)
        write = under_way.popleft()
        word, part = divmod(write["write_address"], 1 << part_bits) if write["write_enable"] else (None, 0)
        start = cycle["read_address"] * params.read_bytes
        if cycle["read_enable"]:
            meets = start // params.word_bytes == word
            registers = [None if meets else tuple(contents[start:start + params.read_bytes]),
                         *registers[:-1]]
        if word is not None:
            start = word * params.word_bytes + part * params.write_bytes
            contents[start:start + params.write_bytes] = write["write_data"]
    return shown


@pytest.mark.parametrize(("write_bytes", "read_bytes"), WIDTHS)
@pytest.mark.parametrize("words", [1, 5, 8])
def test_reads_find_earlier_writes(words, write_bytes, read_bytes):
    rng = random.Random(f"{words} {write_bytes} {read_bytes}")
    params = FeatureMemoryParams(words=words, write_bytes=write_bytes, read_bytes=read_bytes)
    stimulus = random_stimulus(params, rng, 150)
    trace = play(FeatureMemory(params), stimulus, ["read_data"])
    expected = expected_reads(params, stimulus)
    assert sum(value is not None for value in expected) > 10
    assert [row["read_data"] if value is not None else None
            for row, value in zip(trace, expected, strict=True)] == expected


@pytest.mark.parametrize(("write_bytes", "read_bytes"), WIDTHS)
def test_every_address_is_a_place_of_its_own(write_bytes, read_bytes):
    """Write all of it, read all of it, a read each cycle."""
    params = FeatureMemoryParams(words=6, write_bytes=write_bytes, read_bytes=read_bytes)
    contents = [random.Random(write_bytes).randrange(-128, 128) for _ in range(6 * params.word_bytes)]
    writes, reads = len(contents) // write_bytes, len(contents) // read_bytes
    stimulus: list[dict[str, Any]] = [
        {"write_enable": 1, "write_address": params.write_radix.address(index),
         "write_data": contents[index * write_bytes:(index + 1) * write_bytes]} for index in range(writes)]
    stimulus += [{"write_enable": 0, "read_address": index} for index in range(reads)]
    stimulus += [{}] * FeatureMemory.READ_LATENCY
    trace = play(FeatureMemory(params), stimulus, ["read_data"])
    assert [row["read_data"] for row in trace[writes + FeatureMemory.READ_LATENCY:]] == [
        tuple(contents[index * read_bytes:(index + 1) * read_bytes]) for index in range(reads)]


def test_without_enable_the_output_stays():
    params = FeatureMemoryParams(words=4, write_bytes=1, read_bytes=1)
    stimulus: list[dict[str, Any]] = [
        {"write_enable": 1, "write_address": index, "write_data": [10 + index]} for index in range(4)]
    stimulus += [{"write_enable": 0, "read_address": 1}, {"read_address": 2},
                 *[{"read_address": 3}] * (FeatureMemory.READ_LATENCY - 2),
                 {"read_enable": 0}, {}, {"read_enable": 1}, {}, {}]
    values = [row["read_data"][0] for row in play(FeatureMemory(params), stimulus, ["read_data"])]
    assert values[4 + FeatureMemory.READ_LATENCY:] == [11, 11, 11, 12, 13]


def test_memory_never_written_reads_as_zero():
    params = FeatureMemoryParams(words=3, write_bytes=2, read_bytes=4)
    trace = play(FeatureMemory(params), [{"read_address": index % 3} for index in range(8)], ["read_data"])
    assert {row["read_data"] for row in trace} == {(0, 0, 0, 0)}


@pytest.mark.parametrize(("write_bytes", "read_bytes", "word", "writes", "reads"), [
    (1, 1, 1, 1, 1), (1, 8, 8, 8, 1), (2, 10, 10, 5, 1), (4, 2, 4, 1, 2)])
def test_a_word_holds_the_larger_of_both(write_bytes, read_bytes, word, writes, reads):
    params = FeatureMemoryParams(words=2, write_bytes=write_bytes, read_bytes=read_bytes)
    assert (params.word_bytes, params.writes_per_word, params.reads_per_word) == (word, writes, reads)


@NEEDS_YOSYS
@pytest.mark.parametrize(("write_bytes", "read_bytes"), [(4, 4), (2, 6), (4, 1)])
@pytest.mark.parametrize("kind", ["block", "lut"])
def test_what_becomes_of_each_kind(kind, write_bytes, read_bytes):
    """As block RAM it has no logic that looks for reads of what is being written."""
    params = FeatureMemoryParams(words=40, write_bytes=write_bytes, read_bytes=read_bytes, kind=kind)
    cells = counts(FeatureMemory(params), ECP5)
    blocks, rams = cells["DP16KD"] + cells["PDPW16KD"], cells["TRELLIS_DPR16X4"]
    assert (blocks > 0, rams) == ((True, 0) if kind == "block" else (False, 3 * 2 * params.word_bytes))
    if kind == "block":
        # The register on the way to the reader, those of the choice of a part of the word, and those on the
        # way from the writer: of the data, of an address of 40 words, of the parts of a word.
        assert cells["TRELLIS_FF"] == 8 * read_bytes + 2 * (params.reads_per_word.bit_length() - 1) + (
            8 * write_bytes + 6 + params.writes_per_word)


def test_refuses_kinds():
    assert refusal(FeatureMemoryParams, words=1, write_bytes=1, read_bytes=1, kind="auto") == (
        "Feature memory kind must be 'block' or 'lut', not 'auto'")


@pytest.mark.parametrize("words", [0, -1])
def test_refuses_no_words(words):
    assert refusal(FeatureMemoryParams, words=words, write_bytes=1, read_bytes=1) == (
        f"Feature memory needs at least one word, not {words}")


@pytest.mark.parametrize(("write_bytes", "read_bytes"), [
    (3, 2), (2, 3), (6, 1), (6, 4), (0, 4), (4, 0), (-1, 1)])
def test_refuses_ratios(write_bytes, read_bytes):
    assert not widths_fit(write_bytes, read_bytes)
    assert refusal(FeatureMemoryParams, words=1, write_bytes=write_bytes, read_bytes=read_bytes) == (
        f"Feature memory needs reads of a multiple of the bytes of a write, or writes of a power of two "
        f"times those of a read, not {write_bytes} bytes written and {read_bytes} read")


def test_widths_that_fit():
    """A read of any number of writes, a write of a power of two of reads."""
    assert [read for read in range(1, 14) if widths_fit(4, read)] == [1, 2, 4, 8, 12]
    assert [read for read in range(1, 20) if widths_fit(6, read)] == [3, 6, 12, 18]
