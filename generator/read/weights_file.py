"""Arrays from an ``.npz`` file that nobody vouches for.

An ``.npz`` is a zip archive of ``.npy`` files. Nothing in it is unpickled and no size in it is believed: the
file, the sum of its members and every array's header are checked before anything is allocated.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

__all__ = ["WeightsFile"]

MAX_BYTES = 256 * 1024 * 1024
MAX_DIMENSIONS = 8

Array = npt.NDArray[Any]


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
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
        except OSError as error:
            raise ValueError(f"{path.name} cannot be read ({error.strerror}), allowed: a readable .npz file"
                             ) from error
        if len(data) > MAX_BYTES:
            raise ValueError(f"found more than {MAX_BYTES} bytes in {path.name}, allowed: at most that")
        try:
            self._archive = zipfile.ZipFile(io.BytesIO(data))
            members = self._archive.infolist()
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise ValueError(f"found no .npz archive in {path.name} ({error}), "
                             f"allowed: a file that numpy.savez wrote") from error
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ValueError(f"found more than {MAX_BYTES} unpacked bytes in {path.name}, "
                             f"allowed: at most that")
        self.names = tuple(m.filename.removesuffix(".npy") for m in members if m.filename.endswith(".npy"))

    def array(self, name: str) -> Array:
        """The array ``name``, which must be one of ``names``."""
        if name not in self._arrays:
            try:
                self._arrays[name] = self._load(f"{name}.npy")
            except (ValueError, TypeError, KeyError, EOFError, OSError, MemoryError, RuntimeError,
                    SyntaxError, zipfile.BadZipFile, struct.error, zlib.error, lzma.LZMAError) as error:
                raise ValueError(f"found no readable array '{name}' in {self.name} ({error}), "
                                 f"allowed: an array that numpy.savez wrote") from error
        return self._arrays[name]

    def _load(self, member: str) -> Array:
        with self._archive.open(member) as file:
            version = npy.read_magic(file)
            if version == (1, 0):
                shape, fortran, dtype = npy.read_array_header_1_0(file)
            elif version == (2, 0):
                shape, fortran, dtype = npy.read_array_header_2_0(file)
            else:
                raise ValueError(f"version {version[0]}.{version[1]} of the .npy format")
            if dtype.kind not in "biuf" or len(shape) > MAX_DIMENSIONS or any(size < 0 for size in shape):
                raise ValueError(f"{dtype} of shape {list(shape)}"[:200])
            expected = math.prod(shape) * dtype.itemsize
            # Not more than the member holds, whatever the header says; one more byte would be too many.
            data = file.read(min(expected, MAX_BYTES) + 1)
        if len(data) != expected:
            raise ValueError(f"{len(data)} bytes of data for {dtype} of shape {list(shape)}"[:200])
        array = np.frombuffer(data, dtype).reshape(shape, order="F" if fortran else "C")
        array = np.ascontiguousarray(array)
        array.setflags(write=False)
        return array
