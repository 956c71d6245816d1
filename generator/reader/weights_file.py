"""Arrays from an ``.npz`` file that nobody vouches for.

An ``.npz`` is a zip archive of ``.npy`` files. Nothing in it is unpickled and no size in it is believed: the
file, the sum of its members and every array's header are checked before anything is allocated.
"""

from __future__ import annotations

import io
import lzma
import math
import re
import struct
import warnings
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

__all__ = ["WeightsFile"]

MAX_BYTES = 256 * 1024 * 1024
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# What zipfile and the decompressors under it raise on foreign bytes.
DAMAGE = (ValueError, KeyError, EOFError, OSError, RuntimeError, zipfile.BadZipFile, struct.error, zlib.error,
          lzma.LZMAError)
# Members whose names can be written in a description and printed in a message.
ARRAY = re.compile(r"[ -~]{1,100}\.npy")

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
            raise ValueError(f"found no .npz archive in {path.name}, "
                             f"allowed: a file that numpy.savez wrote") from error
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise ValueError(f"found more than {MAX_BYTES} unpacked bytes in {path.name}, "
                             f"allowed: at most that")
        self.names = tuple(m.filename.removesuffix(".npy") for m in members if ARRAY.fullmatch(m.filename))

    def array(self, name: str) -> Array:
        """The array ``name``, which must be one of ``names``."""
        if name not in self._arrays:
            try:
                self._arrays[name] = self._load(f"{name}.npy")
            except _BadArray as error:
                raise self._unreadable(name, str(error)) from error
            except DAMAGE as error:
                raise self._unreadable(name, "a damaged archive") from error
        return self._arrays[name]

    def _unreadable(self, name: str, reason: str) -> ValueError:
        return ValueError(f"found {reason} where array '{name}' should be in {self.name}, "
                          f"allowed: an array that numpy.savez wrote")

    def _load(self, member: str) -> Array:
        with self._archive.open(member) as file:
            try:
                # Python and NumPy warn about odd headers; here they are sizes and a type, or nothing.
                with warnings.catch_warnings(action="ignore"):
                    shape, fortran, dtype = HEADERS[npy.read_magic(file)](file)
            except (ValueError, TypeError, KeyError, SyntaxError, MemoryError, RecursionError) as error:
                raise _BadArray("no .npy header") from error
            if dtype.kind not in "biuf" or any(size < 0 for size in shape):
                raise _BadArray(f"{dtype} of shape {list(shape)}")
            expected = math.prod(shape) * dtype.itemsize
            # Not more than the member holds, whatever the header says; one more byte would be too many.
            data = file.read(min(expected, MAX_BYTES) + 1)
        if len(data) != expected:
            raise _BadArray(f"{len(data)} bytes of data for {dtype} of shape {list(shape)}")
        # Not frombuffer alone: it refuses arrays without elements.
        array = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
        array = np.ascontiguousarray(array.reshape(shape, order="F" if fortran else "C"))
        array.setflags(write=False)
        return array


class _BadArray(Exception):
    """What is there instead of an array."""
