"""The package: its distributions hold what the repository holds, and imports point one way."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
# Folder of the checkout -> package; the longest match counts.
ROOMS = {"generator": "gatecast", "hdl": "gatecast/hdl", "boards": "gatecast/boards",
         "networks": "gatecast/networks"}
# What the code of each room may import of ours; training reads what it wrote and runs the golden model on it.
ALLOWED = {"hdl": {"gatecast.hdl"}, "boards": {"gatecast.boards", "gatecast.hdl"},
           "networks": {"gatecast.networks", "gatecast.golden", "gatecast.reader"}}


def tracked(*patterns: str) -> list[str]:
    """What git knows under ``patterns``."""
    return subprocess.run(["git", "ls-files", *patterns], cwd=ROOT, check=True, capture_output=True,
                          text=True).stdout.splitlines()


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's files, without what earlier builds have left between them."""
    folder = tmp_path_factory.mktemp("source")
    for name in tracked():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, folder / name)
    return folder


def test_the_wheel_holds_every_file_and_no_other(source: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                    "--wheel-dir", tmp_path, source], check=True, capture_output=True)
    wheel, = tmp_path.glob("gatecast-*.whl")
    names = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    assert names == {str(Path(ROOMS[file.parts[0]], *file.parts[1:])) for file in map(Path, tracked(*ROOMS))}


def test_the_source_distribution_holds_the_repository(source: Path, tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-c", "import sys; from setuptools import build_meta; "
                                          "build_meta.build_sdist(sys.argv[1])", tmp_path],
                   cwd=source, check=True, capture_output=True)
    archive, = tmp_path.glob("gatecast-*.tar.gz")
    with tarfile.open(archive) as files:
        names = {str(Path(*Path(member.name).parts[1:])) for member in files if member.isfile()}
    made = {name for name in names if name in ("PKG-INFO", "setup.cfg") or ".egg-info/" in name}
    assert names - made == set(tracked())


def imports(file: Path) -> Iterator[str]:
    """Full names of all that a file of the repository imports; ``from a import b`` counts as ``a.b``."""
    room = file.parts[0]
    package = [*Path(ROOMS[room]).parts, *file.parts[1:-1]] if room in ROOMS else []
    for node in ast.walk(ast.parse((ROOT / file).read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            start = package[:len(package) - node.level + 1] if node.level else []
            module = ".".join([*start, *filter(None, [node.module])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def test_imports_use_the_installed_names() -> None:
    """`import hdl` works in a checkout by accident and makes a second module object."""
    found = [(file, name) for file in tracked("*.py") for name in imports(Path(file))]
    assert found
    assert [(file, name) for file, name in found if name.split(".")[0] in ROOMS] == []


@pytest.mark.parametrize("room", ALLOWED)
def test_imports_point_one_way(room: str) -> None:
    """hdl imports nothing of ours; boards and networks little of what stands above them."""
    ours = [(file, name) for file in tracked(f"{room}/*.py") for name in imports(Path(file))
            if f"{name}.".startswith("gatecast.")]
    assert ours
    assert [(file, name) for file, name in ours
            if not any(f"{name}.".startswith(f"{allowed}.") for allowed in ALLOWED[room])] == []


@pytest.mark.parametrize(("text", "names"), [
    ("import gatecast.planner", ["gatecast.planner"]),
    ("import numpy as np, gatecast", ["numpy", "gatecast"]),
    ("from gatecast import planner", ["gatecast.planner"]),
    ("from gatecast.hdl.walk import Walk", ["gatecast.hdl.walk.Walk"]),
    ("from .walk import Walk", ["gatecast.hdl.walk.Walk"]),
    ("from . import walk", ["gatecast.hdl.walk"]),
    ("from .. import planner", ["gatecast.planner"]),
    ("from ..planner.plan import Plan", ["gatecast.planner.plan.Plan"]),
])
def test_every_form_of_import_is_seen(text: str, names: list[str], tmp_path: Path,
                                      monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "hdl").mkdir()
    (tmp_path / "hdl" / "new.py").write_text(text)
    monkeypatch.setattr(f"{__name__}.ROOT", tmp_path)
    assert list(imports(Path("hdl/new.py"))) == names
