"""What operators compute with: activations, and the integer arithmetic of the TFLite-Micro kernels.

Sources: TensorFlow Lite's ``QuantizeMultiplier``, ``MultiplyByQuantizedMultiplier`` (with gemmlowp's
``SaturatingRoundingDoublingHighMul`` and ``RoundingDivideByPOT``) and ``CalculateActivationRangeQuantized``.
"""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ..quantization import INT8_MAX, INT8_MIN, Quantization

__all__ = ["ACTIVATIONS", "INT32_MAX", "INT32_MIN", "MULTIPLIER_BITS", "ROUNDINGS", "Activation", "Floats",
           "Ints", "Rounding", "activation_range", "channel_scale", "multiply", "quantize_multiplier"]

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

# How an operator rescales: "twice" as TFLite-Micro's reference kernels; "half_even" in float32 as ONNX says;
# "biased_half_even" as kernels of ONNX Runtime that add the zero point first; an odd one turns the ties.
Rounding = Literal["twice", "half_even", "biased_half_even"]
ROUNDINGS = get_args(Rounding)
# Bits of what each multiplies sums with: an integer of 31, the significand of a float32.
MULTIPLIER_BITS: dict[Rounding, int] = {"twice": 31, "half_even": 24, "biased_half_even": 24}

# What an operator clamps its output to: an activation by name, or the lowest and the highest int8.
Activation = str | tuple[int, int]

# Real values that a named activation clamps to; None is no limit.
ACTIVATIONS: dict[str, tuple[float | None, float | None]] = {
    "none": (None, None),
    "relu": (0.0, None),
    "relu6": (0.0, 6.0),
    "relu_n1_to_1": (-1.0, 1.0),
}

INT32_MIN, INT32_MAX = -(2**31), 2**31 - 1


def channel_scale(input: Quantization, weights: Floats, output: Quantization) -> Floats:
    """Real multiplier of each channel, ``s_in * s_w / s_out`` in double precision from float32 scales."""
    product: Floats = _single(input.scale) * weights.astype(np.float32).astype(np.float64)
    return product / _single(output.scale)


def _single(value: float) -> float:
    """The nearest float32, in which model files hold every scale."""
    return float(np.float32(value))


def quantize_multiplier(scales: Floats) -> tuple[Ints, Ints]:
    """``(m, s)`` for each real ``d``: ``d ~ m / 2**31 * 2**s``, ``2**30 <= m < 2**31``, ``s <= 30``.

    A scale below ``2**-32`` underflows to ``m = s = 0``; one above ``2**30`` saturates, as in the reference.
    Negative scales (of LEAKY_RELU) give negative ``m``, rounded as the reference does: what is cut off after
    a half is added makes integers one too great.
    """
    fraction, exponent = np.frexp(scales)
    m = np.trunc(fraction * 2.0**31 + 0.5).astype(np.int64)
    s = exponent.astype(np.int64)
    carry = m == 2**31
    m, s = np.where(carry, m // 2, m), np.where(carry, s + 1, s)
    under, over = s < -31, s > 30
    m = np.where(under, 0, np.where(over, np.where(fraction < 0, -INT32_MAX, INT32_MAX), m))
    return m, np.where(under, 0, np.where(over, 30, s))


def multiply(x: Ints, m: Ints, s: Ints) -> Ints:
    """``x * m / 2**31 * 2**s``, rounded twice: half up to an integer, then half away from zero by ``2**-s``.

    Where the reference would overflow 32 bits, which it leaves undefined, ``x`` and the shifted ``x``
    saturate, so the result stays monotone in ``x``.
    """
    shifted = np.clip(np.clip(x, INT32_MIN, INT32_MAX) << np.maximum(s, 0), INT32_MIN, INT32_MAX)
    high = (shifted * m + 2**30) >> 31
    right = np.maximum(-s, 0)
    half = (np.int64(1) << right) >> 1
    rounded: Ints = (high + half - ((high < 0) & (right > 0))) >> right
    return rounded


def activation_range(activation: Activation, output: Quantization) -> tuple[int, int]:
    """The int8 limits ``(low, high)`` that ``activation`` sets on a tensor quantized as ``output``."""
    if isinstance(activation, tuple):
        return activation
    below, above = ACTIVATIONS[activation]
    low = INT8_MIN if below is None else max(INT8_MIN, _quantize(below, output))
    high = INT8_MAX if above is None else min(INT8_MAX, _quantize(above, output))
    return low, high


def _quantize(value: float, output: Quantization) -> int:
    """``value`` on the grid of ``output``: divided in float32, rounded half away from zero.

    Cut to +-1000, far outside int8, so that tiny scales cannot overflow.
    """
    with np.errstate(over="ignore"):
        quotient = float(np.float32(value) / np.float32(output.scale))
    magnitude = int(min(abs(quotient), 1000.0) + 0.5)
    return output.zero_point + (magnitude if quotient > 0 else -magnitude)
