"""From an accelerator to a bitstream for a board that meets its clock, or to the resources it takes."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from gatecast.boards import Board
from gatecast.boards.pll import LEAST
from gatecast.boards.top import BoardTop, Clock, platform
from gatecast.boards.tops import top_of
from gatecast.hdl.frame_link import FrameLinkParams, default_slots
from gatecast.hdl.uart import uart_divisor
from gatecast.hdl.uart_top import UartTop

from . import verilog
from .critical_path import critical_path, where
from .errors import CheckError, InputError
from .files import written_whole
from .flows import flow_of
from .names import plain_names
from .netlist import Netlist
from .placement import place
from .synthesis_report import Resources, placed_resources, synthesized_resources
from .targets import check_builds

__all__ = ["BITSTREAM", "DEFAULT_BAUD", "DEFAULT_SEEDS", "BuildResult", "build", "synthesize_core"]

BITSTREAM = "bitstream.bit"
TIMING_REPORT = "timing.txt"

# The FTDI chip of the boards makes it exactly, and so does every clock that is a multiple of it.
DEFAULT_BAUD = 1_000_000
# A pause in the middle of a packet that no working USB host makes.
TIMEOUT_SECONDS = 0.05

# Where a clock of our own choice was missed, the next one lies this much under what was reached.
MARGIN = 0.95
# Placements of one netlist differ by a tenth of the clock.
DEFAULT_SEEDS = 3


@dataclass(frozen=True, kw_only=True)
class BuildResult:
    """A bitstream that meets its clock, and what is known of it.

    `seconds` were spent now on each step: next to none on one whose result was in the cache. `link` and
    `baud` are what the host must know, see `gatecast.settings.board_settings`. `tried` has the highest clock
    in MHz that each seed tried reached, `slowest` says where the longest path lies and `critical_path` has
    its steps.
    """

    board: str
    bitstream: Path
    clock_hz: float
    fmax_mhz: float
    resources: Resources
    seed: int
    tried: dict[int, float]
    seconds: dict[str, float]
    slowest: str
    critical_path: str
    link: FrameLinkParams
    baud: int

    @property
    def clock_mhz(self) -> float:
        """The clock it runs at, in MHz."""
        return self.clock_hz / 1e6


Progress = Callable[[str], None]


def _silent(_step: str) -> None:
    pass


def build(accelerator: Any, board: Board, folder: Path, *, clock_hz: float | None = None,
          baud: int = DEFAULT_BAUD, build_id: int | None = None, slots: int | None = None,
          seeds: int = DEFAULT_SEEDS, parts: Mapping[str, str] | None = None,
          progress: Progress = _silent) -> BuildResult:
    """Put `accelerator` behind the serial port of `board`; write what comes of it to `folder`.

    Parameters
    ----------
    accelerator : Component
        With `s_axis`, `m_axis`, `tlast_error`, `input_bytes` and `output_bytes`.
    clock_hz : float, optional
        The clock wanted; the PLL makes the nearest at or below it. Without it, what the board says that most
        plans meet, or what is reached.
    baud : int
        Speed of the serial line.
    build_id : int, optional
        32 bits that the board tells its host; by default made from the accelerator.
    slots : int, optional
        Frames under way; by default what fits one block RAM.
    seeds : int
        Placements to try at most, from seeds 1, 2, ..., as many side by side as there are cores: the first
        that meets the clock is taken.
    parts : mapping of str to str, optional
        What a person calls the modules of `accelerator`, for what is said of the longest path.
    progress : callable
        Told what is being done, at the start of each step that is not in the cache.

    Raises
    ------
    InputError
        Where the board has no top, or PLL or serial line cannot run at these speeds.
    CheckError
        Where the design does not fit the chip or the clock is missed: then nothing in `folder` is called a
        bitstream. Where a tool fails.
    """
    check_builds(board)
    if seeds < 1:
        raise InputError(f"a build must try at least one seed, not {seeds}")
    flow = flow_of(board.family)
    for name in BITSTREAM, TIMING_REPORT, flow.PINS:
        (folder / name).unlink(missing_ok=True)

    if build_id is None:
        build_id = _build_id(accelerator)
    clock = _clock(board, board.build_clock_hz if clock_hz is None else clock_hz,
                   Fraction(0) if clock_hz is None else LEAST)
    timer = _Timer()
    while True:
        link, divisor = _link(accelerator, board, clock, baud, build_id, slots)
        top = top_of(board)(UartTop(accelerator, link, divisor), clock)
        netlist, pins = _synthesize(top, board, timer, progress)
        graph = Netlist(netlist, "top")
        cells = graph.types()
        _check_fits(synthesized_resources(cells), board)
        _check_timed(flow.untimed(graph), board, clock)
        with timer.step("route"):
            placements = place(netlist, pins, board, float(clock.output_hz),
                               range(1, seeds + 1), progress)
        best = max(placements, key=lambda placement: placement.fmax_mhz)
        slowest = where(best.routed.report, parts or {})
        if best.fmax_mhz * 1e6 >= clock.output_hz:
            with timer.step("pack"):
                bitstream = flow.pack(best.routed.configuration, progress)
            result = BuildResult(
                board=board.name, bitstream=folder / BITSTREAM, clock_hz=float(clock.output_hz),
                fmax_mhz=best.fmax_mhz, seed=best.seed,
                resources=placed_resources(best.routed.report, cells),
                tried={placement.seed: placement.fmax_mhz for placement in placements},
                seconds=timer.seconds, slowest=slowest, critical_path=critical_path(best.routed.report),
                link=link, baud=baud)
            _write(result, bitstream, pins, folder / flow.PINS)
            return result
        lower = best.fmax_mhz * 1e6 * MARGIN
        missed = CheckError(
            f"the clock is missed on {board.name}: {float(clock.output_hz) / 1e6:g} MHz wanted, "
            f"{best.fmax_mhz:.1f} MHz reached by the best of {len(placements)} "
            f"placement{'s' * (len(placements) > 1)}, whose longest path is {slowest}; ask for at most "
            f"{lower / 1e6:.0f} MHz")
        if clock_hz is not None:
            raise missed
        try:
            clock = _clock(board, lower, Fraction(0))
        except InputError:
            raise missed from None


def _check_fits(used: Resources, board: Board) -> None:
    """Raise ``CheckError`` for a design that needs more than the chip has: placement might not say it."""
    over = [f"{number:,} {what} of {limit:,}" for what, number, limit in (
        ("LUTs", used.luts, board.luts), ("flip-flops", used.ffs, board.ffs),
        ("DSP multipliers", used.dsps, board.multipliers), ("block RAMs", used.brams, board.block_rams))
        if number > limit]
    if over:
        raise CheckError(f"the design does not fit {board.name}: with the serial link it takes "
                         f"{' and '.join(over)}; give the plan less (--multipliers, --dsps, --brams, "
                         f"--luts), or take a larger board")


def _check_timed(untimed: str, board: Board, clock: Clock) -> None:
    """Raise ``InputError`` for a clock that nobody can vouch for: above the board's, with untimed paths."""
    if untimed and clock.output_hz > board.build_clock_hz:
        raise InputError(
            f"nextpnr does not count the time of {untimed}, so no clock above {board.build_clock_hz / 1e6:g} "
            f"MHz can be checked on {board.name}; ask for that at most, not "
            f"{float(clock.output_hz) / 1e6:g} MHz")


