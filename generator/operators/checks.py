"""Checks of operator attributes that several operators share; each raises a one-sentence ``ValueError``."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..quantization import INT8_MAX, INT8_MIN, Quantization
from .arithmetic import ACTIVATIONS, Activation, Floats
from .operator import Shape

__all__ = ["MAX_WEIGHTS", "check_activation", "check_array", "check_dot_weights", "check_ints",
           "check_rounding", "check_scale", "check_weight_scales", "check_weights", "only_input", "text"]

# Of one layer, as hardware multiplies by them, unless it has more of its own: far more than any FPGA holds.
MAX_WEIGHTS = 2**26


def text(values: Sequence[int]) -> str:
    """Sizes as people write them: ``3x3``."""
    return "x".join(map(str, values))


def check_array(name: str, value: object, dtype: type[np.generic], axes: str) -> None:
    """``value`` must be an array of ``dtype`` with one axis, not empty, for each name in ``axes``."""
    names = axes.split()
    found = repr(value)
    if isinstance(value, np.ndarray):
        if value.dtype == dtype and value.ndim == len(names) and value.size:
            return
        found = f"{value.dtype} of shape {list(value.shape)}"
    raise ValueError(f"{name} must be {np.dtype(dtype)} of shape [{', '.join(names)}], not {found}")


def check_dot_weights(weights: object, axes: str) -> None:
    """``weights`` must be an int8 array with these axes, or one of int16 of differences of two int8."""
    if isinstance(weights, np.ndarray) and weights.dtype == np.int16:
        check_array("weights", weights, np.int16, axes)
        if weights.min() < -255 or weights.max() > 255:
            raise ValueError(f"weights must be in [-255, 255], not {weights.min()}..{weights.max()}")
        return
    check_array("weights", weights, np.int8, axes)


def check_ints(name: str, value: object, parts: str, least: int) -> None:
    """``value`` must be a tuple of integers, one for each name in ``parts``, none below ``least``."""
    names = parts.split()
    if (not isinstance(value, tuple) or len(value) != len(names)
            or any(not isinstance(part, int) or isinstance(part, bool) or part < least for part in value)):
        raise ValueError(f"{name} must be {len(names)} integers ({', '.join(names)}) of at least {least}, "
                         f"not {value!r}")


def check_weights(count: int, own: int = 0) -> None:
    """Weights that a layer needs in hardware, before anything as large is made of its ``own``."""
    if count > max(MAX_WEIGHTS, own):
        raise ValueError(f"weights must be at most {MAX_WEIGHTS}, zeros for channels that are not read among "
                         f"them, not {count}; use fewer channels or a smaller kernel")


def check_activation(activation: Activation) -> None:
    """``activation`` must be one that clamps, or two int8 in order."""
    if isinstance(activation, tuple):
        low, high = activation
        if not INT8_MIN <= low <= high <= INT8_MAX:
            raise ValueError(f"activation must be two numbers in order in [-128, 127], not {low} and {high}")
    elif activation not in ACTIVATIONS:
        raise ValueError(f"activation must be one of {', '.join(ACTIVATIONS)}, not {activation!r}")


def check_rounding(rounding: str, allowed: Sequence[str] = ("twice", "half_even")) -> None:
    """``rounding`` must be one of those ``allowed``."""
    if rounding not in allowed:
        raise ValueError(f"rounding must be {' or '.join(allowed)}, not {rounding!r}")


def check_scale(name: str, quantization: Quantization) -> None:
    """The scale must still be positive and finite in float32, in which the arithmetic is defined."""
    tiny = np.finfo(np.float32)
    if not float(tiny.smallest_subnormal) <= quantization.scale <= float(tiny.max):
        raise ValueError(f"{name} scale must be a positive float32, not {quantization.scale}")


def check_weight_scales(scales: Floats, channels: int, lengths: tuple[int, ...]) -> None:
    """One positive scale for each channel, or as many as ``lengths`` allows."""
    check_array("weight_scales", scales, np.float64, "co")
    if len(scales) not in lengths:
        raise ValueError(f"weight_scales must hold {' or '.join(map(str, dict.fromkeys(lengths)))} values "
                         f"for {channels} output channels, not {len(scales)}")
    if not ((scales > 0) & (scales <= float(np.finfo(np.float32).max))).all():
        raise ValueError(f"weight_scales must be positive and finite, not {scales.min()}..{scales.max()}")


def only_input(inputs: Sequence[Shape]) -> Shape:
    """The one input of an operator that takes one."""
    if len(inputs) != 1:
        raise ValueError(f"takes one input, not {len(inputs)}")
    return inputs[0]
