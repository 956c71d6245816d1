"""Folders that appear whole or not at all, and that never take somebody else's place."""

from __future__ import annotations

import json
import secrets
import shutil
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from .errors import InputError
from .files import parents_made

__all__ = ["PLAN", "check_replaceable", "seal", "written_folder"]

# Its key `files` marks a folder as ours and names everything that we wrote into it.
PLAN = "plan.json"


@contextmanager
def written_folder(path: Path) -> Iterator[Path]:
    """Give a new folder beside ``path`` to write; at the end it becomes ``path``.

    On an error or an interruption it vanishes, and whatever is at ``path`` stays as it was. What is there is
    replaced only if it is an empty folder or one that Gatecast wrote, see :func:`check_replaceable`; a link
    to such a folder stays a link. Missing parents are made, and vanish again on an error.
    """
    path = path.resolve()
    check_replaceable(path)
    workshop, old = (path.with_name(f".{path.name}-{secrets.token_hex(4)}") for _ in range(2))
    with ExitStack() as stack:
        try:
            stack.enter_context(parents_made(path))
            # Gone by then, where it became the folder.
            for leftover in old, workshop:
                stack.callback(shutil.rmtree, leftover, ignore_errors=True)
            workshop.mkdir()
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}); choose another folder") from error
        yield workshop
        # Minutes may have passed.
        check_replaceable(path)
        try:
            if path.exists():
                path.rename(old)
            workshop.rename(path)
        finally:
            if old.exists() and not path.exists():
                old.rename(path)


def check_replaceable(path: Path) -> None:
    """Raise ``InputError`` if there is something at ``path`` that is not ours to replace."""
    path = path.resolve()
    try:
        found = sorted(entry.name for entry in path.iterdir()) if path.is_dir() else []
        if not path.exists():
            return
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); choose another folder") from error
    if not path.is_dir():
        raise InputError(f"{path} is a file; choose a folder")
    if path == Path.cwd() or path in Path.cwd().parents:
        raise InputError(f"{path} is the current folder or above it; choose a folder in it")
    if not found:
        return
    written = _written(path)
    if written is None:
        raise InputError(f"{path} is not empty and was not written by Gatecast; "
                         f"choose a new or an empty folder")
    foreign = [name for name in found if name not in written]
    if foreign:
        raise InputError(f"{path} holds {foreign[0]}, which Gatecast did not write; move it away or choose "
                         f"another folder")


def seal(folder: Path, document: dict[str, object]) -> None:
    """Write ``document`` as ``PLAN``, with the names of all files in ``folder``; to be done last."""
    files = sorted({PLAN, *(entry.name for entry in folder.iterdir())})
    (folder / PLAN).write_text(json.dumps({**document, "files": files}, indent=2) + "\n")


def _written(path: Path) -> frozenset[str] | None:
    """The files that Gatecast wrote into ``path``; none if it did not."""
    try:
        document = json.loads((path / PLAN).read_text())
        return frozenset(document["files"]) if "gatecast" in document else None
    except (OSError, ValueError, KeyError, TypeError):
        return None
