# amaranth: UnusedElaboratable=no
"""Benches for the templates: stimulus cycle by cycle, and byte streams with random pauses on both sides."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from amaranth.hdl import ClockDomain, Elaboratable, Module
from amaranth.lib import data
from amaranth.sim import Simulator

__all__ = ["Beat", "Bench", "Clocked", "Pauses", "plain", "play", "receive", "refusal", "send", "simulate"]

Bench = Callable[[Any], Awaitable[None]]
# One byte on a link, and whether it is marked as the last of its frame.
Beat = tuple[int, int]


class Clocked(Elaboratable):
    """A component in a clock domain whose reset a bench can drive."""

    def __init__(self, dut: Elaboratable) -> None:
        self.dut = dut
        self.domain = ClockDomain("sync")

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.domains.sync = self.domain
        m.submodules.dut = self.dut
        return m


def simulate(dut: Elaboratable, *benches: Bench) -> None:
    """Run ``benches`` side by side until all have returned."""
    simulator = Simulator(dut if isinstance(dut, Clocked) else Clocked(dut))
    simulator.add_clock(1e-6)
    for bench in benches:
        simulator.add_testbench(bench)
    simulator.run()


def refusal(make: Callable[..., Any], *args: Any, **kwargs: Any) -> str:
    """The sentence with which ``make`` refuses its arguments.

    A component that refuses is one that nobody uses; the first line of this file tells Amaranth not to mind.
    """
    with pytest.raises(ValueError) as caught:
        make(*args, **kwargs)
    return str(caught.value)


def plain(value: Any) -> Any:
    """A sampled value as plain Python: tuples for arrays, dictionaries for structures."""
    if not isinstance(value, data.Const):
        return value
    layout = value.shape()
    if isinstance(layout, data.ArrayLayout):
        return tuple(plain(value[index]) for index in range(layout.length))
    return {name: plain(value[name]) for name, _ in layout}


def play(dut: Any, stimulus: Iterable[Mapping[str, Any]], watch: Sequence[str], *,
         resets: Collection[int] = ()) -> list[dict[str, Any]]:
    """Drive ``dut`` with one mapping of inputs for each cycle; return what ``watch`` shows in each cycle.

    An input keeps its value until it is named again. Outputs are those just before the clock edge, so a
    register shows a change one entry after its cause. ``resets`` are the cycles whose edge resets.
    """
    clocked = Clocked(dut)
    trace: list[dict[str, Any]] = []

    async def bench(ctx: Any) -> None:
        for cycle, inputs in enumerate(stimulus):
            for name, value in inputs.items():
                ctx.set(getattr(dut, name), value)
            ctx.set(clocked.domain.rst, cycle in resets)
            trace.append({name: plain(ctx.get(getattr(dut, name))) for name in watch})
            await ctx.tick()

    simulate(clocked, bench)
    return trace


@dataclass(frozen=True)
class Pauses:
    """How often each side of a stream pauses, reproducibly; a lazy sink waits for ``tvalid`` first."""

    seed: int
    source: float = 0.0
    sink: float = 0.0
    lazy: bool = False


async def send(ctx: Any, stream: Any, beats: Iterable[Beat], pauses: Pauses, *, deadline: int) -> None:
    """Offer ``beats`` to a stream that enters the component; fails when they take ``deadline`` cycles.

    ``tready`` has to be a register: it must not follow ``tvalid`` within a cycle.
    """
    rng = random.Random(f"{pauses.seed}:source")
    cycles = 0
    for byte, last in beats:
        while rng.random() < pauses.source:
            await ctx.tick()
            cycles += 1
        ready_before = ctx.get(stream.tready)
        ctx.set(stream.tdata, byte)
        ctx.set(stream.tlast, last)
        ctx.set(stream.tvalid, 1)
        assert ctx.get(stream.tready) == ready_before, "tready depends on tvalid"
        taken = 0
        while not taken:
            _clock, _reset, taken = await ctx.tick().sample(stream.tready)
            cycles += 1
            assert cycles <= deadline, f"the component has stopped taking bytes for {deadline} cycles"
        ctx.set(stream.tvalid, 0)


async def receive(ctx: Any, stream: Any, count: int, pauses: Pauses, *, deadline: int) -> list[Beat]:
    """Take ``count`` beats from a stream that leaves the component, within ``deadline`` cycles.

    Checks the rules: ``tvalid`` does not depend on ``tready``; while a beat waits, it stays as it is.
    """
    rng = random.Random(f"{pauses.seed}:sink")
    beats: list[Beat] = []
    waiting: Beat | None = None
    for _ in range(deadline):
        if len(beats) == count:
            return beats
        ctx.set(stream.tready, 0)
        offered = ctx.get(stream.tvalid)
        ready = rng.random() >= pauses.sink and (bool(offered) or not pauses.lazy)
        ctx.set(stream.tready, ready)
        _clock, _reset, valid, byte, last = await ctx.tick().sample(stream.tvalid, stream.tdata, stream.tlast)
        assert valid == offered, "tvalid depends on tready"
        if waiting is not None:
            assert valid, "tvalid fell before its beat was taken"
            assert (byte, last) == waiting, f"a waiting beat changed from {waiting} to {(byte, last)}"
        waiting = (byte, last) if valid and not ready else None
        if valid and ready:
            beats.append((byte, last))
    raise AssertionError(f"{len(beats)} of {count} beats after {deadline} cycles")
