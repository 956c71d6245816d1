"""Channel arrays of random shapes: every operation of every lane against NumPy, at its own cycle."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from amaranth.back import rtlil
from amaranth.hdl import Value
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.hdl.channel import ChannelArray, ChannelParams
from gatecast.verilog import run_yosys

OPERATIONS = ChannelArray.OPERATIONS
SUBSETS = [subset for count in range(1, len(OPERATIONS) + 1) for subset in combinations(OPERATIONS, count)]
EXTREMES = (-128, 127)


@dataclass(frozen=True, kw_only=True)
class Dot:
    """One dot product: an entry (or a row of lanes) for each of its reads; the last is its last tap."""

    operation: str
    x: np.ndarray
    weight: np.ndarray
    table: np.ndarray
    zero: np.ndarray

    def beats(self) -> list[dict[str, Any]]:
        reads = len(self.x)
        taps = [int(self.operation != "product" or read % 2) for read in range(reads)]
        return [{"x": self.x[read].tolist(), "operation": OPERATIONS.index(self.operation),
                 "weight": int(self.weight[read]), "table": int(self.table[read]),
                 "zero": int(self.zero[read]), "tap": taps[read], "save": 1 - taps[read],
                 "last": int(read == reads - 1)} for read in range(reads)]

    def compute(self, params: ChannelParams) -> np.ndarray:
        """The exact results of all lanes."""
        x = self.x.astype(np.int64)
        if self.operation == "max":
            return x.max(axis=0)
        if self.operation == "multiply":
            assert params.weights is not None
            x = x * params.weights[self.weight]
        elif self.operation == "lookup":
            assert params.tables is not None
            x = np.stack([table[row + 128] for table, row in zip(params.tables[self.table], x, strict=True)])
        elif self.operation == "product":
            x = x - self.zero[:, None]
            x = x[0::2] * x[1::2]
        return x.sum(axis=0)


def random_params(rng: np.random.Generator, operations: Collection[str], *, lanes: int | None = None,
                  sum_width: int = 20, **kinds: Any) -> ChannelParams:
    group = int(rng.integers(1, 4)) if lanes is None else 1
    lanes = lanes or group * int(rng.integers(1, 4))
    weights = tables = None
    if "multiply" in operations:
        low, high = [(-256, 255), (-128, 127), (0, 255), (0, 1), (-1, 0)][rng.integers(5)]
        weights = rng.integers(low, high, (rng.integers(1, 9), lanes), np.int16, endpoint=True)
        weights[rng.random(weights.shape) < 0.2] = low
    if "lookup" in operations:
        bound = 1 << int(rng.integers(1, 19))
        tables = rng.integers(-bound, bound, (rng.integers(1, 4), 256))
    return ChannelParams(lanes=lanes, group=group, operations=operations, sum_width=sum_width,
                         weights=weights, tables=tables, **kinds)


def random_dot(params: ChannelParams, rng: np.random.Generator, reads: int) -> Dot:
    """Often extreme or nearly so; what its operation does not use holds anything."""
    operation = str(rng.choice(sorted(params.operations)))
    if operation == "product":
        reads += reads % 2
    low, high = [(-128, 127), (-128, -127), (120, 127), (-3, 3)][rng.integers(4)]
    x = rng.integers(low, high, (reads, params.lanes), endpoint=True)
    x[rng.random(x.shape) < 0.2] = rng.choice(EXTREMES)
    zero = rng.integers(-128, 128, reads)
    zero[rng.random(reads) < 0.5] = rng.choice(EXTREMES)
    tables = 1 if params.tables is None else len(params.tables)
    return Dot(operation=operation, x=x, zero=zero, weight=rng.integers(0, params.depth, reads),
               table=rng.integers(0, tables, reads))


def idle(params: ChannelParams, rng: random.Random) -> dict[str, Any]:
    """No mark is set; all else is anything."""
    tables = 1 if params.tables is None else len(params.tables)
    return {"x": [rng.randrange(-128, 128) for _ in range(params.lanes)], "tap": 0, "last": 0, "save": 0,
            "operation": rng.randrange(len(OPERATIONS)), "weight": rng.randrange(params.depth),
            "table": rng.randrange(tables), "zero": rng.randrange(-128, 128)}


def stream(params: ChannelParams, dots: Sequence[Dot], rng: random.Random) -> list[dict[str, Any]]:
    """The beats of dot products one behind the other, no denser than the slots leave; seldom a gap."""
    beats: list[dict[str, Any]] = []
    for dot in dots:
        own = dot.beats()
        beats += [idle(params, rng) for _ in range(params.groups - len(own))]
        for beat in own:
            while rng.random() < 0.1:
                beats.append(idle(params, rng))
            beats.append(beat)
    return beats


def expected_slots(params: ChannelParams, dots: Sequence[Dot],
                   beats: Sequence[dict[str, Any]]) -> dict[int, tuple[int, ...]]:
    """Cycle and results of each slot, straight from the contract."""
    slots = {}
    half = 1 << (params.sum_width - 1)
    ends = [cycle for cycle, beat in enumerate(beats) if beat["last"]]
    for cycle, dot in zip(ends, dots, strict=True):
        lanes = ((dot.compute(params) + half) % (2 * half) - half).reshape(params.groups, params.group)
        for order, slot in enumerate(reversed(lanes.tolist())):
            slots[cycle + params.latency + order] = tuple(slot)
    return slots


def observed_slots(params: ChannelParams, beats: Sequence[dict[str, Any]],
                   resets: tuple[int, ...] = ()) -> dict[int, tuple[int, ...]]:
    rng = random.Random(len(beats))
    tail = [idle(params, rng) for _ in range(params.latency + params.groups + 2)]
    stimulus = [{"beat": beat} for beat in [*beats, *tail]]
    trace = play(ChannelArray(params), stimulus, ["slot", "slot_valid"], resets=resets)
    return {cycle: row["slot"] for cycle, row in enumerate(trace) if row["slot_valid"]}


def check(params: ChannelParams, dots: Sequence[Dot], seed: int = 0) -> None:
    beats = stream(params, dots, random.Random(seed))
    assert observed_slots(params, beats) == expected_slots(params, dots, beats)


@pytest.mark.parametrize("operations", SUBSETS, ids="-".join)
def test_every_slot_in_its_cycle(operations):
    for seed in range(2):
        rng = np.random.default_rng([seed, SUBSETS.index(operations)])
        params = random_params(rng, operations)
        dots = [random_dot(params, rng, reads=int(rng.integers(1, 2 * params.groups + 3)))
                for _ in range(4 + 4 * len(operations))]
        check(params, dots, seed)


@pytest.mark.parametrize("seed", range(8))
def test_long_mixes_of_all_operations(seed):
    rng = np.random.default_rng(seed)
    params = random_params(rng, OPERATIONS, sum_width=int(rng.integers(16, 30)))
    dots = [random_dot(params, rng, reads=int(rng.integers(1, 8))) for _ in range(50)]
    assert {dot.operation for dot in dots} == set(OPERATIONS)
    check(params, dots, seed)


@pytest.mark.parametrize("operations", [*[(name,) for name in OPERATIONS], ("sum", "max"), OPERATIONS],
                         ids="-".join)
def test_dot_products_of_a_single_tap_in_every_cycle(operations):
    rng = np.random.default_rng(len(operations))
    params = random_params(rng, operations, lanes=1)
    dots = [random_dot(params, rng, reads=1) for _ in range(60)]
    beats = [beat for dot in dots for beat in dot.beats()]
    assert observed_slots(params, beats) == expected_slots(params, dots, beats)


@pytest.mark.parametrize("operations", [("sum",), ("max",), ("sum", "max"), ("multiply",), ("product",),
                                        ("max", "lookup"), OPERATIONS], ids="-".join)
@pytest.mark.parametrize("seed", range(3))
def test_reset_forgets_all_that_is_under_way(seed, operations):
    rng = np.random.default_rng(seed)
    params = random_params(rng, operations)
    before, after = ([random_dot(params, rng, reads=int(rng.integers(1, 6))) for _ in range(6)]
                     for _ in range(2))
    first, second = (stream(params, dots, random.Random(seed)) for dots in (before, after))
    cut = int(rng.integers(1, len(first) + 1))
    # The beat of the reset's own cycle is lost with all before it; the next cycle starts afresh.
    observed = observed_slots(params, first[:cut] + second, resets=(cut - 1,))
    expected = {cycle + cut: slot for cycle, slot in expected_slots(params, after, second).items()}
    assert {cycle: slot for cycle, slot in observed.items() if cycle >= cut} == expected


def dot_of(operation: str, x: Sequence[int], *, weight: Sequence[int] = (), zero: Sequence[int] = (),
           table: Sequence[int] = ()) -> Dot:
    """A dot product of one lane."""
    def each(values: Sequence[int]) -> np.ndarray:
        return np.array(values or [0] * len(x))

    return Dot(operation=operation, x=np.array(x)[:, None], weight=each(weight), zero=each(zero),
               table=each(table))


@pytest.mark.parametrize("operations", [("product",), OPERATIONS], ids="-".join)
def test_products_of_all_extremes(operations):
    rng = np.random.default_rng(0)
    params = random_params(rng, operations, lanes=1, sum_width=18)
    dots = [dot_of("product", x=(x0, x1), zero=(zero0, zero1))
            for x0 in EXTREMES for x1 in EXTREMES for zero0 in EXTREMES for zero1 in EXTREMES]
    assert {int(dot.compute(params)[0]) for dot in dots} == {-255 * 255, 0, 255 * 255}
    check(params, dots)


@pytest.mark.parametrize("operations", [("multiply",), OPERATIONS], ids="-".join)
def test_weights_of_all_extremes(operations):
    tables = np.arange(256)[None] if "lookup" in operations else None
    params = ChannelParams(lanes=1, group=1, operations=operations, sum_width=17, tables=tables,
                           weights=np.array([[-256], [255], [0], [1]], np.int16))
    dots = [dot_of("multiply", x=(x,), weight=(weight,)) for x in EXTREMES for weight in range(4)]
    assert {int(dot.compute(params)[0]) for dot in dots} >= {-128 * -256, 127 * -256, -128 * 255, 127 * 255}
    check(params, dots)


@pytest.mark.parametrize("operations", [("lookup",), ("max", "lookup"), OPERATIONS], ids="-".join)
def test_every_entry_of_every_table(operations):
    tables = np.stack([np.arange(256) * 1000 - (1 << 19), -np.arange(256), np.full(256, (1 << 19) - 1)])
    weights = np.ones((1, 2), np.int16) if "multiply" in operations else None
    params = ChannelParams(lanes=2, group=1, operations=operations, sum_width=21, weights=weights,
                           tables=tables)
    dots = [Dot(operation="lookup", x=np.array([[x, -1 - x]]), table=np.array([table]),
                weight=np.zeros(1, int), zero=np.full(1, 55)) for x in range(-128, 128) for table in range(3)]
    check(params, dots)


def test_the_narrowest_sum_holds_every_maximum():
    params = ChannelParams(lanes=1, group=1, operations={"max"}, sum_width=8)
    check(params, [dot_of("max", x=(x,)) for x in range(-128, 128)])


@pytest.mark.parametrize("operation", ["sum", "multiply", "lookup"])
def test_sums_in_between_may_wrap(operation):
    params = ChannelParams(
        lanes=1, group=1, operations={operation}, sum_width=9,
        weights=np.array([[-256], [255], [1]], np.int16) if operation == "multiply" else None,
        tables=np.arange(-128, 128)[None] * 1001 if operation == "lookup" else None)
    dot = dot_of(operation, x=(127, 127, 127, -127, -127, -127, -1), weight=(0, 1, 0, 0, 1, 0, 2))
    if operation == "lookup":
        dot = dot_of(operation, x=(127, 127, 127, -127, -127, -127))
    exact = int(dot.compute(params)[0])
    assert -256 <= exact < 256
    beats = dot.beats()
    assert observed_slots(params, beats) == {len(beats) - 1 + params.latency: (exact,)}


@pytest.mark.parametrize(("operations", "cycles"), [
    ({"sum"}, 3), ({"max"}, 3), ({"sum", "max"}, 3),
    ({"lookup"}, 4), ({"lookup", "max"}, 4), ({"lookup", "sum"}, 5), ({"lookup", "sum", "max"}, 5),
    ({"multiply"}, 8), ({"product"}, 8), ({"sum", "max", "multiply", "product"}, 8),
    ({"lookup", "multiply"}, 9), ({"lookup", "product"}, 9), (set(OPERATIONS), 9)])
def test_latency(operations, cycles):
    """Three of every array; a memory, a multiplier and the choice between terms where they are built."""
    assert ChannelArray.latency(operations) == cycles
    assert random_params(np.random.default_rng(0), operations).latency == cycles


@pytest.mark.parametrize("operations", [("sum", "max"), ("lookup",), ("multiply",), OPERATIONS], ids="-".join)
def test_builds_what_the_operations_need_and_no_more(operations, tmp_path):
    """Also with memories of a single word, whose addresses have no bits: Yosys takes it, without latches."""
    weights = np.full((1, 3), -256, np.int16) if "multiply" in operations else None
    tables = np.arange(256)[None] if "lookup" in operations else None
    array = ChannelArray(ChannelParams(lanes=3, group=3, operations=operations, sum_width=20,
                                       weights=weights, tables=tables))
    ports = [Value.cast(port) for port in (array.beat, array.slot, array.slot_valid)]
    (tmp_path / "design.il").write_text(rtlil.convert(array, name="top", ports=ports, emit_src=False))
    multipliers = 3 if weights is not None else 0
    memories = (weights is not None) + (2 if tables is not None else 0)
    run_yosys(tmp_path, [
        "read_rtlil design.il", "hierarchy -top top", "proc", "memory_collect", "flatten",
        "select -assert-none t:$dlatch t:$dlatchsr t:$adlatch t:$sr",
        f"select -assert-count {multipliers} t:$mul", f"select -assert-count {memories} t:$mem_v2"])


LUTS = {"weights_in": "lut", "tables_in": "lut", "multipliers_in": "lut"}


@pytest.mark.parametrize("operations", [("multiply",), ("product",), ("lookup",), OPERATIONS], ids="-".join)
def test_a_kind_changes_no_bit_and_no_cycle(operations):
    rng = np.random.default_rng(3)
    params = random_params(rng, operations, **LUTS)
    check(params, [random_dot(params, rng, int(rng.integers(1, 8))) for _ in range(20)])


@NEEDS_YOSYS
@pytest.mark.parametrize("in_luts", ["weights_in", "tables_in", "multipliers_in"])
def test_what_becomes_of_each_kind(in_luts):
    """3 multipliers, a memory of 30 bits for weights and two for tables; each in LUTs in its turn."""
    rng = np.random.default_rng(0)
    array = ChannelArray(ChannelParams(
        lanes=3, group=3, operations=OPERATIONS, sum_width=20,
        weights=rng.integers(-256, 256, (30, 3), np.int16),
        tables=rng.integers(-500, 500, (1, 256)), **{in_luts: "lut"}))
    cells = counts(array, ECP5)
    assert cells["MULT18X18D"] == (0 if in_luts == "multipliers_in" else 3)
    assert cells["DP16KD"] + cells["PDPW16KD"] == (
        3 - {"weights_in": 1, "tables_in": 2, "multipliers_in": 0}[in_luts])


def test_refuses_kinds():
    for name in "weights_in", "tables_in":
        assert refusal(ChannelParams, lanes=2, group=1, operations={"sum"}, sum_width=16,
                       **{name: "dsp"}) == (
            f"Channel {name} must be 'block' or 'lut', not 'dsp'")
    assert refusal(ChannelParams, lanes=2, group=1, operations={"sum"}, sum_width=16, multipliers_in="") == (
        "Channel multipliers_in must be 'dsp' or 'lut', not ''")


@pytest.mark.parametrize(("lanes", "group"), [(4, 3), (0, 1), (4, 0), (2, 4)])
def test_refuses_groups_that_do_not_divide(lanes, group):
    assert refusal(ChannelParams, lanes=lanes, group=group, operations={"sum"}, sum_width=16) == (
        f"Channel group must divide the {lanes} lanes, not {group}")


@pytest.mark.parametrize(("operations", "found"), [((), "[]"), (("sum", "mean"), "['mean', 'sum']")])
def test_refuses_operations(operations, found):
    assert refusal(ChannelParams, lanes=2, group=1, operations=operations, sum_width=16) == (
        f"Channel operations must be among 'sum', 'max', 'multiply', 'lookup', 'product', not {found}")


def test_refuses_narrow_sums():
    assert refusal(ChannelParams, lanes=2, group=1, operations={"max"}, sum_width=7) == (
        "Channel sum width must be at least 8, not 7")


@pytest.mark.parametrize(("weights", "found"), [
    (None, "None"),
    (np.zeros((4, 2), np.int8), "int8 [4, 2]"),
    (np.zeros((4, 3), np.int16), "int16 [4, 3]"),
    (np.zeros((0, 2), np.int16), "int16 [0, 2]"),
    (np.zeros((4, 2, 1), np.int16), "int16 [4, 2, 1]"),
])
def test_refuses_weights(weights, found):
    assert refusal(ChannelParams, lanes=2, group=1, operations={"multiply"}, sum_width=16,
                   weights=weights) == (
        f"Channel weights must be int16 of shape [depth, 2] for 'multiply', not {found}")


@pytest.mark.parametrize(("low", "high"), [(-257, 0), (0, 256)])
def test_refuses_weights_out_of_range(low, high):
    assert refusal(ChannelParams, lanes=2, group=1, operations={"multiply"}, sum_width=16,
                   weights=np.array([[low, high]], np.int16)) == (
        f"Channel weights must be within -256 to 255, not {low} to {high}")


@pytest.mark.parametrize(("tables", "found"), [
    (None, "None"),
    (np.zeros((1, 256), np.int32), "int32 [1, 256]"),
    (np.zeros((1, 255), np.int64), "int64 [1, 255]"),
    (np.zeros((0, 256), np.int64), "int64 [0, 256]"),
])
def test_refuses_tables(tables, found):
    assert refusal(ChannelParams, lanes=2, group=1, operations={"lookup"}, sum_width=16, tables=tables) == (
        f"Channel tables must be int64 of shape [n, 256] for 'lookup', not {found}")


@pytest.mark.parametrize(("name", "values", "found"), [
    ("weights", np.zeros((4, 2), np.int16), "int16 [4, 2]"),
    ("tables", np.zeros((1, 256), np.int64), "int64 [1, 256]"),
])
def test_refuses_contents_that_no_operation_reads(name, values, found):
    assert refusal(ChannelParams, lanes=2, group=1, operations={"sum", "product"}, sum_width=16,
                   **{name: values}) == (
        f"Channel {name} must be None where no operation needs them, not {found}")
