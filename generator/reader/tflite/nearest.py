"""What to use instead of the operators that are not read."""

from __future__ import annotations

__all__ = ["NEAREST"]

# What does the work of operators that are not read, or comes closest.
NEAREST = {
    "ADD_N": "several ADD",
    "BATCH_MATMUL": "FULLY_CONNECTED with constant weights",
    "BATCH_TO_SPACE_ND": "CONV_2D or DEPTHWISE_CONV_2D with dilation",
    "DEPTH_TO_SPACE": "RESIZE_NEAREST_NEIGHBOR",
    "DIV": "MUL by a constant",
    "ELU": "LEAKY_RELU",
    "GATHER": "STRIDED_SLICE",
    "GELU": "HARD_SWISH",
    "LOG_SOFTMAX": "SOFTMAX at the end",
    "L2_POOL_2D": "AVERAGE_POOL_2D",
    "MAXIMUM": "RELU",
    "MINIMUM": "RELU6",
    "MIRROR_PAD": "PAD",
    "PACK": "CONCATENATION",
    "PRELU": "LEAKY_RELU",
    "REDUCE_MAX": "MAX_POOL_2D as large as the map",
    "RELU_0_TO_1": "RELU6 or RELU_N1_TO_1",
    "RESIZE_BILINEAR": "RESIZE_NEAREST_NEIGHBOR",
    "SPACE_TO_BATCH_ND": "CONV_2D or DEPTHWISE_CONV_2D with dilation",
    "SPACE_TO_DEPTH": "CONV_2D with a stride",
    "SUM": "MEAN",
    "TRANSPOSE_CONV": "RESIZE_NEAREST_NEIGHBOR and CONV_2D",
}
