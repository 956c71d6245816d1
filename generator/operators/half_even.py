"""ONNX Runtime's arithmetic on quantized tensors: products in float32, rounded once, half to even.

Source: the kernels of ONNX Runtime for x86-64 and its MLAS library, compared bit for bit.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..quantization import Quantization
from .arithmetic import Floats, Ints

__all__ = ["FAR", "Singles", "on_grid", "rescale", "scale_product", "steps"]

Singles = npt.NDArray[np.float32]

# Steps and quotients are cut to this, far beyond int8.
FAR = 1000.0


def scale_product(first: float, second: float | Floats, output: float) -> Singles:
    """``first * second / output``, in this order and rounded to float32 after each step."""
    with np.errstate(over="ignore", under="ignore"):
        product = np.float32(first) * np.asarray(second).astype(np.float32)
        quotient: Singles = np.asarray(product / np.float32(output))
    return quotient


def rescale(sums: Ints, scale: Singles, addend: Floats | None = None) -> Ints:
    """``sums * scale``, and what is added to it, in float32 each, rounded half to even."""
    with np.errstate(over="ignore", under="ignore"):
        products = sums.astype(np.float32) * scale
        return steps(products if addend is None else products + addend.astype(np.float32))


def on_grid(values: npt.NDArray[Any], output: Quantization) -> Ints:
    """Real ``values`` in steps of ``output``, its zero point included: divided in float32, then rounded."""
    with np.errstate(over="ignore", under="ignore"):
        return steps(values.astype(np.float32) / np.float32(output.scale)) + output.zero_point


def steps(quotients: Singles) -> Ints:
    """``quotients`` rounded half to even, cut where they are far beyond int8; what is no number is least."""
    rounded: Ints = np.rint(np.clip(np.nan_to_num(quotients, nan=-FAR), -FAR, FAR)).astype(np.int64)
    return rounded
