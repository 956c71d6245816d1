"""The package: every file of the four rooms is in the wheel, and code says only the installed names."""

from __future__ import annotations

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
# Folder of the checkout -> package; the longest match counts.
ROOMS = {"generator": "gatecast", "hdl": "gatecast/hdl", "boards": "gatecast/boards",
         "networks": "gatecast/networks"}


def shipped() -> set[str]:
    """What git knows of the four rooms, under its installed name."""
    listed = subprocess.run(["git", "ls-files", *ROOMS], cwd=ROOT, check=True, capture_output=True, text=True)
    files = (Path(line) for line in listed.stdout.splitlines())
    return {str(Path(ROOMS[file.parts[0]], *file.parts[1:])) for file in files}


def test_the_wheel_holds_every_file(tmp_path: Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", tmp_path,
                    ROOT], check=True, capture_output=True)
    wheel, = tmp_path.glob("gatecast-*.whl")
    names = set(zipfile.ZipFile(wheel).namelist())
    assert shipped() and shipped() <= names
    assert {name.split("/")[0] for name in names if ".dist-info/" not in name} == {"gatecast"}


def test_imports_use_the_installed_names() -> None:
    """`import hdl` works in a checkout by accident and makes a second module object."""
    listed = subprocess.run(["git", "ls-files", "*.py"], cwd=ROOT, check=True, capture_output=True, text=True)
    imported: dict[str, set[str]] = {}
    for line in listed.stdout.splitlines():
        for node in ast.walk(ast.parse((ROOT / line).read_text())):
            if isinstance(node, ast.Import):
                imported.setdefault(line, set()).update(alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and not node.level:
                imported.setdefault(line, set()).add(str(node.module))
    assert imported
    wrong = {(file, name) for file, names in imported.items() for name in names
             if name.split(".")[0] in ROOMS}
    assert not wrong


def test_imports_point_one_way() -> None:
    """hdl imports nothing of ours; boards and networks never the generator's rooms above them."""
    allowed = {"hdl": {"gatecast.hdl"}, "boards": {"gatecast.boards", "gatecast.hdl"}}
    for room, names in allowed.items():
        for file in (ROOT / room).rglob("*.py"):
            for node in ast.walk(ast.parse(file.read_text())):
                module = str(node.module) if isinstance(node, ast.ImportFrom) and not node.level else ""
                if module.startswith("gatecast"):
                    assert any(module.startswith(name) for name in names), (file, module)
