"""What the tensors of a file mean: shapes as height, width and channels, quantization, constants.

Axes are counted from the right, as TFLite broadcasts: ``[1, h, w, c]``, ``[h, w, c]``, ``[w, c]``, ``[c]``.
"""

from __future__ import annotations

from math import isfinite, prod
from typing import Any

import numpy as np

from ...network import Tensor
from ...operators.arithmetic import Floats
from ...operators.operator import Shape
from ...quantization import INT8_MAX, INT8_MIN, Quantization
from ..limits import MAX_CONSTANTS, MAX_DIMENSION, MAX_RANK, MAX_VALUES
from ..refusals import Refused, sizes
from .model_file import FileTensor, ModelFile

__all__ = ["Tensors", "map_axis"]

DTYPES = {"INT8": "<i1", "INT32": "<i4", "INT64": "<i8"}


def map_axis(axis: int, rank: int) -> int:
    """An axis of a tensor of ``rank`` as 0 height, 1 width, 2 channels, -1 batch, else :class:`Refused`."""
    if not -rank <= axis < rank:
        raise Refused(f"axis: found {axis}, allowed: {-rank} to {rank - 1} for {rank} dimensions")
    return axis % rank - rank + 3


class Tensors:
    """The tensors of one file, checked when they are asked for; :class:`Refused` names the tensor."""

    def __init__(self, file: ModelFile) -> None:
        self._file = file
        self._known: dict[int, Tensor] = {}
        self._bytes = 0

    def rank(self, index: int) -> int:
        """Number of dimensions in the file."""
        return len(self._file.tensors[index].shape)

    def dims(self, index: int) -> tuple[int, ...]:
        """The shape in the file, checked."""
        tensor = self._file.tensors[index]
        if any(not 1 <= size <= MAX_DIMENSION for size in tensor.shape):
            raise Refused(f"{tensor}: found the shape {sizes(tensor.shape)}, "
                          f"allowed: sizes from 1 to {MAX_DIMENSION}")
        return tensor.shape

    def is_constant(self, index: int) -> bool:
        """Whether the file holds the values."""
        buffer = self._file.tensors[index].buffer
        return len(self._file.buffers[buffer]) > 0 or buffer in self._file.external

    def value(self, index: int) -> Tensor:
        """An int8 or float32 tensor that operators hand on, by the name ``t{index}``."""
        if index not in self._known:
            tensor = self._file.tensors[index]
            if tensor.type not in ("INT8", "FLOAT32"):
                hint = "; convert the model with inference_input_type int8" if tensor.type == "UINT8" else ""
                raise Refused(f"{tensor}: found the type {tensor.type}, allowed: INT8{hint}")
            self._plain(tensor)
            if self.is_constant(index):
                raise Refused(f"{tensor}: found a constant, allowed: the output of another operator")
            meaning = None if tensor.type == "FLOAT32" else self.quantization(index)
            self._known[index] = Tensor(name=f"t{index}", shape=self._shape(index), quantization=meaning)
        return self._known[index]

    def int8(self, index: int) -> Tensor:
        """As :meth:`value`, int8 only."""
        tensor = self.value(index)
        if tensor.quantization is None:
            raise Refused(f"{self._file.tensors[index]}: found the type FLOAT32, allowed: INT8")
        return tensor

    def _shape(self, index: int) -> Shape:
        tensor, dims = self._file.tensors[index], self.dims(index)
        if not 1 <= len(dims) <= MAX_RANK:
            raise Refused(f"{tensor}: found {len(dims)} dimensions, allowed: 1 to {MAX_RANK}")
        if prod(dims) > MAX_VALUES:
            raise Refused(f"{tensor}: found {prod(dims)} values, allowed: at most {MAX_VALUES}")
        batch, height, width, channels = (*(1,) * (MAX_RANK - len(dims)), *dims)
        if batch != 1:
            raise Refused(f"{tensor}: found the shape {sizes(dims)}, allowed: a batch of 1")
        return height, width, channels

    def quantization(self, index: int) -> Quantization:
        """Scale and zero point of a whole int8 tensor."""
        tensor = self._file.tensors[index]
        self._check_kind(tensor)
        if len(tensor.scales) != 1 or len(tensor.zero_points) != 1:
            raise Refused(f"{tensor}: found {len(tensor.scales)} scales and {len(tensor.zero_points)} zero "
                          f"points, allowed: one of each")
        scale, zero_point = float(tensor.scales[0]), int(tensor.zero_points[0])
        if not (isfinite(scale) and scale > 0):
            raise Refused(f"{tensor}: found the scale {scale:g}, allowed: a positive number")
        if not INT8_MIN <= zero_point <= INT8_MAX:
            raise Refused(f"{tensor}: found the zero point {zero_point}, allowed: {INT8_MIN} to {INT8_MAX}")
        return Quantization(scale=scale, zero_point=zero_point)

    def weight_scales(self, index: int, axis: int) -> Floats:
        """Scales ``[channels]`` of int8 weights, or ``[1]``; ``axis`` is that of the output channels."""
        tensor, dims = self._file.tensors[index], self.dims(index)
        scales = tensor.scales
        self._check_kind(tensor)
        if len(scales) not in (1, dims[axis]):
            raise Refused(f"{tensor}: found {len(scales)} scales, allowed: 1 or {dims[axis]}, one for each "
                          f"output channel")
        if len(scales) > 1 and tensor.axis != axis:
            raise Refused(f"{tensor}: found the quantized dimension {tensor.axis}, allowed: {axis}")
        if not (np.isfinite(scales) & (scales > 0)).all():
            raise Refused(f"{tensor}: found a scale that is no positive number, allowed: positive scales")
        if len(tensor.zero_points) not in (1, len(scales)) or tensor.zero_points.any():
            raise Refused(f"{tensor}: found zero points other than 0, allowed: weights around 0")
        return scales.astype(np.float64)

    def constant(self, index: int, *types: str) -> Any:
        """The values of a constant of one of ``types``, in its shape."""
        tensor = self._file.tensors[index]
        if tensor.type not in types:
            raise Refused(f"{tensor}: found the type {tensor.type}, allowed: {' or '.join(types)}")
        self._plain(tensor)
        if not self.is_constant(index):
            raise Refused(f"{tensor}: found values that are not in the file, allowed: a constant")
        dims, dtype = self.dims(index), np.dtype(DTYPES[tensor.type])
        raw = self._file.buffers[tensor.buffer]
        if len(raw) != prod(dims) * dtype.itemsize:
            raise Refused(f"{tensor}: found {len(raw)} bytes of data, allowed: {prod(dims) * dtype.itemsize} "
                          f"for {tensor.type} {sizes(dims)}")
        self._bytes += len(raw)
        if self._bytes > MAX_CONSTANTS:
            raise Refused(f"{tensor}: found more than {MAX_CONSTANTS} bytes of constants, allowed: at most "
                          f"that")
        return np.frombuffer(raw, dtype).reshape(dims).astype(dtype.newbyteorder("="), copy=False)

    def _check_kind(self, tensor: FileTensor) -> None:
        if tensor.custom_quantization:
            raise Refused(f"{tensor}: found a custom quantization, allowed: scales and zero points")

    def _plain(self, tensor: FileTensor) -> None:
        for there, what in ((tensor.variable, "a variable"), (tensor.sparse, "sparse values"),
                            (tensor.buffer in self._file.external, "data outside the model")):
            if there:
                raise Refused(f"{tensor}: found {what}, allowed: plain tensors")
