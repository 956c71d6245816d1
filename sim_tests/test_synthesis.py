"""Synthesis: a real bitstream that meets its clock, one that cannot, and what the reports say."""

import json
import subprocess
import time
from dataclasses import replace
from threading import Event

import pytest
from mixing_accelerator import MixingAccelerator
from tools import needs

from gatecast import ecp5_flow, ice40_flow, placement, toolbox, verilog
from gatecast.boards import boards
from gatecast.critical_path import critical_path, where
from gatecast.errors import CheckError, InputError
from gatecast.flow_steps import Route
from gatecast.hdl.frame_link import FrameLinkParams
from gatecast.programming import program
from gatecast.synthesis import BITSTREAM, TIMING_REPORT, build, synthesize_core
from gatecast.synthesis_report import Resources, fmax_mhz, placed_resources
from gatecast.toolbox import Tool

BOARD = boards()["ulx3s-85f"]
EMPTY = '{"modules": {"top": {"cells": {}, "ports": {}}}}'
NEEDS_ECP5 = needs("yosys", "nextpnr-ecp5", "ecppack")


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    """An empty cache, so that these tests run the tools."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GATECAST_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@NEEDS_ECP5
def test_a_bitstream_that_meets_its_clock_then_from_the_cache_then_a_hopeless_one(cache, tmp_path):
    folder = tmp_path / "build"
    steps = []
    result = build(MixingAccelerator(64, 10), BOARD, folder, clock_hz=80e6, seeds=1,
                   progress=steps.append)
    assert steps == ["elaboration (Amaranth)", "synthesis (Yosys)",
                     "placement and routing (nextpnr, seed 1)", "bitstream (ecppack)"]
    assert (result.board, result.seed, result.clock_hz, result.baud) == ("ulx3s-85f", 1, 80e6, 1_000_000)
    assert result.fmax_mhz >= result.clock_mhz == 80
    # The link and little else: it must neither grow nor hold the accelerator back.
    assert result.fmax_mhz > 100
    assert 400 < result.resources.luts < 1000
    assert 300 < result.resources.ffs < 600
    assert (result.resources.dsps, result.resources.brams) == (0, 1)
    assert result.link == FrameLinkParams(input_bytes=64, output_bytes=10, timeout=4_000_000, slots=16,
                                          build_id=result.link.build_id)
    assert set(result.seconds) == {"elaborate", "synthesize", "route", "pack"}
    assert sorted(file.name for file in folder.iterdir()) == [BITSTREAM, ecp5_flow.PINS, TIMING_REPORT]
    bitstream = result.bitstream.read_bytes()
    # The preamble of an ECP5 bitstream, behind its comments.
    assert b"\xff\xff\xbd\xb3" in bitstream[:200]
    assert (folder / TIMING_REPORT).read_text().startswith("80 MHz wanted, ")
    assert "clk-to-q" in result.critical_path
    assert result.tried == {1: result.fmax_mhz}
    assert result.slowest.startswith(("in ", "from "))

    steps.clear()
    again = build(MixingAccelerator(64, 10), BOARD, folder, clock_hz=80e6, seeds=1,
                  progress=steps.append)
    assert steps == ["elaboration (Amaranth)"]
    assert again.bitstream.read_bytes() == bitstream
    assert replace(again, seconds=result.seconds) == result

    steps.clear()
    with pytest.raises(CheckError, match=(
            r"^the clock is missed on ulx3s-25f: 400 MHz wanted, \d\d\d\.\d MHz reached by the best of 1 "
            r"placement, whose longest path is (in|from) .*; ask for at most \d\d\d MHz$")) as caught:
        build(MixingAccelerator(64, 10), boards()["ulx3s-25f"], folder, clock_hz=400e6, seeds=1,
              progress=steps.append)
    # The router, which insists on a clock, would never end.
    assert steps[-2:] == ["placement and routing (nextpnr, seed 1)",
                          "placement and routing for less than the clock (nextpnr, seed 1)"]
    assert caught.value.exit_code == 1
    assert not list(folder.iterdir())


class Flow:
    """Stands for the tools on so many cores: reaches `fmax` MHz by seed, whatever is asked for.

    A list is what it reaches one time after the other, by whatever seed.
    """

    def __init__(self, monkeypatch, fmax, cores=1):
        self.fmax = fmax if isinstance(fmax, dict) else list(fmax)
        self.seeds = []
        monkeypatch.setattr(placement.os, "cpu_count", lambda: cores)
        monkeypatch.setattr(ecp5_flow, "synthesize", lambda _rtlil, _top, _progress: EMPTY)
        monkeypatch.setattr(ecp5_flow, "route", self.route)
        monkeypatch.setattr(ecp5_flow, "pack", lambda _configuration, _progress: b"bits")

    def route(self, _netlist, pins, part, seed, _progress, _look):
        assert "FREQUENCY PORT" in pins
        assert part == ("--85k", "--speed", "6", "--package", "CABGA381")
        self.seeds.append(seed)
        if isinstance(self.fmax, dict) and seed not in self.fmax:
            raise CheckError(f"no place for seed {seed}")
        fmax = self.fmax[seed] if isinstance(self.fmax, dict) else self.fmax.pop(0)
        # Every clock that the tests below ask for.
        clocks = {f"clk{mhz}": {"achieved": fmax, "constraint": mhz} for mhz in (100.0, 80.0, 66.5, 66.25)}
        return Route(configuration="", report=REPORT | {"fmax": clocks})


def test_another_seed_when_the_clock_is_missed(monkeypatch, tmp_path):
    flow = Flow(monkeypatch, [75.0, 79.9, 80.1])
    result = build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6)
    assert (flow.seeds, result.seed, result.fmax_mhz) == ([1, 2, 3], 3, 80.1)
    assert result.bitstream.read_bytes() == b"bits"


@pytest.mark.parametrize("cores", [1, 2, 8])
def test_the_first_seed_that_meets_the_clock_on_any_number_of_cores(monkeypatch, tmp_path, cores):
    flow = Flow(monkeypatch, {1: 75.0, 2: 80.5, 3: 90.0}, cores=cores)
    result = build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6)
    assert (result.seed, result.fmax_mhz, result.tried) == (2, 80.5, {1: 75.0, 2: 80.5})
    assert {1, 2} <= set(flow.seeds)
    # One after the other, none begins after that which meets it.
    assert cores > 1 or flow.seeds == [1, 2]
    assert (tmp_path / TIMING_REPORT).read_text().startswith(
        "80 MHz wanted, MHz reached: 75.00 with seed 1, 80.50 with seed 2\n"
        "longest path in the top of the board, from a to b:\n")


@pytest.mark.parametrize("cores", [1, 2])
def test_a_seed_that_cannot_be_placed_is_passed_over(monkeypatch, tmp_path, cores):
    Flow(monkeypatch, {1: 75.0, 3: 80.1}, cores=cores)
    result = build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6)
    assert (result.seed, result.tried) == (3, {1: 75.0, 3: 80.1})

    with pytest.raises(CheckError, match=r"^no place for seed 1$"):
        Flow(monkeypatch, {}, cores=cores)
        build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6)


def test_a_seed_that_meets_the_clock_ends_the_others(monkeypatch, tmp_path):
    flow = Flow(monkeypatch, {1: 80.1}, cores=2)
    met, begun, ended = flow.route, Event(), []

    def route(netlist, pins, part, seed, progress, look):
        if seed == 1:
            assert begun.wait(10)
            return met(netlist, pins, part, seed, progress, look)
        begun.set()
        with pytest.raises(KeyboardInterrupt):
            while True:
                time.sleep(0.01)
                look()
        ended.append(seed)
        raise KeyboardInterrupt

    monkeypatch.setattr(ecp5_flow, "route", route)
    assert build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6, seeds=2).seed == 1
    assert ended == [2]


def test_no_seed_begins_after_one_that_meets_the_clock(monkeypatch, tmp_path):
    """Even while those before it are still on their way."""
    flow, met = Flow(monkeypatch, {1: 75.0, 2: 80.1}, cores=2), Event()

    def route(netlist, pins, part, seed, progress, look):
        if seed == 1:
            assert met.wait(10)
            # For the thread that is free, to begin what it should not.
            time.sleep(0.2)
        routed = flow.route(netlist, pins, part, seed, progress, look)
        if seed == 2:
            met.set()
        return routed

    monkeypatch.setattr(ecp5_flow, "route", route)
    assert build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6, seeds=3).seed == 2
    assert flow.seeds == [2, 1]


@pytest.mark.parametrize("seeds", [0, -1])
def test_no_seed_is_refused(tmp_path, seeds):
    with pytest.raises(InputError, match=f"^a build must try at least one seed, not {seeds}$"):
        build(MixingAccelerator(64, 10), BOARD, tmp_path, seeds=seeds)


def test_a_clock_that_was_asked_for_is_kept_or_refused(monkeypatch, tmp_path):
    Flow(monkeypatch, [70.0, 72.0, 71.0])
    with pytest.raises(CheckError, match=(
            r"^the clock is missed on ulx3s-85f: 80 MHz wanted, 72\.0 MHz reached by the best of 3 "
            r"placements, whose longest path is in the top of the board, from a to b; ask for at most "
            r"68 MHz$")):
        build(MixingAccelerator(64, 10), BOARD, tmp_path, clock_hz=80e6)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("registered", "mhz"), [(False, 24), (False, 36), (True, 36)])
def test_a_clock_that_nextpnr_does_not_check_is_refused(monkeypatch, tmp_path, registered, mhz):
    """The board's own leaves room for products that nextpnr does not count; a higher one is refused."""
    cells = {"product": {"type": "SB_MAC16", "connections": {},
                         "parameters": {"PIPELINE_16x16_MULT_REG2": "01"[registered]}}}
    netlist = json.dumps({"modules": {"top": {"cells": cells, "ports": {}}}})

    def route(_netlist, _pins, _part, _seed, _progress, _look):
        raise CheckError("placed")

    monkeypatch.setattr(ice40_flow, "synthesize", lambda _rtlil, _top, _progress: netlist)
    monkeypatch.setattr(ice40_flow, "route", route)
    refused = mhz > 24 and not registered
    with pytest.raises(InputError if refused else CheckError, match=(
            r"^nextpnr does not count the time of 1 SB_MAC16 without a register behind the product, so no "
            r"clock above 24 MHz can be checked on icebreaker; ask for that at most, not 36 MHz$"
            if refused else "^placed$")):
        build(MixingAccelerator(64, 10), boards()["icebreaker"], tmp_path, clock_hz=mhz * 1e6,
              baud=500_000)


