"""Boards: their data is consistent, the PLL keeps its limits, reset waits for the clock, pins are right."""

import re
from fractions import Fraction
from functools import partial
from importlib import import_module

import pytest
from amaranth.hdl import ClockDomain, Module
from amaranth.sim import Simulator
from mixing_accelerator import MixingAccelerator

from gatecast.boards import boards, families
from gatecast.boards import ice40_pll as ice40
from gatecast.boards.ice40_pll import ice40_pll
from gatecast.boards.pll import DETECTOR_RANGE, INPUT_RANGE, MAX_DIVIDER, OUTPUT_RANGE, VCO_RANGE, pll
from gatecast.boards.reset import ResetHold
from gatecast.boards.top import platform
from gatecast.boards.tops import top_of
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.hdl.uart_top import UartTop

MHZ = 1_000_000


def files(name: str, clock_hz: float) -> dict[str, str]:
    """What the platform of a board makes of its top: RTLIL and pins."""
    board = boards()[name]
    params = FrameLinkParams(input_bytes=16, output_bytes=4, timeout=1000, slots=2)
    maker = top_of(board)
    top = maker(UartTop(MixingAccelerator(16, 4), params, 80), maker.clock_from(board.clock_hz, clock_hz))
    return platform(board).prepare(top, "top", emit_src=False).files


@pytest.mark.parametrize("name", boards())
def test_a_board_is_named_after_its_part(name):
    board = boards()[name]
    assert board.name == name
    assert board.device in board.title or board.device[5:] in board.title


@pytest.mark.parametrize("name", [name for name, board in boards().items() if board.platform])
def test_a_board_is_what_its_platform_says(name):
    board = boards()[name]
    module, _, class_name = board.platform.rpartition(".")
    pins = getattr(import_module(module), class_name)
    if board.family == "gowin":
        assert board.device == pins.family
        assert pins.part.endswith(board.package + board.speed)
        # Its class has no toolchain of its own, and its default clock is a pin.
        pins = partial(pins, toolchain="Apicula")
    elif board.family == "xc7":
        assert (board.device + "I").lower() == pins.device
        assert (board.package, board.speed) == (pins.package, pins.speed)
    else:
        assert (board.device, board.package) == (pins.device, pins.package)
        assert board.speed == getattr(pins, "speed", "")
    assert board.clock_hz == pins().default_clk_frequency


def test_published_figures():
    figures = {name: (part.luts, part.multipliers, part.block_rams, part.block_ram_bits)
               for name, part in boards().items()}
    assert figures["ulx3s-85f"] == (83_640, 156, 208, 18_432)
    assert figures["ulx3s-45f"] == (43_848, 72, 108, 18_432)
    assert figures["ulx3s-25f"] == (24_288, 28, 56, 18_432)
    assert figures["icebreaker"] == (5_280, 8, 30, 4_096)
    assert figures["hx8k-evn"] == (7_680, 0, 32, 4_096)
    assert figures["tang-nano-9k"] == (8_640, 20, 26, 18_432)
    assert figures["tang-nano-20k"] == figures["tang-primer-20k"] == (20_736, 48, 46, 18_432)
    assert figures["arty-a7-35t"] == (20_800, 90, 100, 18_432)
    assert figures["arty-a7-100t"] == (63_400, 240, 270, 18_432)
    # Kilobits of distributed RAM in the tables of the makers.
    lut_ram = {name: board.part.lut_ram_bits for name, board in boards().items()}
    assert lut_ram["ulx3s-85f"] // 1000 == 669
    assert (lut_ram["tang-nano-9k"], lut_ram["tang-nano-20k"]) == (17_280, 41_472)
    assert (lut_ram["arty-a7-35t"] / 1024, lut_ram["arty-a7-100t"] / 1024) == (400, 1187.5)
    assert {family: part.device for family, part in families().items()} == {
        "ecp5": "LFE5U-85F", "ice40": "iCE40HX8K", "gowin": "GW2A-18C", "xc7": "XC7A100T"}
    assert [name for name, board in boards().items() if board.builds] == [
        "ulx3s-12f", "ulx3s-25f", "ulx3s-45f", "ulx3s-85f", "icebreaker", "hx8k-evn"]
    assert all(bool(board.programmer) == bool(board.build_clock_hz) == board.builds
               for board in boards().values())
    assert [part.block_ram_bytes for part in families().values()] == [2048, 512, 2048, 2048]


