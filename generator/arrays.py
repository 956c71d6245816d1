"""Inputs, labels and expected outputs from ``.npy`` and ``.npz`` files that nobody vouches for.

Nothing is unpickled, and no size that a file claims is believed before the bytes are there.
"""

from __future__ import annotations

import io
import lzma
import math
import struct
import tokenize
import warnings
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import numpy.typing as npt
from numpy.lib import format as npy

from .errors import InputError
from .network import Network
from .operators.operator import Int8
from .quantization import INT8_MAX, INT8_MIN

__all__ = ["check_frames", "check_labels", "load_arrays"]

# Of a file, and of everything in it: far above what anybody simulates, far below what hurts here.
MAX_BYTES = 256 * 1024 * 1024
HEADERS = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}
# What the parsers under this raise on foreign bytes.
DAMAGE = (ValueError, TypeError, KeyError, EOFError, SyntaxError, RuntimeError, MemoryError, OverflowError,
          tokenize.TokenError, zipfile.BadZipFile, struct.error, zlib.error, lzma.LZMAError)

Array = npt.NDArray[Any]


def load_arrays(path: Path, key: str = "") -> dict[str, Array]:
    """The arrays of ``path`` by name, one of them ``key``; the array of a ``.npy`` file is called that.

    Raises ``InputError`` for a file that is missing, too large, damaged, or holds anything but numbers.
    """
    if path.suffix.lower() not in (".npy", ".npz"):
        raise InputError(f"{path}: found the suffix '{path.suffix}', allowed: .npy or .npz")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), allowed: a readable .npy or .npz file"
                         ) from error
    if len(data) > MAX_BYTES:
        raise _too_large(path)
    try:
        if path.suffix.lower() == ".npy":
            return {key: _array(io.BytesIO(data))}
        arrays = _archive(path, data)
    except DAMAGE as error:
        raise InputError(f"{path}: found a damaged file, allowed: what numpy.save or numpy.savez wrote, "
                         f"numbers only") from error
    if key and key not in arrays:
        raise InputError(f"{path}: found the arrays {', '.join(arrays) or 'none'}, allowed: one that is "
                         f"called '{key}'")
    return arrays


def _too_large(path: Path) -> InputError:
    return InputError(f"{path}: found more than {MAX_BYTES} bytes, allowed: at most that")


def _archive(path: Path, data: bytes) -> dict[str, Array]:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > MAX_BYTES:
            raise _too_large(path)
        arrays = {}
        for member in members:
            with archive.open(member) as file:
                arrays[member.filename.removesuffix(".npy")] = _array(file)
        return arrays


def _array(file: BinaryIO | Any) -> Array:
    # Python and NumPy warn about odd headers; here they are sizes and a type, or nothing.
    with warnings.catch_warnings(action="ignore"):
        shape, fortran, dtype = HEADERS[npy.read_magic(file)](file)
    if dtype.kind not in "biuf" or any(size < 0 for size in shape):
        raise ValueError(f"{dtype} of shape {shape}")
    expected = math.prod(shape) * dtype.itemsize
    # Not more than there is, whatever the header says; one more byte would be too many.
    data = file.read(min(expected, MAX_BYTES) + 1)
    if len(data) != expected:
        raise ValueError(f"{len(data)} bytes for {expected}")
    array = np.frombuffer(data, dtype) if data else np.empty(0, dtype)
    return array.reshape(shape, order="F" if fortran else "C")


def check_frames(array: Array, network: Network, *, tensor: str, what: str) -> Int8:
    """``array`` as int8 ``[n, h, w, c]`` of a tensor of ``network``; ``what`` names it in messages.

    Integers of any width are fine as long as every value fits, and so is ``[n, h * w * c]``. Raises
    ``InputError`` for everything else.
    """
    shape, meaning = network.tensors[tensor].shape, network.tensors[tensor].quantization
    size = math.prod(shape)
    wanted = f"{what} must be int8 of shape [n, {', '.join(map(str, shape))}] or [n, {size}]"
    if array.dtype.kind not in "iu":
        raise InputError(f"{wanted}, not {array.dtype} of shape {list(array.shape)}; quantize them with "
                         f"scale {meaning.scale:g} and zero point {meaning.zero_point}")
    if array.ndim < 2 or array.shape[1:] not in (shape, (size,)):
        raise InputError(f"{wanted}, not {array.dtype} of shape {list(array.shape)}")
    if not len(array):
        raise InputError(f"{wanted} with n of at least 1, not of shape {list(array.shape)}")
    lowest, highest = int(array.min()), int(array.max())
    if lowest < INT8_MIN or highest > INT8_MAX:
        raise InputError(f"{what} must lie in [{INT8_MIN}, {INT8_MAX}], not in [{lowest}, {highest}]; "
                         f"quantize them with scale {meaning.scale:g} and zero point {meaning.zero_point}")
    return np.ascontiguousarray(array.reshape(len(array), *shape).astype(np.int8))


def check_labels(array: Array, frames: int, output: Sequence[int], *, what: str) -> npt.NDArray[np.int64]:
    """``array`` as class numbers ``[frames]`` for an output of one pixel; ``InputError`` if it is not."""
    height, width, classes = output
    if height * width != 1:
        raise InputError(f"{what} need an output of 1 x 1 x classes, not {height} x {width} x {classes}")
    if array.dtype.kind not in "iu" or array.shape != (frames,):
        raise InputError(f"{what} must be integers of shape [{frames}], one for each frame, not "
                         f"{array.dtype} of shape {list(array.shape)}")
    if len(array) and not (array.min() >= 0 and array.max() < classes):
        raise InputError(f"{what} must lie in [0, {classes - 1}], not in [{array.min()}, {array.max()}]")
    return array.astype(np.int64)