def test_what_the_chip_has_no_room_for_is_not_placed(monkeypatch, tmp_path):
    flow = Flow(monkeypatch, [])
    cells = {f"{kind}_{index}": {"type": kind, "parameters": {}, "connections": {}}
             for kind, number in (("DP16KD", 209), ("MULT18X18D", 156)) for index in range(number)}
    netlist = json.dumps({"modules": {"top": {"cells": cells, "ports": {}}}})
    monkeypatch.setattr(ecp5_flow, "synthesize", lambda _rtlil, _top, _progress: netlist)
    with pytest.raises(CheckError, match=(
            r"^the design does not fit ulx3s-85f: with the serial link it takes 209 block RAMs of 208; "
            r"give the plan less \(--multipliers, --dsps, --brams, --luts\), or take a larger board$")):
        build(MixingAccelerator(64, 10), BOARD, tmp_path)
    assert not flow.seeds
    assert not list(tmp_path.iterdir())


@needs("yosys", "nextpnr-ice40", "icepack")
@pytest.mark.parametrize("name", ["icebreaker", "hx8k-evn"])
def test_a_bitstream_for_ice40(name, cache, tmp_path):
    board = boards()[name]
    result = build(MixingAccelerator(64, 10), board, tmp_path, seeds=1)
    assert result.fmax_mhz >= result.clock_mhz == board.build_clock_hz / 1e6
    assert (result.resources.dsps, result.resources.brams) == (0, 1)
    assert 300 < result.resources.ffs < result.resources.luts < 1200
    # What one block RAM holds.
    assert result.link.slots == 8
    assert sorted(file.name for file in tmp_path.iterdir()) == [BITSTREAM, "pins.pcf", TIMING_REPORT]
    # The preamble of an iCE40 bitstream.
    assert b"\x7e\xaa\x99\x7e" in result.bitstream.read_bytes()[:200]
    assert result.slowest.startswith(("in ", "from "))


