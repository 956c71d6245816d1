"""The weights beside a description, from an ``.npz`` file that nobody vouches for."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..npz import Archive, Array, Damaged, TooLarge, read_bytes

__all__ = ["Array", "WeightsFile"]


class WeightsFile:
    """The arrays of an ``.npz`` file by name, read-only, each loaded when it is asked for.

    Whatever is wrong raises a ``ValueError`` that says what was found and what is allowed.
    """

    def __init__(self, path: Path) -> None:
        self.name = path.name
        self._arrays: dict[str, Array] = {}
        try:
            if not path.is_file():
                raise ValueError(f"found no file {path.name} beside the description, "
                                 f"allowed: the name of an existing .npz file")
            self._archive = Archive(read_bytes(path))
        except OSError as error:
            raise ValueError(f"{path.name} cannot be read ({error.strerror}), allowed: a readable .npz file"
                             ) from error
        except TooLarge as error:
            raise ValueError(f"found {error} in {path.name}, allowed: at most that") from error
        except Damaged as error:
            raise ValueError(f"found {error} in {path.name}, allowed: a file that numpy.savez wrote"
                             ) from error
        self.names = self._archive.names

    def array(self, name: str) -> Array:
        """The array ``name``, which must be one of ``names``; a single number has the shape ``[1]``."""
        if name not in self._arrays:
            try:
                self._arrays[name] = np.atleast_1d(self._archive.array(name))
            except Damaged as error:
                raise ValueError(f"found {error} where array '{name}' should be in {self.name}, "
                                 f"allowed: an array that numpy.savez wrote") from error
        return self._arrays[name]
