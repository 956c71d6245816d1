"""Fixtures that several test files share."""

import os
from pathlib import Path

import pytest

# Files that take minutes, the longest first. Files are dealt out whole, in this order, so that no process
# is left with a long one at the end while the others idle.
LONG = ("test_models_rtl", "test_netlist", "test_digits_rtl", "test_accelerator")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put the tests of long files first; the others stay in their order."""
    rank = {f"{name}.py": place for place, name in enumerate(LONG)}
    items.sort(key=lambda item: rank.get(item.path.name, len(rank)))


@pytest.fixture(scope="session")
def shared_models() -> Path:
    """The folder of real models and their vectors, which are not part of this repository."""
    default = Path(__file__).resolve().parents[2] / "shared" / "models"
    folder = Path(os.environ.get("GATECAST_MODELS", default))
    if not (folder / "vectors").is_dir():
        pytest.skip(f"no folder of models at {folder}; set GATECAST_MODELS to it")
    return folder
