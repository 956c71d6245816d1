"""Files that appear whole or not at all, and the cache of what was compiled."""

from __future__ import annotations

import hashlib
import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from .errors import InputError

__all__ = ["build_once", "cache_folder", "check_writable", "parents_made", "written_whole"]

# Of the folders that files are made in.
PREFIX = ".gatecast-"
# Executables kept per simulator; the least recently used go first.
KEPT = 32


@contextmanager
def written_whole(path: Path) -> Iterator[Path]:
    """Give a file beside `path` to write; at the end it becomes `path`, on an error it vanishes.

    So do the folders above it that were missing. ``InputError`` where no file can be there.
    """
    # The name of what is made on the way would mean nothing to who asked for `path`.
    check_writable(path)
    with parents_made(path), tempfile.TemporaryDirectory(prefix=PREFIX, dir=path.parent) as folder:
        file = Path(folder, path.name)
        yield file
        file.replace(path)


def check_writable(path: Path) -> None:
    """Raise ``InputError`` if no file can be written at ``path``."""
    try:
        is_folder = path.is_dir()
        nearest = next(parent for parent in path.absolute().parents if parent.exists())
    except OSError as error:
        raise InputError(f"{path} cannot be written ({_reason(error)}); choose another file") from error
    if is_folder:
        raise InputError(f"{path} is a folder; choose a file")
    if not nearest.is_dir():
        raise InputError(f"{path} cannot be written, {nearest} is no folder; choose another folder")
    try:
        # Rights do not say it all: /proc has room for nothing of ours, whoever asks.
        with tempfile.TemporaryDirectory(prefix=PREFIX, dir=nearest):
            pass
    except OSError as error:
        raise InputError(f"{path} cannot be written, {nearest} gives no leave to; choose another folder"
                         ) from error


@contextmanager
def parents_made(path: Path) -> Iterator[None]:
    """Make the folders above `path` that are missing; on an error they vanish again, if they are empty."""
    made: list[Path] = []
    try:
        for parent in reversed(path.parents):
            if not parent.exists():
                parent.mkdir(exist_ok=True)
                made.append(parent)
        yield
    except BaseException:
        for parent in reversed(made):
            with suppress(OSError):
                parent.rmdir()
        raise


def cache_folder() -> Path:
    """Return the folder of compiled simulators: $GATECAST_CACHE, or gatecast in the user's cache folder."""
    if chosen := os.environ.get("GATECAST_CACHE"):
        return Path(chosen)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache", "gatecast")


def build_once(kind: str, inputs: list[str], build: Callable[[Path], Path]) -> Path:
    """Return the file that `build` makes from `inputs`, from the cache if it was made before.

    `build` gets an empty folder and returns the file that it made in it. The cache is keyed by the texts
    `inputs`, which must say all that matters: sources, options, versions; the kind of the processor is added,
    for a home may be that of several machines. Two builds at once are safe.
    """
    key = hashlib.sha256("\0".join([platform.machine(), *inputs]).encode()).hexdigest()[:32]
    folder = cache_folder() / kind
    cached = folder / key
    if cached.exists():
        os.utime(cached)
        return cached
    try:
        folder.mkdir(parents=True, exist_ok=True)
        workshop = tempfile.TemporaryDirectory(prefix=".build-", dir=folder)
    except OSError as error:
        raise InputError(f"the cache {folder} cannot be written ({_reason(error)}); set GATECAST_CACHE to "
                         f"another folder") from error
    with workshop as place:
        # Moved, not copied: on the same disk that is one step, seen whole or not at all.
        build(Path(place)).replace(cached)
    _prune(folder)
    return cached


def _reason(error: OSError) -> str:
    return (error.strerror or str(error)).lower()


def _prune(folder: Path) -> None:
    """Remove the files that were not used for longest, beyond the number kept."""
    with suppress(OSError):
        files = sorted((file for file in folder.iterdir() if file.is_file()),
                       key=lambda file: file.stat().st_mtime, reverse=True)
        for file in files[KEPT:]:
            file.unlink(missing_ok=True)
        for leftover in folder.glob(".build-*"):
            # Left by a process that was killed: nothing builds for a day.
            if leftover.stat().st_mtime < folder.stat().st_mtime - 86_400:
                shutil.rmtree(leftover, ignore_errors=True)
