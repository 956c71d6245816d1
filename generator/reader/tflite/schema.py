"""The tables and fields of the TFLite schema that this reader touches, by name and slot.

The verifier follows exactly these, so nothing else of a file can be reached afterwards. Names are those of
the public schema (``schema.fbs``, version 3); a test compares slots and types with the generated classes.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ..limits import MAX_BYTES, MAX_OPERANDS, MAX_OPERATORS, MAX_TENSORS
from .limits import MAX_BUFFERS, MAX_CHANNELS, MAX_SIZES

__all__ = ["OPTIONS", "ROOT", "SCHEMA", "Child", "Children", "Kind", "Numbers", "Scalar", "Text", "Union"]


@dataclass(frozen=True)
class Scalar:
    """A number of ``size`` bytes."""

    size: int


@dataclass(frozen=True)
class Text:
    """A string."""


@dataclass(frozen=True)
class Numbers:
    """A vector of at most ``most`` numbers of ``size`` bytes."""

    size: int
    most: int


@dataclass(frozen=True)
class Child:
    """A table."""

    table: str


@dataclass(frozen=True)
class Children:
    """A vector of at most ``most`` tables."""

    table: str
    most: int


@dataclass(frozen=True)
class Union:
    """One of the tables ``members``, by the number in the scalar field ``type``; others are not read."""

    type: str
    members: Mapping[int, str]


Kind = Scalar | Text | Numbers | Child | Children | Union

ROOT = "Model"

# Numbers of the union BuiltinOptions.
OPTIONS = {
    1: "Conv2DOptions",
    2: "DepthwiseConv2DOptions",
    5: "Pool2DOptions",
    8: "FullyConnectedOptions",
    9: "SoftmaxOptions",
    10: "ConcatenationOptions",
    11: "AddOptions",
    17: "ReshapeOptions",
    21: "MulOptions",
    27: "ReducerOptions",
    28: "SubOptions",
    30: "SqueezeOptions",
    32: "StridedSliceOptions",
    35: "SplitOptions",
    64: "UnpackOptions",
    74: "ResizeNearestNeighborOptions",
    75: "LeakyReluOptions",
    79: "SplitVOptions",
}

BYTE, INT, LONG = Scalar(1), Scalar(4), Scalar(8)
SIZES = Numbers(4, MAX_SIZES)

SCHEMA: dict[str, dict[str, tuple[int, Kind]]] = {
    "Model": {
        "version": (0, INT),
        "operator_codes": (1, Children("OperatorCode", MAX_OPERATORS)),
        "subgraphs": (2, Children("SubGraph", MAX_OPERATORS)),
        "buffers": (4, Children("Buffer", MAX_BUFFERS)),
    },
    "OperatorCode": {
        "deprecated_builtin_code": (0, BYTE),
        "custom_code": (1, Text()),
        "version": (2, INT),
        "builtin_code": (3, INT),
    },
    "SubGraph": {
        "tensors": (0, Children("Tensor", MAX_TENSORS)),
        "inputs": (1, Numbers(4, MAX_OPERANDS)),
        "outputs": (2, Numbers(4, MAX_OPERANDS)),
        "operators": (3, Children("Operator", MAX_OPERATORS)),
    },
    "Buffer": {
        "data": (0, Numbers(1, MAX_BYTES)),
        "offset": (1, LONG),
        "size": (2, LONG),
    },
    "Tensor": {
        "shape": (0, SIZES),
        "type": (1, BYTE),
        "buffer": (2, INT),
        "quantization": (4, Child("QuantizationParameters")),
        "is_variable": (5, BYTE),
        "sparsity": (6, Child("SparsityParameters")),
        "shape_signature": (7, SIZES),
    },
    "QuantizationParameters": {
        "scale": (2, Numbers(4, MAX_CHANNELS)),
        "zero_point": (3, Numbers(8, MAX_CHANNELS)),
        "details_type": (4, BYTE),
        "quantized_dimension": (6, INT),
    },
    # Only whether it is there matters.
    "SparsityParameters": {},
    "Operator": {
        "opcode_index": (0, INT),
        "inputs": (1, Numbers(4, MAX_OPERANDS)),
        "outputs": (2, Numbers(4, MAX_OPERANDS)),
        "builtin_options_type": (3, BYTE),
        "builtin_options": (4, Union("builtin_options_type", OPTIONS)),
    },
    "Conv2DOptions": {
        "padding": (0, BYTE),
        "stride_w": (1, INT),
        "stride_h": (2, INT),
        "fused_activation_function": (3, BYTE),
        "dilation_w_factor": (4, INT),
        "dilation_h_factor": (5, INT),
    },
    "DepthwiseConv2DOptions": {
        "padding": (0, BYTE),
        "stride_w": (1, INT),
        "stride_h": (2, INT),
        "depth_multiplier": (3, INT),
        "fused_activation_function": (4, BYTE),
        "dilation_w_factor": (5, INT),
        "dilation_h_factor": (6, INT),
    },
    "Pool2DOptions": {
        "padding": (0, BYTE),
        "stride_w": (1, INT),
        "stride_h": (2, INT),
        "filter_width": (3, INT),
        "filter_height": (4, INT),
        "fused_activation_function": (5, BYTE),
    },
    "FullyConnectedOptions": {
        "fused_activation_function": (0, BYTE),
        "weights_format": (1, BYTE),
        "keep_num_dims": (2, BYTE),
    },
    "SoftmaxOptions": {"beta": (0, INT)},
    "ConcatenationOptions": {"axis": (0, INT), "fused_activation_function": (1, BYTE)},
    "AddOptions": {"fused_activation_function": (0, BYTE)},
    "SubOptions": {"fused_activation_function": (0, BYTE)},
    "MulOptions": {"fused_activation_function": (0, BYTE)},
    "ReshapeOptions": {"new_shape": (0, SIZES)},
    "ReducerOptions": {"keep_dims": (0, BYTE)},
    "SqueezeOptions": {"squeeze_dims": (0, SIZES)},
    "StridedSliceOptions": {
        "begin_mask": (0, INT),
        "end_mask": (1, INT),
        "ellipsis_mask": (2, INT),
        "new_axis_mask": (3, INT),
        "shrink_axis_mask": (4, INT),
        "offset": (5, BYTE),
    },
    "SplitOptions": {"num_splits": (0, INT)},
    "SplitVOptions": {"num_splits": (0, INT)},
    "UnpackOptions": {"num": (0, INT), "axis": (1, INT)},
    "ResizeNearestNeighborOptions": {"align_corners": (0, BYTE), "half_pixel_centers": (1, BYTE)},
    "LeakyReluOptions": {"alpha": (0, INT)},
}
