"""The serial line: what is sent arrives, at odd divisors, with clocks that differ, and after disturbances."""

import random
from itertools import pairwise

import pytest
from amaranth.hdl import Module
from amaranth.lib import stream
from amaranth.lib.wiring import Component, In, Out, connect, flipped
from amaranth.sim import Simulator

from gatecast.hdl.uart import MIN_DIVISOR, UartReceiver, UartTransmitter, check_divisor, uart_divisor


class Loop(Component):
    """A transmitter whose wire feeds a receiver."""

    def __init__(self, divisor: int) -> None:
        self.transmitter = UartTransmitter(divisor)
        self.receiver = UartReceiver(divisor)
        super().__init__({"i": In(stream.Signature(8)), "data": Out(8), "valid": Out(1), "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.transmitter = self.transmitter
        m.submodules.receiver = self.receiver
        connect(m, flipped(self.i), self.transmitter.i)
        m.d.comb += [self.receiver.rx.eq(self.transmitter.tx), self.data.eq(self.receiver.data),
                     self.valid.eq(self.receiver.valid), self.error.eq(self.receiver.error)]
        return m


def line_levels(data: bytes, bit_cycles: float, *, gap_bits: float = 0) -> list[int]:
    """Levels of the wire, cycle by cycle, of a sender whose bit lasts `bit_cycles` of our cycles."""
    levels: list[int] = []
    now = 0.0
    for byte in data:
        for bit in (0, *((byte >> i) & 1 for i in range(8)), 1):
            now += bit_cycles
            levels += [bit] * (round(now) - len(levels))
        now += gap_bits * bit_cycles
        levels += [1] * (round(now) - len(levels))
    return levels


def receive(divisor: int, levels: list[int]) -> tuple[bytes, int]:
    """Bytes and framing errors that a receiver sees on a wire with these levels."""
    dut = UartReceiver(divisor)
    data = bytearray()
    errors = 0

    async def bench(ctx):
        nonlocal errors
        for level in [1] * 8 + levels + [1] * (2 * divisor):
            ctx.set(dut.rx, level)
            await ctx.tick()
            if ctx.get(dut.valid):
                data.append(ctx.get(dut.data))
            errors += ctx.get(dut.error)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()
    return bytes(data), errors


@pytest.mark.parametrize("divisor", [MIN_DIVISOR, 9, 13, 27, 40])
def test_what_is_sent_arrives_back_to_back(divisor):
    dut = Loop(divisor)
    rng = random.Random(divisor)
    message = bytes([0, 255, 0x55, 0xAA]) + rng.randbytes(16)
    received = bytearray()
    begun = []

    async def send(ctx):
        for byte in message:
            ctx.set(dut.i.payload, byte)
            ctx.set(dut.i.valid, 1)
            await ctx.tick().until(dut.i.ready)
            ctx.set(dut.i.valid, 0)
            if byte % 3 == 0:
                await ctx.tick().repeat(rng.randrange(1, 12 * divisor))

    async def take(ctx):
        for _ in range(30 * len(message) * divisor):
            _clk, _rst, valid, data, error = await ctx.tick().sample(dut.valid, dut.data, dut.error)
            assert not error
            if valid:
                received.append(data)
            if len(received) == len(message):
                break

    async def pace(ctx):
        cycle = 0
        async for _clk, _rst, valid, ready in ctx.tick().sample(dut.i.valid, dut.i.ready):
            cycle += 1
            if valid and ready:
                begun.append(cycle)

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(send)
    simulator.add_testbench(take)
    simulator.add_testbench(pace, background=True)
    simulator.run()
    assert bytes(received) == message
    # 0 is followed by a pause, so look at 255 -> 0x55: ten bits and the cycle of the transfer.
    assert min(b - a for a, b in pairwise(begun)) == 10 * divisor + 1


@pytest.mark.parametrize("divisor", [MIN_DIVISOR, 11, 26, 80])
@pytest.mark.parametrize("mismatch", [-0.02, 0.0, 0.02])
def test_clocks_may_differ_by_two_percent(divisor, mismatch):
    message = bytes(range(0, 256, 5)) + bytes([255, 0, 255])
    assert receive(divisor, line_levels(message, divisor * (1 + mismatch))) == (message, 0)


def test_clocks_that_differ_by_a_tenth_are_noticed():
    message = bytes([0x00] * 8)
    received, errors = receive(20, line_levels(message, 20 * 1.12))
    assert received != message
    assert errors


def test_a_glitch_is_no_start_bit():
    glitch = [0] * 6 + [1] * 40
    assert receive(20, glitch + line_levels(b"a", 20) + glitch) == (b"a", 0)


def test_a_byte_without_stop_bit_is_dropped_and_the_next_one_is_right():
    broken = line_levels(b"\x00", 16)[:-16] + [0] * 160 + [1] * 20
    assert receive(16, broken + line_levels(b"ok", 16)) == (b"ok", 1)


def test_the_line_rests_high_from_reset_on():
    dut = UartTransmitter(10)

    async def bench(ctx):
        for _ in range(40):
            assert ctx.get(dut.tx) == 1
            await ctx.tick()

    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


def test_divisors():
    assert uart_divisor(80e6, 1_000_000) == 80
    assert uart_divisor(25e6, 115_200) == 217
    assert uart_divisor(87.5e6, 1_000_000) in (87, 88)
    with pytest.raises(ValueError, match=r"^12000000 baud need a clock of at least 96 MHz, not 80 MHz$"):
        uart_divisor(80e6, 12_000_000)
    with pytest.raises(ValueError, match=r"^3000000 baud cannot be made from 25\.6 MHz: "
                                         r"dividing by 9 is -5\.2% off$"):
        uart_divisor(25.6e6, 3_000_000)
    with pytest.raises(ValueError, match=r"^divisor must be at least 8, not 7$"):
        check_divisor(7)
