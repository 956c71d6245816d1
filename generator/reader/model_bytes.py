"""The bytes of a model file that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from .limits import MAX_BYTES

__all__ = ["model_bytes"]


def model_bytes(path: Path, format: str) -> bytes:
    """What the file ``path``, a model in ``format``, holds; an ``InputError`` where that cannot be read."""
    article = "an" if format[0] in "AEIO" else "a"
    try:
        if not path.is_file():
            raise InputError(f"{path}: found {'something else than a file' if path.exists() else 'no file'}, "
                             f"allowed: the path of {article} {format} model")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: found a file that cannot be read ({error.strerror}), "
                         f"allowed: the path of a readable {format} model") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path.name}: found more than {MAX_BYTES} bytes, allowed: at most that")
    return data