def test_a_clock_that_was_not_asked_for_gives_way(monkeypatch, tmp_path):
    flow = Flow(monkeypatch, [70.0, 67.0])
    result = build(MixingAccelerator(64, 10), BOARD, tmp_path)
    # Far from what is tried first, no other seed is.
    assert flow.seeds == [1, 1]
    assert (result.clock_mhz, result.fmax_mhz) == (66.25, 67.0)
    # What depends on the clock follows it: 50 ms.
    assert result.link.timeout == 3_312_500


def test_a_clock_below_what_the_pll_makes_is_missed(monkeypatch, tmp_path):
    Flow(monkeypatch, [3.0])
    with pytest.raises(CheckError, match=(
            r"^the clock is missed on ulx3s-85f: 100 MHz wanted, 3\.0 MHz reached ")):
        build(MixingAccelerator(64, 10), BOARD, tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_interruption_leaves_nothing(monkeypatch, tmp_path):
    def interrupted(_configuration, _progress):
        raise KeyboardInterrupt

    folder = tmp_path / "build"
    folder.mkdir()
    (folder / BITSTREAM).write_bytes(b"of yesterday")
    Flow(monkeypatch, [160.0])
    monkeypatch.setattr(ecp5_flow, "pack", interrupted)
    with pytest.raises(KeyboardInterrupt):
        build(MixingAccelerator(64, 10), BOARD, folder)
    assert not list(folder.iterdir())


def test_what_cannot_be_built_is_refused_before_anything_starts(tmp_path):
    accelerator = MixingAccelerator(64, 10)
    folder = tmp_path / "build"

    def refused(match, board=BOARD, **options):
        with pytest.raises(InputError, match=match):
            build(accelerator, board, folder, **options)
        assert not folder.exists()

    refused(r"^found the board 'arty-a7-35t', for which there is no bitstream yet, allowed: ulx3s-12f, "
            r"ulx3s-25f, ulx3s-45f, ulx3s-85f, icebreaker, hx8k-evn; or use `gatecast generate` and a top of "
            r"your own$", board=boards()["arty-a7-35t"])
    refused(r"^board icebreaker has no such clock: the PLL of iCE40 makes 16 to 275 MHz, and no 30 MHz from "
            r"12 MHz$", board=boards()["icebreaker"], clock_hz=30e6)
    refused(r"^board ulx3s-85f has no such clock: the PLL of ECP5 makes 3\.125 to 400 MHz, and no 500 MHz "
            r"from 25 MHz$", clock_hz=500e6)
    refused(r"^a clock must be a positive number of Hz, not 0$", clock_hz=0)
    refused(r"^a clock must be a positive number of Hz, not inf$", clock_hz=float("inf"))
    refused(r"^the serial link of ulx3s-85f cannot be built: 20000000 baud need a clock of at least 160 MHz, "
            r"not 80 MHz$", clock_hz=80e6, baud=20_000_000)
    refused(r"^the serial link of ulx3s-85f cannot be built: slots must be in \[1, 255\], not 0$", slots=0)
    accelerator.input_bytes = 70_000
    refused(r"^the serial link of ulx3s-85f cannot be built: input_bytes must be in \[1, 65535\], what one "
            r"packet can carry, not 70000$", build_id=1)
    accelerator.input_bytes = 64
    verilog.convert_rtlil(accelerator, "core")


def test_a_missing_tool_is_named(monkeypatch, tmp_path):
    def find(name):
        return Tool(name=name, purpose="", version=None, where=None,
                    how_to_get="pip install 'gatecast[ecp5]'")

    monkeypatch.setattr(toolbox, "find", find)
    with pytest.raises(CheckError, match=(
            r"^building for ECP5 needs yosys 0\.55 or newer, which was not found; get it with pip install "
            r"'gatecast\[ecp5\]'$")):
        build(MixingAccelerator(64, 10), BOARD, tmp_path)


@needs("yosys")
def test_resources_without_pins(cache):
    text = verilog.convert(MixingAccelerator(64, 10), "core")
    resources = synthesize_core(text, "core")
    assert 20 < resources.luts < 120
    assert 20 < resources.ffs < 60
    assert (resources.dsps, resources.brams) == (0, 0)
    resources = synthesize_core(text, "core", "ice40")
    assert 20 < resources.luts < 120
    assert 20 < resources.ffs < 60
    assert (resources.dsps, resources.brams) == (0, 0)
    with pytest.raises(InputError, match=(
            r"^synthesis for the family gowin is not there yet; use ecp5 or ice40$")):
        synthesize_core(text, "core", "gowin")


REPORT = {
    "utilization": {"TRELLIS_COMB": {"used": 7, "available": 9}, "TRELLIS_FF": {"used": 5, "available": 9},
                    "MULT18X18D": {"used": 3, "available": 9}, "DP16KD": {"used": 1, "available": 9}},
    "fmax": {"$glbnet$clk": {"achieved": 91.5, "constraint": 80.0}},
    "critical_paths": [
        {"from": "<async>", "to": "posedge clk", "path": []},
        {"from": "posedge clk", "to": "posedge clk", "path": [
            {"type": "clk-to-q", "delay": 0.52, "to": {"cell": "a"}},
            {"type": "routing", "delay": 1.25, "net": "a_q", "to": {"cell": "b"}},
            {"type": "setup", "delay": 0.0, "to": {"cell": "b"}}]}],
}


def test_what_the_reports_say():
    assert placed_resources(REPORT, {}) == Resources(luts=7, ffs=5, dsps=3, brams=1)
    # That of iCE40 counts logic cells, and no flip-flops.
    report = {"utilization": {name: {"used": used, "available": 9} for name, used in (
        ("ICESTORM_LC", 8), ("ICESTORM_DSP", 2), ("ICESTORM_RAM", 4))}}
    assert placed_resources(report, {"SB_DFF": 3, "SB_DFFESS": 2, "SB_LUT4": 7}) == Resources(
        luts=8, ffs=5, dsps=2, brams=4)
    assert fmax_mhz(REPORT, 80e6) == 91.5
    assert fmax_mhz(REPORT, 25e6) is None
    assert critical_path(REPORT).splitlines() == [
        "  0.52   0.52 ns  clk-to-q  a", "  1.25   1.77 ns  routing   a_q", "  0.00   1.77 ns  setup     b"]
    assert critical_path({"critical_paths": []}) == ""


def test_where_the_longest_path_is():
    def said(start, end):
        steps = [{"type": "clk-to-q", "delay": 0.5, "to": {"cell": start}},
                 {"type": "setup", "delay": 0.0, "to": {"cell": end}}]
        return where({"critical_paths": [{"from": "posedge clk", "to": "posedge clk", "path": steps}]},
                     {"engine_0": "engine 0 (conv_1, conv_2)"})

    inside = "design.accelerator.engine_0.walk."
    assert said(f"{inside}hold_left_TRELLIS_FF_Q_1", f"{inside}weight_now$21_TRELLIS_FF_Q_7") == (
        "in engine 0 (conv_1, conv_2), from walk.hold_left to walk.weight_now")
    assert said(f"{inside}hold_left_TRELLIS_FF_Q_1", "design.accelerator.memory_a_to_0.words.0.0") == (
        "from engine 0 (conv_1, conv_2), walk.hold_left, to memory_a_to_0, words.0.0")
    assert said("design.accelerator.tlast_error_TRELLIS_FF_Q", "design.link.sender.state_TRELLIS_FF_Q_2") == (
        "from the accelerator, tlast_error, to link, sender.state")
    assert said("left$28_TRELLIS_FF_Q_10", "left$28_TRELLIS_FF_Q_11") == (
        "in the top of the board, from left to left")
    assert said(f"{inside}hold_left_SB_DFFESR_Q_1_DFFLC", f"{inside}weight_now$21_SB_LUT4_I2_O_SB_DFF_D") == (
        "in engine 0 (conv_1, conv_2), from walk.hold_left to walk.weight_now")
    assert where({"critical_paths": []}, {}) == ""


def test_programming(monkeypatch, tmp_path):
    with pytest.raises(InputError, match=(
            rf"^{tmp_path} holds no bitstream\.bit; make it with `gatecast build`$")):
        program(tmp_path, BOARD)
    bitstream = tmp_path / BITSTREAM
    bitstream.write_bytes(b"bits")
    with pytest.raises(InputError, match=(
            rf"^Gatecast does not know how to program arty-a7-35t; load {bitstream} by hand$")):
        program(tmp_path, boards()["arty-a7-35t"])

    def loader(version, where=None):
        return lambda name: Tool(name=name, purpose="", version=version, where=where,
                                 how_to_get="apt-get install openfpgaloader")

    monkeypatch.setattr(toolbox, "find", loader(None))
    with pytest.raises(CheckError, match=(
            r"^programming ulx3s-85f needs openFPGALoader, which was not found; get it with apt-get install "
            r"openfpgaloader$")):
        program(tmp_path, BOARD)

    called = []
    code = 0

    def run(command, **_options):
        called.append(command)
        return subprocess.CompletedProcess(command, code)

    monkeypatch.setattr(toolbox, "find", loader("0.12", "/bin/loader"))
    monkeypatch.setattr(subprocess, "run", run)
    program(tmp_path, BOARD)
    program(tmp_path, BOARD, flash=True)
    assert called == [["/bin/loader", "-b", "ulx3s", str(bitstream)],
                      ["/bin/loader", "-b", "ulx3s", "-f", str(bitstream)]]
    code = 3
    with pytest.raises(CheckError, match=(
            r"^openFPGALoader ended with exit code 3; is Radiona ULX3S \(LFE5U-85F\) plugged in, and may you "
            r"use its USB port$")):
        program(tmp_path, BOARD)
