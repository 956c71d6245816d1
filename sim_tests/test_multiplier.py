"""Multipliers of every width and sign: exact products, one a cycle, after the stated latency."""

import random

import pytest
from amaranth.hdl import Shape, signed, unsigned
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.hdl.multiplier import Multiplier, WideMultiplier
from gatecast.hdl.row_multiplier import RowMultiplier

KINDS = ("dsp", "lut")


def extremes(shape: Shape) -> list[int]:
    low = -(1 << (shape.width - 1)) if shape.signed else 0
    high = (1 << (shape.width - shape.signed)) - 1
    return sorted(x for x in {low, low + 1, -1, 0, 1, high - 1, high} if low <= x <= high)


def operands(a: Shape, b: Shape, seed: int) -> list[tuple[int, int]]:
    """All pairs of extremes, and pairs of random length."""
    rng = random.Random(seed)
    pairs = [(x, y) for x in extremes(a) for y in extremes(b)]
    for _ in range(40):
        pairs.append(tuple(rng.choice(extremes(shape)) >> rng.randrange(shape.width)  # type: ignore[arg-type]
                           ^ rng.getrandbits(shape.width - 1) * (rng.random() < 0.7) for shape in (a, b)))
    return pairs


def products(dut, pairs: list[tuple[int, int]], latency: int) -> list[int]:
    stimulus = [{"a": a, "b": b} for a, b in pairs] + [{}] * latency
    return [row["p"] for row in play(dut, stimulus, ["p"])][latency:]


NARROW = [(signed(8), signed(8)), (unsigned(1), unsigned(1)), (signed(1), signed(1)),
          (signed(18), signed(18)), (unsigned(17), signed(18)), (signed(3), unsigned(16)),
          (unsigned(18), unsigned(18))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("a", "b"), NARROW)
def test_multiplier(a, b, kind):
    pairs = operands(a, b, seed=a.width)
    assert products(Multiplier(a, b, kind), pairs, Multiplier.LATENCY) == [x * y for x, y in pairs]


def test_all_products_of_bytes_in_luts():
    pairs = [(x, y) for x in range(-128, 128) for y in range(-128, 128)]
    found = products(Multiplier(signed(8), signed(8), "lut"), pairs, Multiplier.LATENCY)
    assert found == [x * y for x, y in pairs]


@pytest.mark.parametrize(("a", "b"), [(Shape(a, a_signed), Shape(b, b_signed)) for a in (1, 2, 3, 4)
                                      for b in (1, 3) for a_signed in (0, 1) for b_signed in (0, 1)])
def test_all_products_of_a_few_bits_in_luts(a, b):
    def numbers(shape):
        return range(-(1 << (shape.width - 1)), 1 << (shape.width - 1)) if shape.signed else range(
            1 << shape.width)

    pairs = [(x, y) for x in numbers(a) for y in numbers(b)]
    assert products(Multiplier(a, b, "lut"), pairs, Multiplier.LATENCY) == [x * y for x, y in pairs]


@pytest.mark.parametrize("latency", [1, 2, 3, 4, 6, 9])
@pytest.mark.parametrize(("a", "b"), [(signed(8), signed(8)), (unsigned(1), signed(7)),
                                      (signed(13), unsigned(11))])
def test_rows_of_any_latency(a, b, latency):
    pairs = operands(a, b, seed=latency)
    assert products(RowMultiplier(a, b, latency), pairs, latency) == [x * y for x, y in pairs]


@pytest.mark.parametrize(("a", "b", "p"), [
    (signed(8), signed(8), signed(16)), (unsigned(8), unsigned(8), unsigned(16)),
    (signed(8), unsigned(8), signed(16)), (unsigned(1), unsigned(5), unsigned(5)),
    (signed(1), signed(1), unsigned(1)), (signed(2), unsigned(3), signed(5))])
def test_products_are_as_narrow_as_can_be(a, b, p):
    for made in (Multiplier, WideMultiplier):
        for kind in KINDS:
            dut = made(a, b, kind)
            play(dut, [{}], ["p"])
            assert dut.p.shape() == p


WIDE = [*NARROW, (signed(19), unsigned(17)), (signed(20), unsigned(18)), (unsigned(18), signed(24)),
        (signed(26), unsigned(31)), (unsigned(35), unsigned(34)), (signed(53), signed(36)),
        (signed(35), unsigned(1)), (signed(36), signed(1)), (signed(1), unsigned(52))]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("a", "b"), WIDE)
def test_wide_multiplier(a, b, kind):
    latency = WideMultiplier.latency(a, b)
    pairs = operands(a, b, seed=a.width + 100 * b.width)
    assert products(WideMultiplier(a, b, kind), pairs, latency) == [x * y for x, y in pairs]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("seed", range(12))
def test_wide_multiplier_of_random_widths(seed, kind):
    rng = random.Random(seed)
    a, b = (Shape(rng.randrange(1, 60), rng.random() < 0.5) for _ in range(2))
    test_wide_multiplier(a, b, kind)


@pytest.mark.parametrize(("shape", "digits"), [
    (unsigned(1), [unsigned(1)]),
    (unsigned(17), [unsigned(17)]),
    (unsigned(18), [unsigned(17), unsigned(1)]),
    (unsigned(35), [unsigned(17), unsigned(17), unsigned(1)]),
    (signed(18), [signed(18)]),
    (signed(19), [unsigned(17), signed(2)]),
    (signed(35), [unsigned(17), signed(18)]),
    (signed(36), [unsigned(17), unsigned(17), signed(2)]),
])
def test_digits_fit_in_multipliers_of_18_bits(shape, digits):
    assert WideMultiplier.digits(shape) == digits


@pytest.mark.parametrize(("a", "b", "multipliers"), [
    (signed(18), unsigned(17), 1), (signed(19), unsigned(17), 2), (signed(18), unsigned(18), 2),
    (signed(20), unsigned(20), 4), (signed(36), signed(35), 6)])
def test_parts_and_latency(a, b, multipliers):
    """One multiplication, and an addition for each part but the first."""
    assert WideMultiplier.multipliers(a, b) == multipliers
    assert WideMultiplier.latency(a, b) == Multiplier.LATENCY + multipliers - 1


@NEEDS_YOSYS
@pytest.mark.parametrize(("a", "b", "luts"), [
    (signed(8), signed(8), 76), (signed(9), signed(9), 99), (signed(18), unsigned(17), 352),
    (signed(24), unsigned(20), 516)])
def test_what_becomes_of_each_kind(a, b, luts):
    """On ECP5: DSP blocks as many as counted or none; of LUTs no more than was measured once."""
    dsp = counts(WideMultiplier(a, b, "dsp"), ECP5)
    assert dsp["MULT18X18D"] == WideMultiplier.multipliers(a, b)
    lut = counts(WideMultiplier(a, b, "lut"), ECP5)
    assert lut["MULT18X18D"] == 0
    assert lut["LUT4"] + 2 * lut["CCU2C"] <= luts


@pytest.mark.parametrize("made", [Multiplier, WideMultiplier])
def test_refuses_other_kinds(made):
    assert refusal(made, signed(8), signed(8), "fast") == (
        f"{made.__name__} kind must be 'dsp' or 'lut', not 'fast'")


def test_refuses_products_at_once():
    assert refusal(RowMultiplier, signed(8), signed(8), 0) == (
        "RowMultiplier latency must be at least 1, not 0")
