"""The counter of a loop against the loop itself."""

from __future__ import annotations

import random
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from hdl_bench import play

from gatecast.hdl.countdown import countdown, loaded_count
from gatecast.hdl.table import Table


class Loop(wiring.Component):
    """A loop alone, with as many passes as the row of ``index`` says."""

    def __init__(self, passes: list[int]) -> None:
        self.passes = passes
        super().__init__({"index": In(range(len(passes))), "load": In(1), "step": In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.submodules.table = table = Table([{"loop": loaded_count(number)} for number in self.passes])
        m.d.comb += table.index.eq(port.index)
        now = table.held(m, port.load, ["loop"])
        m.d.comb += port.last.eq(countdown(m, table, now, "loop", load=port.load, step=port.step)[-1])
        return m


@pytest.mark.parametrize("passes", [[1], [1, 1], [2], [1, 2], [3, 5], [1, 4, 7], [6, 9]], ids=str)
def test_says_which_pass_is_the_last(passes):
    rng = random.Random(str(passes))
    stimulus: list[dict[str, int]] = []
    expected: list[int | None] = []
    for _ in range(8):
        index = rng.randrange(len(passes))
        stimulus += [{"index": index, "load": 0, "step": 0}] * 2 + [{"index": index, "load": 1, "step": 0}]
        expected += [None] * 3
        # Round after round, and then a new load in the middle of one.
        for number in range(rng.randrange(1, 4 * passes[index] + 1)):
            for step in [0] * rng.randrange(2) + [1]:
                stimulus.append({"index": rng.randrange(len(passes)), "load": 0, "step": step})
                expected.append(int(number % passes[index] == passes[index] - 1))
    trace = play(Loop(passes), stimulus, ("last",))
    assert [row["last"] for row, last in zip(trace, expected, strict=True) if last is not None] == [
        last for last in expected if last is not None]
