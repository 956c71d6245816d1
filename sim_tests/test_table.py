"""Tables: every column in the narrowest shape, one cycle after the index, constants without memory."""

import random
import re
from typing import Any

import pytest
from amaranth.back import rtlil
from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hdl_bench import play, refusal
from synthesis_counts import ECP5, NEEDS_YOSYS, counts

from gatecast.hdl.table import Table

RANGES = {"bit": (0, 1), "byte": (0, 255), "signed": (-9, 8), "negative": (-300, -200),
          "wide": (-2**40, 2**40), "zero": (0, 0), "same": (77, 77), "minus": (-5, -5)}


def random_rows(seed: int, count: int) -> list[dict[str, int]]:
    rng = random.Random(seed)
    columns = rng.sample(sorted(RANGES), rng.randrange(1, len(RANGES) + 1))
    return [{column: rng.randint(*RANGES[column]) for column in columns} for _ in range(count)]


@pytest.mark.parametrize(("seed", "count"), [(0, 1), (1, 2), (2, 3), (3, 8), (4, 13), (5, 40), (6, 7)])
def test_columns_follow_the_index_one_cycle_later(seed, count):
    rows = random_rows(seed, count)
    rng = random.Random(seed)
    indices = [*range(count), *(rng.randrange(count) for _ in range(30))]
    trace = play(Table(rows), [{"index": index} for index in [*indices, 0]], list(rows[0]))
    assert Table.LATENCY == 1
    assert trace[1:] == [rows[index] for index in indices]


def test_each_column_has_the_narrowest_shape():
    shapes = Table.shapes([{"a": 0, "b": -1, "c": 255, "d": 127, "e": 0, "f": 5},
                           {"a": 1, "b": 0, "c": 0, "d": -129, "e": 0, "f": 5}])
    assert shapes == {"a": unsigned(1), "b": signed(1), "c": unsigned(8), "d": signed(9), "e": unsigned(1),
                      "f": unsigned(3)}


@pytest.mark.parametrize("seed", range(8))
def test_memory_holds_the_bits_that_are_counted(seed):
    rows = random_rows(seed, 6)
    text = rtlil.convert(Table(rows))
    memories = re.findall(r"memory width (\d+) size (\d+)", text)
    assert sum(int(width) * int(size) for width, size in memories) == Table.bits(rows)
    assert Table.bits(rows) == 6 * sum(shape.width for column, shape in Table.shapes(rows).items()
                                       if len({row[column] for row in rows}) > 1)


def test_constants_need_no_memory():
    rows = [{"a": 3, "b": -4}] * 5
    assert Table.bits(rows) == 0
    assert "memory" not in rtlil.convert(Table(rows))


def test_refuses_no_rows():
    assert refusal(Table, []) == "Table needs at least one row"


def test_refuses_rows_of_different_columns():
    assert refusal(Table, [{"a": 1, "b": 2}, {"a": 1}]) == "Table needs the same columns in all rows"


def rows_of(count: int, *bits: int) -> list[dict[str, int]]:
    """Rows of columns that need these many bits, and a constant one."""
    rng = random.Random(count)
    return [{"constant": 1, **{f"column_{index}": rng.getrandbits(width) | (1 << width - 1) * (row == 0)
                               for index, width in enumerate(bits)}} for row in range(count)]


@pytest.mark.parametrize(("rows", "kind"), [
    (rows_of(1, 90), "lut"),
    # A LUT holds 16 rows of a bit; 11 of them for each of 36 bits are 396, 12 are more than 400.
    (rows_of(176, 36), "lut"), (rows_of(177, 36), "block"), (rows_of(176, 20, 16), "lut"),
    # Two block RAMs are worth twice that.
    (rows_of(177, 37), "lut"), (rows_of(177, 36, 36), "block"),
    (rows_of(800, 8), "lut"), (rows_of(801, 8), "block"),
])
def test_kind_follows_the_size(rows, kind):
    assert Table.kind(rows) == kind
    assert Table(rows).stored_in == kind


@NEEDS_YOSYS
@pytest.mark.parametrize(("rows", "kind", "luts"), [
    # The rule reckons with 396 and 342 LUTs; noise needs more where they also choose among the others.
    (rows_of(176, 36), None, 606), (rows_of(300, 18), "lut", 464),
    (rows_of(177, 36), None, 0), (rows_of(20, 9), "block", 0)])
def test_tables_are_what_they_are_said_to_be(rows, kind, luts):
    cells = counts(Table(rows, kind), ECP5)
    blocks = cells["DP16KD"] + cells["PDPW16KD"]
    assert blocks == ((kind or Table.kind(rows)) == "block")
    assert cells["LUT4"] <= luts


def test_refuses_other_kinds():
    assert refusal(Table, [{"a": 1}], "dsp") == "Table kind must be 'block' or 'lut', not 'dsp'"


class Holding(wiring.Component):
    """Shows the held columns of a table beside the table's own."""

    def __init__(self, table: Table) -> None:
        self.table = table
        super().__init__({"index": In(table.index.shape()), "load": In(1),
                          **{name: Out(shape) for name, shape in table.column_shapes.items()}})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.submodules.table = self.table
        m.d.comb += self.table.index.eq(port.index)
        held = self.table.held(m, port.load, self.table.column_shapes)
        m.d.comb += [getattr(self, name).eq(value) for name, value in held.items()]
        return m


@pytest.mark.parametrize("seed", range(4))
def test_held_columns_stay_from_load_to_load(seed):
    rows = random_rows(seed, 5)
    rng = random.Random(seed)
    stimulus = [{"index": rng.randrange(5), "load": int(rng.random() < 0.4)} for _ in range(40)]
    trace = play(Holding(Table(rows)), stimulus, list(rows[0]))
    loads = [cycle for cycle in range(1, 39) if stimulus[cycle]["load"]]
    for cycle in range(loads[0] + 1, 40):
        loaded = max(load for load in loads if load < cycle)
        assert trace[cycle] == rows[stimulus[loaded - 1]["index"]], f"cycle {cycle}"
