"""Ready networks: descriptions, with weights that this project trained or random ones.

A network ``NAME`` is a folder ``NAME/`` with its description ``NAME.yaml``, trained weights beside it and,
where there are any, labelled inputs to try it on in ``NAME_test.npz`` (arrays ``x`` and ``label``).
"""

from importlib import resources
from pathlib import Path

__all__ = ["shipped", "test_inputs"]


def shipped() -> dict[str, Path]:
    """The description of every shipped network by its name, in alphabetical order."""
    root = Path(str(resources.files(__name__)))
    descriptions = {folder.name: folder / f"{folder.name}.yaml" for folder in sorted(root.iterdir())}
    return {name: path for name, path in descriptions.items() if path.is_file()}


def test_inputs(name: str) -> Path | None:
    """The labelled inputs of the shipped network ``name``; none where there are no such."""
    description = shipped().get(name)
    if description is None:
        return None
    path = description.with_name(f"{name}_test.npz")
    return path if path.is_file() else None
