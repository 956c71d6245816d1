"""Grouped convolution: every filter reads the channels of its own group only."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .arithmetic import Ints
from .operator import Int8
from .taps import Taps, Weights, dot

__all__ = ["channel_product", "group_dot", "widened"]

# Beyond so many taps a sum of products of int8 and a number of 9 bits may leave 32 bits.
TAPS_IN_INT32 = 2**16


def group_dot(x: Int8, weights: Weights, taps: Taps, pad_value: int) -> Ints:
    """Exact sums of products of ``x [n, h, w, ci]`` and ``weights [co, kh, kw, cg]``, ``[n, oh, ow, co]``.

    ``cg`` divides ``ci``; filters and channels fall into ``ci / cg`` groups, in order.
    """
    channels = weights.shape[3]
    groups = x.shape[3] // channels
    if groups == 1:
        return dot(x, weights, taps, pad_value)
    filters = len(weights) // groups
    if channels == 1:
        gathered = taps.gather(np.repeat(x, filters, axis=3), pad_value)
        return channel_product(gathered, np.moveaxis(weights[..., 0], 0, -1)).astype(np.int64)
    return np.concatenate([
        dot(x[..., group * channels:(group + 1) * channels], weights[group * filters:(group + 1) * filters],
            taps, pad_value) for group in range(groups)], axis=3)


def channel_product(taps: Int8, weights: npt.NDArray[np.integer]) -> npt.NDArray[np.integer]:
    """Exact sums of ``taps [n, oh, ow, kh, kw, c]`` times ``weights [kh, kw, c]``, each channel for itself.

    Weights have at most 9 bits. Tap by tap: no copy of all the taps is made.
    """
    kh, kw, _ = weights.shape
    dtype = np.int32 if kh * kw < TAPS_IN_INT32 else np.int64
    wide = weights.astype(dtype)
    sums = taps[:, :, :, 0, 0] * wide[0, 0]
    for row in range(kh):
        for column in range(kw):
            if row or column:
                sums += taps[:, :, :, row, column] * wide[row, column]
    return sums


def widened(weights: Weights, channels: int) -> Weights:
    """Grouped ``weights [co, kh, kw, cg]`` as a plain convolution's, zero where groups are strangers."""
    own = weights.shape[3]
    if own == channels:
        return weights
    filters = len(weights) * own // channels
    wide = np.zeros((*weights.shape[:3], channels), weights.dtype)
    for group in range(channels // own):
        rows = slice(group * filters, (group + 1) * filters)
        wide[rows, :, :, group * own:(group + 1) * own] = weights[rows]
    return wide
