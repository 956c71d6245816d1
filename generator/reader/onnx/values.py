"""What the values of a graph are: constants, weights, and integers on the chip.

The axes of an ONNX value and the order of a tensor in memory (height, width, channels) are two things. A
:class:`Stored` value says for each of its entries where in the tensor it lies, so that reshapes, transposes
and flattening are index operations: they cost nothing, and whoever reads the value sees what they amount to.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from ...network import Tensor
from ...operators.arithmetic import Ints
from ...operators.half_even import Singles
from ...operators.operator import Shape
from ...quantization import INT8_MAX, INT8_MIN
from ..refusals import Refused, sizes
from .model_file import Array

__all__ = ["CHANNELS_LAST", "INPUTS", "INT8_OFFSET", "MAP_ORDERS", "Constant", "Meaning", "Stored",
           "Weights", "as_map", "covers", "least", "map_places"]

INT8_OFFSET = 128

# Every int8, in the order of a table.
INPUTS = np.arange(INT8_MIN, INT8_MAX + 1)

# What the axes of a value are, by their number, where the operator does not say; and what they may be too.
MAP_ORDERS = {4: "nchw", 3: "ncw", 2: "nc", 1: "c"}
CHANNELS_LAST = {4: "nhwc", 3: "nwc"}


@dataclass(frozen=True, kw_only=True, eq=False)
class Constant:
    """Numbers that the file holds or that follow from it."""

    array: Array

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.array.shape


@dataclass(frozen=True, kw_only=True, eq=False)
class Weights:
    """Constant real numbers ``scale * (integers - zero)`` of which the integers are known.

    ``scale`` and ``zero`` have as many axes as ``integers``, of length 1 where they are the same for all.
    """

    integers: Ints
    scale: Singles
    zero: Ints

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.integers.shape

    @property
    def reals(self) -> Singles:
        """The numbers in float32, as DequantizeLinear gives them."""
        with np.errstate(over="ignore", under="ignore"):
            reals: Singles = (self.integers - self.zero).astype(np.float32) * self.scale
        return reals

    def transposed(self, order: tuple[int, ...]) -> Weights:
        """With the axes in another ``order``."""
        return Weights(integers=self.integers.transpose(order), scale=self.scale.transpose(order),
                       zero=self.zero.transpose(order))

    def along(self, axis: int) -> Singles:
        """The scale of each entry of ``axis``; :class:`Refused` where it differs within one."""
        rest = tuple(i for i in range(self.scale.ndim) if i != axis)
        if any(self.scale.shape[i] > 1 for i in rest):
            raise Refused(f"weights: found scales of the shape {sizes(self.scale.shape)}, allowed: one "
                          f"scale, or one for each entry of axis {axis}")
        return np.broadcast_to(self.scale.reshape(-1), (self.shape[axis],))


@dataclass(frozen=True, kw_only=True)
class Meaning:
    """Scale and zero point of quantized integers, and their range, as the file counts them.

    ``unsigned`` where they are stored as uint8 there; on the chip they are 128 less.
    """

    scale: float
    zero_point: int
    unsigned: bool
    low: int
    high: int

    @property
    def offset(self) -> int:
        """What comes off the file's integers on the chip."""
        return INT8_OFFSET if self.unsigned else 0


@dataclass(frozen=True, kw_only=True, eq=False)
class Stored:
    """Integers of an int8 tensor, seen as a value of the file's shape.

    ``places`` has that shape; an entry is the place of a value in the tensor, in the order height, width,
    channels. ``unsigned`` where the file means uint8, whose values are 128 more. All integers of the tensor
    are known to be from ``low`` to ``high``.
    """

    tensor: Tensor
    places: npt.NDArray[np.int64]
    unsigned: bool
    low: int = INT8_MIN
    high: int = INT8_MAX

    @classmethod
    def of_map(cls, tensor: Tensor, order: str, like: Stored) -> Stored:
        """All of ``tensor`` as a value whose axes are ``order``; type and range as ``like`` has them."""
        return replace(like, tensor=tensor, places=map_places(tensor.shape, order))

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of its axes."""
        return self.places.shape

    @property
    def plain(self) -> bool:
        """Whether the value is in the order of the file in the tensor."""
        return bool(np.array_equal(self.places.reshape(-1), np.arange(self.tensor.size)))

    @property
    def complete(self) -> bool:
        """Whether the value has each place of the tensor once."""
        return covers(self.places, self.tensor.size)

    def seen(self, places: npt.NDArray[np.int64]) -> Stored:
        """The same integers in another shape or order."""
        return replace(self, places=places)

    def same_order(self, other: Stored) -> bool:
        """Whether the entries of both lie at the same places of tensors of one shape."""
        return self.tensor.shape == other.tensor.shape and np.array_equal(self.places, other.places)


def covers(places: npt.NDArray[np.int64], size: int) -> bool:
    """Whether each of ``size`` places is there once."""
    return places.size == size and bool((np.bincount(places.reshape(-1), minlength=size) == 1).all())


def map_places(shape: Shape, order: str) -> npt.NDArray[np.int64]:
    """Places of a tensor of ``shape`` as a value whose axes are ``order``, letters among n, h, w and c."""
    places = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(1, *shape)
    axes = "nhwc"
    dropped = tuple(axes.index(axis) for axis in axes if axis not in order)
    kept = "".join(axis for axis in axes if axis in order)
    return places.squeeze(dropped).transpose([kept.index(axis) for axis in order])


def as_map(places: npt.NDArray[np.int64], order: str) -> npt.NDArray[np.int64]:
    """``places``, whose axes are ``order``, with the axes height, width and channels, of a batch of 1."""
    if "n" in order and places.shape[order.index("n")] != 1:
        raise Refused(f"input: found the shape {sizes(places.shape)}, allowed: a batch of 1")
    missing = "".join(axis for axis in "nhwc" if axis not in order)
    letters = order + missing
    whole = places.reshape(*places.shape, *(1,) * len(missing))
    found: npt.NDArray[np.int64] = whole.transpose([letters.index(axis) for axis in "nhwc"])[0]
    return found


def least(array: Array) -> Array:
    """The same with length 1 for each axis along which all entries are equal."""
    for axis in range(array.ndim):
        first = array.take([0], axis)
        if (array == first).all():
            array = first
    return array