@pytest.mark.parametrize("input_mhz", [12, 25, 48, 100])
def test_the_pll_keeps_its_limits_and_comes_near(input_mhz):
    for wanted in [10.1, 33.3, 50, 62.5, 80, 81.3, 95, 99.99, 105, 133, 200, 399]:
        found = pll(input_mhz * MHZ, wanted * MHZ)
        assert INPUT_RANGE[0] <= found.input_hz <= INPUT_RANGE[1]
        assert DETECTOR_RANGE[0] <= found.detector_hz <= DETECTOR_RANGE[1]
        assert VCO_RANGE[0] <= found.vco_hz <= VCO_RANGE[1]
        assert OUTPUT_RANGE[0] <= found.output_hz <= OUTPUT_RANGE[1]
        assert all(1 <= divider <= MAX_DIVIDER for divider in (
            found.input_divider, found.vco_multiple, found.output_divider))
        assert 0.9 * wanted * MHZ <= found.output_hz <= wanted * MHZ
        assert found.output_hz == Fraction(input_mhz * MHZ * found.vco_multiple,
                                           found.input_divider * found.output_divider)


def test_the_pll_makes_the_usual_clocks_exactly():
    for wanted in range(50, 131, 5):
        found = pll(25 * MHZ, wanted * MHZ)
        assert found.output_hz == wanted * MHZ
        assert found.detector_hz == 25 * MHZ


def test_the_pll_refuses_what_it_cannot():
    with pytest.raises(ValueError, match=r"^the PLL of ECP5 takes 8 to 400 MHz, not 5 MHz$"):
        pll(5 * MHZ, 80 * MHZ)
    for wanted in 401, 2:
        with pytest.raises(ValueError, match=(
                rf"^the PLL of ECP5 makes 3\.125 to 400 MHz, and no {wanted} MHz from 25 MHz$")):
            pll(25 * MHZ, wanted * MHZ)


def test_reset_is_held_from_power_on_and_after_every_loss_of_lock():
    dut = ResetHold("sync")
    design = Module()
    design.domains.sync = ClockDomain("sync", reset_less=True)
    design.submodules.hold = dut

    async def bench(ctx):
        async def cycles_of_reset() -> int:
            count = 0
            while ctx.get(dut.reset):
                count += 1
                assert count < 100
                await ctx.tick()
            return count

        for _ in range(50):
            assert ctx.get(dut.reset)
            await ctx.tick()
        ctx.set(dut.good, 1)
        first = await cycles_of_reset()
        assert ResetHold.CYCLES <= first <= ResetHold.CYCLES + ResetHold.LATENCY + 1
        for _ in range(50):
            assert not ctx.get(dut.reset)
            await ctx.tick()
        ctx.set(dut.good, 0)
        await ctx.tick()
        ctx.set(dut.good, 1)
        for _ in range(ResetHold.LATENCY):
            await ctx.tick()
        assert ctx.get(dut.reset)
        assert first - ResetHold.LATENCY - 1 <= await cycles_of_reset() <= first

    simulator = Simulator(design)
    simulator.add_clock(1e-6)
    simulator.add_testbench(bench)
    simulator.run()


@pytest.mark.parametrize("input_mhz", [10, 12, 16, 25, 48, 100])
def test_the_pll_of_ice40_keeps_its_limits_and_comes_near(input_mhz):
    for wanted in [24, 34, 36, 40.1, 48, 62.5, 81.3, 99.99, 133, 200, 270]:
        found = ice40_pll(input_mhz * MHZ, wanted * MHZ, least=Fraction(0))
        assert ice40.INPUT_RANGE[0] <= found.input_hz <= ice40.INPUT_RANGE[1]
        assert ice40.DETECTOR_RANGE[0] <= found.detector_hz <= ice40.DETECTOR_RANGE[1]
        assert ice40.VCO_RANGE[0] <= found.vco_hz <= ice40.VCO_RANGE[1]
        assert ice40.OUTPUT_RANGE[0] <= found.output_hz <= min(wanted * MHZ, ice40.OUTPUT_RANGE[1])
        assert 1 <= found.input_divider <= 16
        assert 1 <= found.vco_multiple <= 64
        assert 1 <= found.output_shift <= 6
        assert found.output_hz == Fraction(input_mhz * MHZ * found.vco_multiple,
                                           found.input_divider << found.output_shift)
        # All settings within the limits, tried out, give none that is nearer.
        assert found.output_hz == max(
            output for divider in range(1, 17) for multiple in range(1, 65) for shift in range(1, 7)
            for output in [Fraction(input_mhz * MHZ * multiple, divider << shift)]
            if output <= wanted * MHZ and 16 * MHZ <= output <= 275 * MHZ
            and 10 * MHZ <= Fraction(input_mhz * MHZ, divider) <= 133 * MHZ
            and 533 * MHZ <= output * (1 << shift) <= 1066 * MHZ)


