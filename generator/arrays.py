"""Inputs, labels and expected outputs from ``.npy`` and ``.npz`` files that nobody vouches for."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .network import Network
from .npz import Archive, Array, Damaged, TooLarge, read_bytes, to_array
from .operators.operator import Int8
from .quantization import INT8_MAX, INT8_MIN

__all__ = ["check_frames", "check_labels", "load_arrays"]


def load_arrays(path: Path, key: str = "") -> dict[str, Array]:
    """The arrays of ``path`` by name, one of them ``key``; the array of a ``.npy`` file is called that.

    Raises ``InputError`` for a file that is missing, too large, damaged, or holds anything but numbers.
    """
    if path.suffix.lower() not in (".npy", ".npz"):
        raise InputError(f"{path}: found the suffix '{path.suffix}', allowed: .npy or .npz")
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".npy":
            return {key: to_array(data)}
        archive = Archive(data)
        arrays = {name: archive.array(name) for name in archive.names}
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), allowed: a readable .npy or .npz file"
                         ) from error
    except TooLarge as error:
        raise InputError(f"{path}: found {error}, allowed: at most that") from error
    except Damaged as error:
        raise InputError(f"{path}: found a damaged file, allowed: what numpy.save or numpy.savez wrote, "
                         f"numbers only") from error
    if key and key not in arrays:
        raise InputError(f"{path}: found the arrays {', '.join(arrays) or 'none'}, allowed: one that is "
                         f"called '{key}'")
    return arrays


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
