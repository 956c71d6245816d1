"""Counters: the last of so many steps, and whether any are left, against plain arithmetic."""

import random

import pytest
from amaranth.hdl import Module, Signal
from amaranth.lib.wiring import Component, In, Out
from hdl_bench import play

from gatecast.hdl.counters import any_left, last_of


class Steps(Component):
    def __init__(self, steps: int) -> None:
        self.steps = steps
        super().__init__({"step": In(1), "last": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        # Amaranth wants a synchronous statement, which a count of one step has not.
        m.d.sync += Signal().eq(0)
        m.d.comb += self.last.eq(last_of(m, self.steps, self.step, "steps"))
        return m


class Store(Component):
    def __init__(self, limit: int, most_added: int, init: int) -> None:
        self.limit, self.start = limit, init
        super().__init__({"added": In(range(most_added + 1)), "taken": In(1), "any": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.comb += self.any.eq(any_left(m, self.limit, added=self.added, taken=self.taken, name="store",
                                         init=self.start))
        return m


@pytest.mark.parametrize("steps", [1, 2, 3, 4, 5, 8, 9])
def test_the_last_step_is_known_while_it_waits(steps):
    rng = random.Random(steps)
    stimulus = [rng.randrange(2) for _ in range(20 * steps)]
    resets = {7 * steps}
    taken, expected = 0, []
    for cycle, step in enumerate(stimulus):
        expected.append(int(taken % steps == steps - 1))
        taken = 0 if cycle in resets else taken + step
    seen = play(Steps(steps), [{"step": step} for step in stimulus], ["last"], resets=resets)
    assert [cycle["last"] for cycle in seen] == expected


@pytest.mark.parametrize(("limit", "most_added"), [
    (1, 1), (2, 1), (3, 1), (4, 1), (4, 4), (5, 2), (7, 7), (8, 3)])
@pytest.mark.parametrize("init", [0, 1])
def test_any_left(limit, most_added, init):
    rng = random.Random(f"{limit} {most_added} {init}")
    resets = {150}
    there, stimulus, expected = init, [], []
    for cycle in range(300):
        expected.append(int(there > 0))
        taken = int(there > 0 and rng.random() < 0.9)
        added = rng.randint(0, min(most_added, limit - there + taken)) * rng.randrange(2)
        stimulus.append({"added": added, "taken": taken})
        there = init if cycle in resets else there + added - taken
    seen = play(Store(limit, most_added, init), stimulus, ["any"], resets=resets)
    assert [cycle["any"] for cycle in seen] == expected
