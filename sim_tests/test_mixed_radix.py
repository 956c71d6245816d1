"""Mixed radix: addresses of parts, and steps from each to any other."""

from __future__ import annotations

from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib.wiring import Component, In, Out
from hdl_bench import play, refusal

from gatecast.hdl.mixed_radix import MixedRadix

PARTS = [1, 2, 3, 4, 5, 6, 7, 8, 12, 13]
WORDS = 3


class Adder(Component):
    """Nothing but :meth:`MixedRadix.add`."""

    def __init__(self, radix: MixedRadix, width: int) -> None:
        self.radix = radix
        super().__init__({"address": In(width), "step": In(width), "following": Out(width)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.d.comb += port.following.eq(self.radix.add(port.address, port.step))
        return m


@pytest.mark.parametrize("parts", PARTS)
def test_addresses_are_words_and_parts(parts):
    radix = MixedRadix(parts)
    assert (1 << radix.part_bits) - radix.gap == parts
    assert [radix.address(number) for number in range(WORDS * parts)] == [
        (word << radix.part_bits) + part for word in range(WORDS) for part in range(parts)]
    if not radix.gap:
        assert [radix.step(number) for number in range(-2, 9)] == list(range(-2, 9))


@pytest.mark.parametrize("parts", PARTS)
def test_steps_lead_from_each_address_to_each_other(parts):
    """Forth and back, and around the end of the memory."""
    radix, words = MixedRadix(parts), 4
    width = (words - 1).bit_length() + radix.part_bits
    numbers = range(words * parts)
    steps = [(start, step) for start in numbers for step in range(-2 * parts, 2 * parts + 1)]
    stimulus = [{"address": radix.address(start), "step": radix.step(step) % (1 << width)}
                for start, step in steps]
    trace = play(Adder(radix, width), stimulus, ["following"])
    assert [row["following"] for row in trace] == [
        radix.address((start + step) % len(numbers)) for start, step in steps]


@pytest.mark.parametrize("parts", [0, -3])
def test_refuses_words_without_parts(parts):
    assert refusal(MixedRadix, parts) == f"A word must have at least one part, not {parts}"
