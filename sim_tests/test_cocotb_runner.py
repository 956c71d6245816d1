"""How simulators behind cocotb are built: what is compiled once for all, and whose settings count."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from stub_accelerator import StubAccelerator
from tools import needs

from gatecast import processes
from gatecast.files import cache_folder
from gatecast.simulation import Stimulus, cocotb_runner, simulate


@pytest.fixture
def logs(monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What builds print, by the names of their designs."""
    found: dict[str, str] = {}
    run = processes.run

    def noted(what: str, command: Sequence[str], *, folder: Path, **options: object) -> None:
        run(what, command, folder=folder, **options)
        if what == "the build with verilator":
            found[command[-2]] = (folder / processes.LOG).read_text()

    monkeypatch.setattr(cocotb_runner.processes, "run", noted)
    return found


@needs("verilator")
def test_verilators_own_objects_are_compiled_for_no_design(logs, monkeypatch, tmp_path):
    # They are kept, the design is new.
    kept = cache_folder() / "verilator-runtime"
    kept.mkdir(parents=True, exist_ok=True)
    (tmp_path / kept.name).symlink_to(kept)
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path))
    # Nor does what a user may have set reach objects that all designs share.
    monkeypatch.setenv("CXXFLAGS", "--of-no-compiler")
    stub = StubAccelerator(6, 3)
    frames = stub.frames(2)
    result = simulate(stub, Stimulus(frames=frames, output_bytes=3), "verilator")
    assert np.array_equal(result.outputs, stub.compute(frames))
    assert "verilated.cpp" in logs.get("runtime", "verilated.cpp")
    assert "Vtop__ALL.cpp" in logs["accelerator"]
    assert "verilated.cpp" not in logs["accelerator"]
