"""The reference kernels once more, in plain Python: scalar loops, no NumPy arithmetic, no shared code.

Written from the definitions (gemmlowp's high multiplication with truncating division, rounding shift
by remainder and threshold), so that a mistake in the vectorised forms cannot repeat itself here.
"""

from __future__ import annotations

import math
import struct
from fractions import Fraction
from typing import Any

import numpy as np

from gatecast.operators.avg_pool import AvgPool
from gatecast.operators.conv2d import Conv2d
from gatecast.operators.dense import Dense
from gatecast.operators.max_pool import MaxPool
from gatecast.operators.operator import Operator


def float32(value: float) -> float:
    return struct.unpack("f", struct.pack("f", value))[0]


def round_half_away(value: Fraction) -> int:
    return math.floor(value + Fraction(1, 2)) if value >= 0 else -math.floor(-value + Fraction(1, 2))


def quantize_multiplier(scale: float) -> tuple[int, int]:
    if scale == 0:
        return 0, 0
    fraction, exponent = math.frexp(scale)
    m = round_half_away(Fraction(fraction) * 2**31)
    if m == 2**31:
        m, exponent = m // 2, exponent + 1
    if exponent < -31:
        return 0, 0
    return (2**31 - 1, 30) if exponent > 30 else (m, exponent)


def truncated_division(a: int, b: int) -> int:
    return a // b if a >= 0 else -(-a // b)


def multiply(x: int, m: int, exponent: int) -> int:
    product = (x << max(exponent, 0)) * m
    nudge = 2**30 if product >= 0 else 1 - 2**30
    high = truncated_division(product + nudge, 2**31)
    right = max(-exponent, 0)
    remainder, threshold = high & ((1 << right) - 1), (((1 << right) - 1) >> 1) + (1 if high < 0 else 0)
    return (high >> right) + (1 if remainder > threshold else 0)


def limits(activation: str, output: Any) -> tuple[int, int]:
    def at(real: float) -> int:
        return output.zero_point + round_half_away(Fraction(float32(float32(real) / float32(output.scale))))

    return {"none": (-128, 127), "relu": (max(-128, at(0)), 127),
            "relu6": (max(-128, at(0)), min(127, at(6))),
            "relu_n1_to_1": (max(-128, at(-1)), min(127, at(1)))}[activation]


def clamp(value: int, low: int, high: int) -> int:
    return min(max(value, low), high)


def mean(values: list[int]) -> int:
    total, n = sum(values), len(values)
    return truncated_division(total + (n // 2 if total > 0 else -(n // 2)), n)


def requantize(op: Conv2d | Dense, channel: int, total: int) -> int:
    if isinstance(op, Dense) and len(op.weight_scales) == 1:
        product = float32(float32(op.input.scale) * float32(op.weight_scales[0]))
    else:
        product = float32(op.input.scale) * float32(op.weight_scales[channel])
    scaled = multiply(total, *quantize_multiplier(product / float32(op.output.scale)))
    return clamp(scaled + op.output.zero_point, *limits(op.activation, op.output))


def execute(op: Operator, x: Any) -> Any:
    """One frame ``[h, w, c]`` through a convolution, a dense layer or a pool."""
    image = x.tolist()
    height, width, channels = x.shape
    if isinstance(op, Dense):
        flat = [value for row in image for column in row for value in column]
        outputs = []
        for c, row in enumerate(op.weights.tolist()):
            products = [(value - op.input.zero_point) * weight
                        for value, weight in zip(flat, row, strict=True)]
            outputs.append(requantize(op, c, sum(products) + int(op.bias[c])))
        return np.array([[outputs]])
    assert isinstance(op, Conv2d | MaxPool | AvgPool)
    kh, kw = op.kernel
    dh, dw = op.dilation if isinstance(op, Conv2d) else (1, 1)
    top, left, bottom, right = op.padding
    weights = op.weights.tolist() if isinstance(op, Conv2d) else None
    rows = []
    for y0 in range(-top, height + bottom - (kh - 1) * dh, op.stride[0]):
        row = []
        for x0 in range(-left, width + right - (kw - 1) * dw, op.stride[1]):
            inside = [(i, j, y0 + i * dh, x0 + j * dw) for i in range(kh) for j in range(kw)
                      if 0 <= y0 + i * dh < height and 0 <= x0 + j * dw < width]
            if isinstance(op, Conv2d):
                row.append([requantize(op, c, int(op.bias[c]) + sum(
                    (image[y][x][k] - op.input.zero_point) * weights[c][i][j][k]
                    for i, j, y, x in inside for k in range(channels))) for c in range(len(weights))])
                continue
            columns = [[image[y][x][c] for _, _, y, x in inside] for c in range(channels)]
            low_high = limits(op.activation, op.quantization)
            if isinstance(op, MaxPool):
                row.append([clamp(max(values), *low_high) for values in columns])
            else:
                row.append([clamp(mean(values), *low_high) for values in columns])
        rows.append(row)
    return np.array(rows)
