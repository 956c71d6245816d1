"""Settings of a build: read back as they were written, or refused with one sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tiny_description import described

from gatecast.errors import InputError
from gatecast.settings import SETTINGS, Settings, board_settings, link_settings, read_settings


@pytest.fixture
def written(tmp_path: Path) -> dict[str, Any]:
    return link_settings(described(tmp_path)) | board_settings(
        board="ulx3s-85f", clock_hz=80e6, baud=1_000_000, build_id=0xFFFF_FFFF)


def read(folder: Path, text: str) -> Settings:
    (folder / SETTINGS).write_text(text)
    return read_settings(folder)


def test_round_trip(tmp_path: Path, written: dict[str, Any]) -> None:
    found = read(tmp_path, json.dumps(written))
    assert found == Settings(board="ulx3s-85f", baud=1_000_000, build_id=0xFFFF_FFFF,
                             input_shape=(6, 5, 2), output_shape=(1, 1, 3))
    assert (found.input_bytes, found.output_bytes) == (60, 3)


def test_links_only(tmp_path: Path, written: dict[str, Any]) -> None:
    none = f"{tmp_path} holds no build for a board; make one with `gatecast build`"
    with pytest.raises(InputError) as refused:
        read_settings(tmp_path)
    assert str(refused.value) == none
    del written["board"]
    with pytest.raises(InputError) as refused:
        read(tmp_path, json.dumps(written))
    assert str(refused.value) == none


@pytest.mark.parametrize("change", [
    {"board": 5}, {"baud": "fast"}, {"baud": 0}, {"baud": True}, {"baud": 1e6}, {"build_id": -1},
    {"build_id": 2**32}, {"input": {}}, {"input": 3}, {"output": {"shape": 3}}, {"output": {"shape": [3]}},
    {"input": {"shape": [6, "5", 2]}}, {"input": {"shape": [6, 5, 3]}}, {"input_bytes": None},
], ids=str)
def test_damaged(tmp_path: Path, written: dict[str, Any], change: dict[str, Any]) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, json.dumps(written | change))
    assert str(refused.value) == f"{tmp_path}/settings.json is damaged; make the folder again"


@pytest.mark.parametrize("text", ["{", "3", "[" * 100_000, "\"board\"", "[\"board\"]", "null"])
def test_no_settings(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError) as refused:
        read(tmp_path, text)
    assert str(refused.value) == f"{tmp_path}/settings.json is damaged; make the folder again"


@pytest.mark.parametrize("key", ["baud", "build_id", "input", "output", "input_bytes", "output_bytes"])
def test_lacking(tmp_path: Path, written: dict[str, Any], key: str) -> None:
    del written[key]
    with pytest.raises(InputError) as refused:
        read(tmp_path, json.dumps(written))
    assert str(refused.value) == f"{tmp_path}/settings.json is damaged; make the folder again"
