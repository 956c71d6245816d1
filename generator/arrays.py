"""Inputs, labels and expected outputs from ``.npy`` and ``.npz`` files that nobody vouches for.

Values are those of a tensor: int8, or uint8 and float32 in the host half of a network.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from .errors import InputError
from .network import Network
from .npz import Archive, Array, Damaged, NoNumbers, Text, TooLarge, read_bytes, to_array

__all__ = ["check_frames", "check_labels", "load_arrays"]


def load_arrays(path: Path, key: str = "") -> dict[str, Array]:
    """The arrays of ``path`` by name, one of them ``key``; the array of a ``.npy`` file is called that.

    Texts beside it, such as the names of inputs, are left out. Raises ``InputError`` for a file that is
    missing, too large, damaged, or holds anything but numbers and texts.
    """
    if path.suffix.lower() not in (".npy", ".npz"):
        raise InputError(f"{path}: found the suffix '{path.suffix}', allowed: .npy or .npz")
    try:
        data = read_bytes(path)
        if path.suffix.lower() == ".npy":
            return {key: to_array(data)}
        archive, arrays = Archive(data), {}
        for name in archive.names:
            try:
                arrays[name] = archive.array(name)
            except Text:
                if name == key:
                    raise
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror}), allowed: a readable .npy or .npz file"
                         ) from error
    except TooLarge as error:
        raise InputError(f"{path}: found {error}, allowed: at most that") from error
    except NoNumbers as error:
        raise InputError(f"{path}: found an array of {error}, allowed: integers and real numbers") from error
    except Damaged as error:
        raise InputError(f"{path}: found a damaged file, allowed: what numpy.save or numpy.savez wrote, "
                         f"numbers only") from error
    if key and key not in arrays:
        raise InputError(f"{path}: found the arrays {', '.join(arrays) or 'none'}, allowed: one that is "
                         f"called '{key}'")
    return arrays


def check_frames(array: Array, network: Network, *, tensor: str, what: str) -> Array:
    """``array`` as values ``[n, h, w, c]`` of a tensor of ``network``; ``what`` names it in messages.

    An int8 or uint8 tensor takes integers of any width as long as every value fits, a float32 tensor finite
    real numbers of any width. Axes of length 1 may be missing, and ``[n, h * w * c]`` is fine. Raises
    ``InputError`` for everything else.
    """
    shape, meaning = network.tensors[tensor].shape, network.tensors[tensor].quantization
    size = math.prod(shape)
    kind = network.dtype(tensor)
    wanted = f"{what} must be {kind.__name__} of shape [n, {', '.join(map(str, shape))}] or [n, {size}]"
    found = f"not {array.dtype} of shape {list(array.shape)}"
    if meaning is None and array.dtype.kind != "f":
        raise InputError(f"{wanted}, {found}; the network takes real numbers there, not quantized ones")
    if meaning is not None and array.dtype.kind not in "iu":
        raise InputError(f"{wanted}, {found}; quantize them with scale {meaning.scale:g} and zero point "
                         f"{meaning.zero_point}")
    if array.ndim < 2 or _long(array.shape[1:]) not in (_long(shape), _long([size])):
        raise InputError(f"{wanted}, {found}")
    if not len(array):
        raise InputError(f"{wanted} with n of at least 1, not of shape {list(array.shape)}")
    if meaning is None:
        with np.errstate(over="ignore"):
            frames = array.astype(np.float32)
        if not np.isfinite(frames).all():
            bad = array[~np.isfinite(frames)][0]
            raise InputError(f"{what} must be finite float32 numbers, not {bad:g}")
    else:
        lowest, highest = int(array.min()), int(array.max())
        if lowest < meaning.low or highest > meaning.high:
            raise InputError(f"{what} must lie in [{meaning.low}, {meaning.high}], not in [{lowest}, "
                             f"{highest}]; quantize them with scale {meaning.scale:g} and zero point "
                             f"{meaning.zero_point}")
        frames = array.astype(kind)
    return np.ascontiguousarray(frames.reshape(len(array), *shape))


def _long(shape: Sequence[int]) -> list[int]:
    """The axes that are longer than 1."""
    return [length for length in shape if length != 1]


def check_labels(array: Array, frames: int, output: Sequence[int], *, what: str) -> npt.NDArray[np.int64]:
    """``array`` as class numbers ``[frames]`` for an output of one pixel, -1 where the class is not known.

    ``InputError`` if it is not.
    """
    height, width, classes = output
    if height * width != 1:
        raise InputError(f"{what} need an output of 1 x 1 x classes, not {height} x {width} x {classes}")
    if array.dtype.kind not in "iu" or array.shape != (frames,):
        raise InputError(f"{what} must be integers of shape [{frames}], one for each frame, not "
                         f"{array.dtype} of shape {list(array.shape)}")
    if len(array) and not (array.min() >= -1 and array.max() < classes):
        raise InputError(f"{what} must lie in [0, {classes - 1}], or be -1 where the class is not known, not "
                         f"in [{array.min()}, {array.max()}]")
    return array.astype(np.int64)
