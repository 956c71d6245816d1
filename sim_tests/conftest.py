"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real models and their vectors, which are not part of this repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "models"
    folder = Path(os.environ.get("GATECAST_MODELS", default))
    if not (folder / "vectors").is_dir():
        pytest.skip(f"no folder of models at {folder}; set GATECAST_MODELS to it")
    return folder
