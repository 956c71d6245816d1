"""Delays of any length, and the narrowest shapes of ranges."""

import random

import pytest
from amaranth.hdl import Module, Shape, signed, unsigned
from amaranth.lib.wiring import Component, In, Out
from hdl_bench import play

from gatecast.hdl.pipeline import bits_for_range, delay, shape_for


class Delayed(Component):
    """One delayed copy of each kind, data and a mark that is reset, of what does not start at zero."""

    def __init__(self, cycles: int) -> None:
        self.cycles = cycles
        super().__init__({"i": In(signed(6), init=7), "data": Out(signed(6)), "mark": Out(signed(6))})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += [self.data.eq(delay(m, self.i, self.cycles, "data")),
                     self.mark.eq(delay(m, self.i, self.cycles, "mark", reset=True))]
        return m


@pytest.mark.parametrize("cycles", [0, 1, 2, 5])
def test_delay(cycles):
    rng = random.Random(cycles)
    values = [rng.randrange(-32, 32) for _ in range(40)]
    trace = play(Delayed(cycles), [{"i": value} for value in values], ["data", "mark"])
    expected = [0] * cycles + values[:len(values) - cycles]
    assert [row["data"] for row in trace] == expected
    assert [row["mark"] for row in trace] == expected


def test_reset_clears_marks_and_leaves_data():
    trace = play(Delayed(3), [{"i": value} for value in range(1, 20)], ["data", "mark"], resets={9})
    assert [row["data"] for row in trace] == [0, 0, 0, *range(1, 17)]
    # At the edge of cycle 9 all three stages are cleared; the value of cycle 10 is the next to come out.
    assert [row["mark"] for row in trace] == [0, 0, 0, *range(1, 8), 0, 0, 0, *range(11, 17)]


def holds(shape: Shape, value: int) -> bool:
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    high = (1 << (shape.width - shape.signed)) - 1
    return low <= value <= high


def test_bits_for_range_is_the_narrowest():
    for low in range(-40, 41):
        for high in range(low, 41):
            shape = bits_for_range(low, high)
            assert shape.signed == (low < 0)
            assert holds(shape, low) and holds(shape, high)
            if shape.width > 1:
                narrower = Shape(shape.width - 1, shape.signed)
                assert not (holds(narrower, low) and holds(narrower, high))


@pytest.mark.parametrize(("low", "high", "shape"), [
    (0, 0, unsigned(1)), (0, 2**31, unsigned(32)), (-1, 0, signed(1)), (-2**31, 2**31 - 1, signed(32)),
    (-2**31 - 1, 0, signed(33)), (-1, 2**31, signed(33)), (5, 8, unsigned(4)), (-7, -7, signed(4))])
def test_bits_for_range_of_wide_numbers(low, high, shape):
    assert bits_for_range(low, high) == shape


def test_shape_for_looks_at_the_extremes():
    assert shape_for([3, -17, 5, 12]) == signed(6)
    assert shape_for([3, -2, 100, 12]) == signed(8)
    assert shape_for(iter([9])) == unsigned(4)