def test_the_pll_of_ice40_is_set_as_icestorm_sets_it():
    # What its program icepll says: DIVR + 1, DIVF + 1, DIVQ, FILTER_RANGE.
    for source, wanted, settings in (
            (12, 96, (1, 64, 3, 1)), (16, 50, (1, 50, 4, 1)), (12, 36, (1, 48, 4, 1))):
        found = ice40_pll(source * MHZ, wanted * MHZ)
        assert found.output_hz == wanted * MHZ
        assert (found.input_divider, found.vco_multiple, found.output_shift, found.filter) == settings
    # Its thresholds for the filter, from below and from above.
    for source, setting in ((16, 1), (17, 2), (25, 2), (26, 3), (43, 3), (44, 4), (65, 4), (66, 5), (100, 5),
                            (101, 6), (133, 6)):
        assert ice40.Ice40Pll(input_hz=Fraction(source * MHZ), input_divider=1, vco_multiple=8,
                              output_shift=3).filter == setting


def test_the_pll_of_ice40_refuses_what_it_cannot():
    with pytest.raises(ValueError, match=r"^the PLL of iCE40 takes 10 to 133 MHz, not 8 MHz$"):
        ice40_pll(8 * MHZ, 40 * MHZ)
    # 30 MHz is in a gap from 24 to 33.75 MHz.
    for wanted in 276, 15, 30:
        with pytest.raises(ValueError, match=(
                rf"^the PLL of iCE40 makes 16 to 275 MHz, and no {wanted} MHz from 12 MHz$")):
            ice40_pll(12 * MHZ, wanted * MHZ)
    assert ice40_pll(12 * MHZ, 30 * MHZ, least=Fraction(0)).output_hz == 24 * MHZ


@pytest.mark.parametrize("name", [name for name in boards() if name.startswith("ulx3s")])
def test_the_wires_go_to_the_ftdi_chip(name):
    made = files(name, 80 * MHZ)
    sites = dict(re.findall(r'LOCATE COMP "(\w+)" SITE "(\w+)";', made["top.lpf"]))
    # From the board's published constraints: ftdi_txd is M1, and the FPGA's transmitter drives ftdi_rxd, L4.
    assert sites["uart_0__rx__io"] == "M1"
    assert sites["uart_0__tx__io"] == "L4"
    assert sites["clk25_0__io"] == "G2"
    # Undriven, this one restarts the board.
    assert sites["esp32_0__gpio0__io"] == "L2"
    assert 'FREQUENCY PORT "clk25_0__io" 25000000.0 HZ;' in made["top.lpf"]
    assert made["top.il"].count("cell \\EHXPLLL") == 1


# From the boards' published constraints: what the FTDI chip sends arrives at rx.
@pytest.mark.parametrize(("name", "pll_cell", "pins"), [
    ("icebreaker", "SB_PLL40_PAD", {
        "clk12_0__io": "35", "uart_0__rx__io": "6", "uart_0__tx__io": "9", "button_0__io": "10",
        "led_0__io": "11", "led_1__io": "37"}),
    ("hx8k-evn", "SB_PLL40_CORE", {
        "clk12_0__io": "J3", "uart_0__rx__io": "B10", "uart_0__tx__io": "B12",
        **{f"led_{number}__io": pin for number, pin in enumerate(("C3", "B3", "C4", "C5", "A1", "A2"))}}),
])
def test_the_pins_of_boards_with_ice40(name, pll_cell, pins):
    made = files(name, 36 * MHZ)
    assert dict(re.findall(r"set_io (\w+) (\w+)", made["top.pcf"])) == pins
    assert "set_frequency clock 36.0" in made["top.pcf"]
    assert "set_frequency clk12_0__io 12.0" in made["top.pcf"]
    assert made["top.il"].count(f"cell \\{pll_cell}") == 1
