"""The model of LUTs and flip-flops: near to synthesis, and as it must be where nobody has measured."""

from dataclasses import replace

import numpy as np
import pytest
from random_networks import network
from random_plans import STYLES, random_plan
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

import gatecast
from gatecast.figures import percent
from gatecast.hdl.multiplier import Multiplier
from gatecast.planner import logic, logic_model
from gatecast.planner.counts import bits, contents, row_multiplier, varying_bits
from gatecast.planner.plan import EnginePlan, Plan

KINDS = ("array_in", "requantizer_in", "weights_in", "tables_in", "parameters_in")


def drawn(seed: int, style: str = "folded", *, layers: int = 3) -> Plan:
    return random_plan(gatecast.lower(network(seed, layers=layers)), style, seed)


def in_luts(plan: Plan) -> Plan:
    """The plan with all that can be made of LUTs."""
    kinds = dict.fromkeys(KINDS, "lut")
    return replace(plan, engines=tuple(replace(engine, **kinds) for engine in plan.engines),
                   regions=tuple(replace(region, memory_in="lut") for region in plan.regions))


@NEEDS_YOSYS
@pytest.mark.parametrize("all_luts", [False, True])
def test_is_near_to_synthesis(all_luts):
    network = gatecast.lower(gatecast.read("digits"))
    plan = gatecast.plan(network, gatecast.Budget(multipliers=6), engines="folded")
    if all_luts:
        plan = replace(in_luts(plan), engines=tuple(
            replace(engine, weights_in="block") for engine in in_luts(plan).engines))
    cells = counts(gatecast.elaborate(plan), ECP5)
    luts = cells["LUT4"] + 2 * cells["CCU2C"] + 4 * cells["TRELLIS_DPR16X4"]
    found = logic.estimate(plan)
    assert found.luts == pytest.approx(luts, rel=0.15)
    assert found.ffs == pytest.approx(cells["TRELLIS_FF"], rel=0.15)


def test_coefficients_are_not_negative():
    for model in (logic_model.LUTS, logic_model.FFS):
        assert model and min(model.values()) >= 0
    assert 0 < logic.ERROR_LUTS < 0.1
    assert 0 < logic.ERROR_FFS < 0.1


@pytest.mark.parametrize("style", STYLES)
@pytest.mark.parametrize("seed", range(6))
def test_every_term_has_a_coefficient(seed, style):
    for plan in (drawn(seed, style), in_luts(drawn(seed, style))):
        for part in logic.parts(plan):
            assert part.luts.keys() <= logic_model.LUTS.keys()
            assert part.ffs.keys() <= logic_model.FFS.keys()
            assert min([*part.luts.values(), *part.ffs.values()], default=0) >= 0
        for family in ("ice40", "gowin", "xc7"):
            assert min(logic.estimate(plan, family)) > 0


@pytest.mark.parametrize("seed", range(4))
def test_wider_arrays_take_more(seed):
    """Twice the columns of a systolic array, the group as before."""
    plan = drawn(seed)
    for index, engine in enumerate(plan.engines):
        if engine.kind == "systolic":
            wider: EnginePlan = replace(engine, columns=2 * engine.columns)
            engines = (*plan.engines[:index], wider, *plan.engines[index + 1:])
            found, more = logic.estimate(plan), logic.estimate(replace(plan, engines=engines))
            assert more.luts > found.luts
            assert more.ffs > found.ffs


@pytest.mark.parametrize("seed", range(4))
def test_what_multipliers_in_luts_add(seed):
    plan = drawn(seed)
    plan = replace(plan, engines=tuple(replace(engine, array_in="dsp", requantizer_in="dsp")
                                       for engine in plan.engines))
    for engine in plan.engines:
        for name, price in (("array_in", logic.array_luts), ("requantizer_in", logic.requantizer_luts)):
            moved = replace(plan, engines=tuple(
                replace(each, **{name: "lut"}) if each is engine else each for each in plan.engines))
            added = logic.estimate(moved).luts - logic.estimate(plan).luts
            # A wide product of digits in DSP blocks has adders too, which go.
            assert added <= price(plan, engine, "ecp5") + 1
            if name == "array_in":
                assert added >= price(plan, engine, "ecp5") - 1


def test_multipliers_of_rows_are_those_measured():
    """36 CCU2C of two bits, 4 LUT4 and 80 flip-flops, see hdl/row_multiplier.py."""
    luts, registers = row_multiplier(8, 8, Multiplier.LATENCY, "ecp5")
    assert luts == pytest.approx(76, abs=4)
    assert registers == pytest.approx(80, abs=4)


def test_bits_that_differ():
    rng = np.random.default_rng(0)
    for _ in range(200):
        column = rng.integers(-9, 9, int(rng.integers(1, 5)))
        patterns = {f"{number & 31:05b}" for number in column.tolist()}
        differing = [len({pattern[bit] for pattern in patterns}) > 1 for bit in range(5)]
        # Copies of the sign are no bits of their own.
        width = max(int(number ^ (number >> 63)).bit_length() for number in column) + 1
        assert varying_bits(column[:, np.newaxis]) == [sum(differing[5 - width:])]


def test_equal_bits_of_tables_are_made_once():
    assert contents([[0, 0], [1, 1], [2, 2]]).different == 2
    assert contents([[0, 3], [1, 2], [2, 1]]).luts == 2
    assert contents([[0, 3], [1, 2], [2, 1]]).different == 4
    assert contents([[5]]).luts == contents([[0], [1]]).luts == 0
    assert contents([[0], [1], [1], [0]], "block").luts == 0
    assert contents([[number] for number in range(16)]).luts == 4


def test_deep_tables_share_words_and_join_them():
    assert not contents([[number] for number in range(32)]).deep
    deep = contents([[number] for number in range(64)])
    # Four bits of the address are one word each, two are words of constants; one of the two joins a pair.
    assert deep.deep and deep.terms("tables in logic") == {"deep tables in logic": 5}
    # Of both halves of a LUT behind a wide multiplexer, none is shared.
    rng = np.random.default_rng(2)
    random = rng.integers(0, 2, (32, 20))
    assert contents(random).luts == 2 * contents(random).different == 40
    # A word that comes twice is made once, if it is not alone behind a multiplexer.
    assert contents(np.vstack([random, random])).luts < 1.6 * contents(random).luts


def test_what_is_said_of_errors():
    said = logic.error_sentence("ecp5")
    assert percent(logic.ERROR_LUTS) in said and percent(logic.ERROR_FFS) in said
    for family in ("ice40", "gowin", "xc7"):
        assert logic.error_sentence(family).endswith(f"its error on {family} was not measured")


def test_bits_of_counts():
    assert [bits(count) for count in (0, 1, 2, 3, 4, 5, 256, 257)] == [0, 0, 1, 2, 2, 3, 8, 9]
