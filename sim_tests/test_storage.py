"""Memories of each kind: the same numbers; what Yosys makes of them with and without LUT RAM."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hdl_bench import play, refusal
from synthesis_counts import ECP5, ICE40, NEEDS_YOSYS, counts

from gatecast.hdl.storage import make_memory, read_register

KINDS = ("block", "lut")
CONTENTS = random.Random(0).sample(range(1 << 12), 40)


class Stored(wiring.Component):
    """A memory of 40 words, read through a register; with a write port of 4 bits if it is written."""

    def __init__(self, kind: str, *, written: bool, unchecked: bool = False) -> None:
        self.kind, self.written, self.unchecked = kind, written, unchecked
        super().__init__({"read": In(range(40)), "enable": In(1, init=1), "word": Out(12),
                          "write": In(range(40)), "data": In(12), "parts": In(3)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.submodules.contents = contents = make_memory(
            self.kind, shape=12, depth=40, init=CONTENTS, written=self.written, unchecked=self.unchecked)
        if self.written:
            writer = contents.write_port(granularity=4)
            m.d.comb += [writer.addr.eq(port.write), writer.data.eq(port.data), writer.en.eq(port.parts)]
        m.d.comb += port.word.eq(read_register(m, contents, port.read, enable=port.enable))
        return m


@pytest.mark.parametrize("kind", KINDS)
def test_words_come_one_enabled_cycle_later(kind):
    rng = random.Random(1)
    words, shown = list(CONTENTS), 0
    stimulus, expected = [], []
    for _ in range(200):
        row = {"read": rng.randrange(40), "enable": rng.randrange(2), "write": rng.randrange(40),
               "data": rng.getrandbits(12), "parts": rng.getrandbits(3)}
        stimulus.append(row)
        expected.append({"word": shown})
        shown = words[row["read"]] if row["enable"] else shown
        mask = sum(0xF << (4 * part) for part in range(3) if row["parts"] >> part & 1)
        words[row["write"]] = words[row["write"]] & ~mask | row["data"] & mask
    assert play(Stored(kind, written=True), stimulus, ["word"]) == expected


BLOCKS = ("DP16KD", "PDPW16KD", "SB_RAM40_4K")
LUT_RAMS = ("TRELLIS_DPR16X4",)


@NEEDS_YOSYS
@pytest.mark.parametrize(("kind", "written", "unchecked", "ecp5", "ice40"), [
    ("block", False, False, (1, 0), (1, 0)),
    ("block", True, False, (1, 0), (1, 0)),
    ("block", True, True, (1, 0), (1, 0)),
    ("lut", False, False, (0, 0), (0, 0)),
    ("lut", False, True, (0, 0), (0, 0)),
    # 12 bits are 3 LUT RAMs of 16 words by 4 bits, 40 words are 3 of those; on iCE40 flip-flops.
    ("lut", True, False, (0, 9), (0, 0)),
    ("lut", True, True, (0, 9), (0, 0)),
])
def test_kinds_are_forced(kind, written, unchecked, ecp5, ice40):
    for family, expected in ((ECP5, ecp5), (ICE40, ice40)):
        cells = counts(Stored(kind, written=written, unchecked=unchecked), family)
        assert (sum(cells[name] for name in BLOCKS), sum(cells[name] for name in LUT_RAMS)) == expected
        if family is ICE40 and kind == "lut" and written:
            assert cells["SB_DFFE"] >= 12 * 40
        if family is ECP5 and kind == "block" and unchecked:
            assert cells.keys() == {"DP16KD"}


def test_refuses_other_kinds():
    assert refusal(make_memory, "auto", shape=8, depth=4) == (
        "Memory kind must be 'block' or 'lut', not 'auto'")