class _Timer:
    """Seconds spent in each named step."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self.seconds[name] = self.seconds.get(name, 0.0) + time.monotonic() - started


def _build_id(accelerator: Any) -> int:
    digest = hashlib.sha256(verilog.convert_rtlil(accelerator, "core").encode()).digest()
    return int.from_bytes(digest[:4], "big")


def _clock(board: Board, wanted: float, least: Fraction) -> Clock:
    if not 0 < wanted < float("inf"):
        raise InputError(f"a clock must be a positive number of Hz, not {wanted}")
    try:
        return top_of(board).clock_from(board.clock_hz, wanted, least=least)
    except ValueError as error:
        raise InputError(f"board {board.name} has no such clock: {error}") from None


def _link(accelerator: Any, board: Board, clock: Clock, baud: int, build_id: int,
          slots: int | None) -> tuple[FrameLinkParams, int]:
    """Return the settings of the link, and the clock cycles of a bit."""
    try:
        divisor = uart_divisor(float(clock.output_hz), baud)
        if slots is None:
            slots = default_slots(accelerator.input_bytes, board.part.block_ram_bytes)
        params = FrameLinkParams(
            input_bytes=accelerator.input_bytes, output_bytes=accelerator.output_bytes, build_id=build_id,
            timeout=int(clock.output_hz * TIMEOUT_SECONDS), slots=slots)
    except ValueError as error:
        raise InputError(f"the serial link of {board.name} cannot be built: {error}") from None
    return params, divisor


def _synthesize(top: BoardTop, board: Board, timer: _Timer, progress: Progress) -> tuple[str, str]:
    """Return netlist and pins."""
    with timer.step("elaborate"):
        progress("elaboration (Amaranth)")
        files = platform(board).prepare(top, "top", emit_src=False).files
    with timer.step("synthesize"):
        # With plain names: of Amaranth's own ones Yosys 0.70 fails an assertion in some designs.
        flow = flow_of(board.family)
        netlist = flow.synthesize(plain_names(files["top.il"], top="top", ports=()), "top", progress)
    return netlist, files[f"top{Path(flow.PINS).suffix}"]


def _write(result: BuildResult, bitstream: bytes, pins: str, constraints: Path) -> None:
    with written_whole(constraints) as file:
        file.write_text(pins)
    with written_whole(result.bitstream.with_name(TIMING_REPORT)) as file:
        tried = ", ".join(f"{fmax:.2f} with seed {seed}" for seed, fmax in result.tried.items())
        file.write_text(f"{result.clock_mhz:g} MHz wanted, MHz reached: {tried}\n"
                        f"longest path {result.slowest}:\n{result.critical_path}\n")
    with written_whole(result.bitstream) as file:
        file.write_bytes(bitstream)


def synthesize_core(verilog_text: str, top: str, family: str = "ecp5", *,
                    progress: Progress = _silent) -> Resources:
    """Return what a Verilog text takes on a family, without pins, placement or clock.

    A placed design has more LUTs, at the ends of carry chains: a quarter to a third more where multipliers of
    arrays are made of them.
    """
    netlist = flow_of(family).synthesize(verilog_text, top, progress, language="verilog")
    return synthesized_resources(Netlist(netlist, top).types())
