"""Gatecast from Python: the straight line, and names that come when they are used."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tiny_description import described

import gatecast
from gatecast.verilog import convert_rtlil


def test_every_name_is_there() -> None:
    for name in gatecast.__all__:
        assert callable(getattr(gatecast, name)), name
    assert set(gatecast.__all__) <= set(dir(gatecast))


def test_unknown_name() -> None:
    with pytest.raises(AttributeError, match="module 'gatecast' has no attribute 'compile'"):
        _ = gatecast.compile


def test_import_is_light() -> None:
    script = "import sys, gatecast; sys.exit('numpy' in sys.modules or 'amaranth' in sys.modules)"
    subprocess.run([sys.executable, "-c", script], check=True)


def test_straight_line(tmp_path: Path) -> None:
    described(tmp_path)
    network = gatecast.read(tmp_path / "tiny.yaml")
    budget = gatecast.budget("ulx3s-12f", multipliers=9)
    plan = gatecast.plan(gatecast.lower(network), budget, engines="folded")
    accelerator = gatecast.elaborate(plan)
    assert (accelerator.input_bytes, accelerator.output_bytes) == (60, 3)
    assert convert_rtlil(accelerator, "tiny").count("module \\tiny\n") == 1
    frames = np.random.default_rng(5).integers(-128, 128, (2, 60))
    trial = gatecast.simulate(plan, frames, network=network, labels=[0, 2], simulator="python")
    assert trial.failures == ()
    assert trial.frame_cycles[0] == gatecast.predict(plan).latency_cycles
    gatecast.generate(plan, tmp_path / "out", network=network, board="ulx3s-12f", trial=trial)
    assert gatecast.load(tmp_path / "out") == plan


def test_budget() -> None:
    board = gatecast.budget("ulx3s-85f")
    assert board == gatecast.budget()
    assert (board.multipliers, board.dsps, board.block_rams, board.luts) == (None, 156, 208, 50_184)
    assert (board.array_limit, board.family, board.name) == (156 + 150, "ecp5", "board ulx3s-85f")
    by_hand = gatecast.budget(multipliers=400, dsps=20, block_rams=10, luts=5000)
    assert (by_hand.array_limit, by_hand.dsps, by_hand.block_rams, by_hand.luts) == (400, 20, 10, 5000)
    assert gatecast.budget(family="ice40").family == "ice40"


def test_block_rams_of_the_serial_link() -> None:
    """On a board with a bitstream whole frames lie in some of them, unless a number is given by hand."""
    digits = gatecast.lower(gatecast.read("digits"))

    def left(**options: Any) -> tuple[int, int]:
        found = gatecast.search(digits, gatecast.budget(**options)).budget
        assert found.block_rams is not None
        assert found.by_hand("block_rams") == ("block_rams" in options)
        return found.block_rams, found.link_block_rams

    assert left() == (208 - 1, 1)
    assert left(board="icebreaker") == (30 - 1, 1)
    assert left(block_rams=50) == (50, 0)
    assert left(family="ecp5") == (208, 0)


@pytest.mark.parametrize(("options", "sentence"), [
    ({"board": "ulx3s-85f", "family": "ecp5"},
     "found the board 'ulx3s-85f' and the family 'ecp5', allowed: one of the two"),
    ({"multipliers": 0}, "multipliers must be an integer of at least 1, not 0"),
    ({"block_rams": -1}, "block_rams must be an integer of at least 0, not -1"),
])
def test_budget_refused(options: dict, sentence: str) -> None:
    with pytest.raises(gatecast.InputError) as refused:
        gatecast.budget(**options)
    assert str(refused.value) == sentence


@pytest.mark.parametrize(("options", "sentence"), [
    ({"stall": 1.0}, "stall must be in [0, 1), not 1.0"),
    ({"seed": -1}, "seed must be at least 0, not -1"),
])
def test_stalls_refused(tmp_path: Path, options: dict, sentence: str) -> None:
    plan = gatecast.plan(gatecast.lower(described(tmp_path)), gatecast.budget())
    with pytest.raises(gatecast.InputError) as refused:
        gatecast.simulate(plan, np.zeros((1, 60), np.int8), simulator="python", **options)
    assert str(refused.value) == sentence


def test_load_what_is_damaged(tmp_path: Path) -> None:
    described(tmp_path)
    plan = gatecast.plan(gatecast.lower(gatecast.read(tmp_path / "tiny.yaml")), gatecast.budget())
    gatecast.generate(plan, tmp_path / "out")
    (tmp_path / "out/plan.json").write_text("{}")
    with pytest.raises(gatecast.InputError) as refused:
        gatecast.load(tmp_path / "out")
    assert str(refused.value) == f"{tmp_path}/out/plan.json is damaged; make the folder again"
