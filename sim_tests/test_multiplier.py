"""Multipliers of every width and sign: exact products, one a cycle, after the stated latency."""

import random

import pytest
from amaranth.hdl import Shape, signed, unsigned
from hdl_bench import play

from gatecast.hdl.multiplier import Multiplier, WideMultiplier


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


@pytest.mark.parametrize(("a", "b"), NARROW)
def test_multiplier(a, b):
    assert Multiplier.LATENCY == 2
    pairs = operands(a, b, seed=a.width)
    assert products(Multiplier(a, b), pairs, 2) == [x * y for x, y in pairs]


@pytest.mark.parametrize(("a", "b", "p"), [
    (signed(8), signed(8), signed(16)), (unsigned(8), unsigned(8), unsigned(16)),
    (signed(8), unsigned(8), signed(16)), (unsigned(1), unsigned(5), unsigned(5)),
    (signed(1), signed(1), unsigned(1)), (signed(2), unsigned(3), signed(5))])
def test_products_are_as_narrow_as_can_be(a, b, p):
    for kind in (Multiplier, WideMultiplier):
        dut = kind(a, b)
        play(dut, [{}], ["p"])
        assert dut.p.shape() == p


WIDE = [*NARROW, (signed(19), unsigned(17)), (signed(20), unsigned(18)), (unsigned(18), signed(24)),
        (signed(26), unsigned(31)), (unsigned(35), unsigned(34)), (signed(53), signed(36)),
        (signed(35), unsigned(1)), (signed(36), signed(1)), (signed(1), unsigned(52))]


@pytest.mark.parametrize(("a", "b"), WIDE)
def test_wide_multiplier(a, b):
    latency = WideMultiplier.latency(a, b)
    pairs = operands(a, b, seed=a.width + 100 * b.width)
    assert products(WideMultiplier(a, b), pairs, latency) == [x * y for x, y in pairs]


@pytest.mark.parametrize("seed", range(12))
def test_wide_multiplier_of_random_widths(seed):
    rng = random.Random(seed)
    a, b = (Shape(rng.randrange(1, 60), rng.random() < 0.5) for _ in range(2))
    test_wide_multiplier(a, b)


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
    assert WideMultiplier.latency(a, b) == 2 + multipliers - 1
