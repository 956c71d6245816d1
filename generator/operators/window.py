"""The lowered operator: taps of its operands, gathered by one of six operations, then requantized."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from typing import Literal

import numpy as np

from gatecast.hdl.requantization import Requantization

from ..bounds import Bounds, dot_bounds, product_bounds, sum_bounds, table_bounds
from .arithmetic import Ints
from .checks import check_array, check_dot_weights, text
from .groups import channel_product
from .operand import WEIGHT_MAX, WEIGHT_MIN, Operand
from .operator import Int8, Operator, Shape
from .taps import chunks, matrix_product

__all__ = ["Operation", "Window"]

Operation = Literal["dot", "multiply", "sum", "max", "lookup", "product"]


@dataclass(frozen=True, kw_only=True, eq=False)
class Window(Operator):
    """What the hardware runs: ``y = requantization(operation over the taps of all operands)``.

    There is one operand for each input of the layer. ``dot`` adds the products of all taps and input channels
    with weights. The others work on each channel for itself: ``sum`` of the taps, ``max``, ``multiply`` (sum
    of taps times weights), ``lookup`` (sum of what the tables say), ``product`` (of two operands of one tap,
    each without its zero). Everything is computed on raw int8, zero points are folded into biases.

    ``size`` are the rows and columns of the output. ``counts``, for a ``sum``: the numbers of taps inside the
    frame that occur, ascending, with a requantization for each; empty where one requantization serves all.
    """

    operation: Operation
    operands: tuple[Operand, ...]
    size: tuple[int, int]
    out_channels: int
    requantizations: tuple[Requantization, ...]
    counts: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.operation not in ("dot", "multiply", "sum", "max", "lookup", "product"):
            raise ValueError(f"operation must be dot, multiply, sum, max, lookup or product, "
                             f"not {self.operation!r}")
        if len(self.operands) < 1 or (self.operation == "product" and len(self.operands) != 2):
            wanted = "two operands" if self.operation == "product" else "an operand"
            raise ValueError(f"{self.operation} must have {wanted}, not {len(self.operands)}")
        for operand in self.operands:
            self._check(operand)
        for requantization in self.requantizations:
            if requantization.channels != self.out_channels:
                raise ValueError(f"requantization must have {self.out_channels} channels, "
                                 f"not {requantization.channels}")
        if len(self.requantizations) != max(len(self.counts), 1):
            raise ValueError(f"requantizations must be {max(len(self.counts), 1)}, "
                             f"not {len(self.requantizations)}")
        if self.counts and (self.operation != "sum" or len(self.operands) != 1):
            raise ValueError("counts must be empty but for a sum of one operand")

    def _check(self, operand: Operand) -> None:
        """What the operation wants of an operand."""
        kh, kw = operand.kernel
        if self.operation == "dot":
            check_dot_weights(operand.weights, "co kh kw ci")
            wanted: tuple[int, ...] = self.out_channels, kh, kw
        elif self.operation == "multiply":
            check_array("weights", operand.weights, np.int16, "kh kw co")
            wanted = kh, kw, self.out_channels
        elif operand.weights is not None:
            raise ValueError(f"weights must be None for {self.operation}")
        if operand.weights is not None:
            if operand.weights.shape[:3] != wanted:
                raise ValueError(f"weights must have the shape [{', '.join(map(str, wanted))}, ...], "
                                 f"not {list(operand.weights.shape)}")
            if operand.weights.min() < WEIGHT_MIN or operand.weights.max() > WEIGHT_MAX:
                raise ValueError(f"weights must be in [{WEIGHT_MIN}, {WEIGHT_MAX}], "
                                 f"not {operand.weights.min()}..{operand.weights.max()}")
        if (operand.table is not None) != (self.operation == "lookup"):
            raise ValueError(f"table must be {'given' if self.operation == 'lookup' else 'None'} "
                             f"for {self.operation}")
        if operand.table is not None and (operand.table.shape != (256,) or operand.table.dtype != np.int64):
            raise ValueError(f"table must be int64 of shape [256], not {operand.table.dtype} of shape "
                             f"{list(operand.table.shape)}")
        if self.operation == "product" and operand.taps != 1:
            raise ValueError(f"product must have operands of one tap, not {operand.taps}")

    def __str__(self) -> str:
        kernels = " and ".join(text(operand.kernel) for operand in self.operands)
        strides = " and ".join(text(operand.stride) for operand in self.operands)
        return f"{self.operation} {kernels} stride {strides} to {self.out_channels} channels"

    @property
    def requantization(self) -> Requantization:
        """The requantization of all outputs, or of those with the fewest taps inside the frame."""
        return self.requantizations[0]

    @property
    def taps(self) -> int:
        """Taps of all operands together."""
        return sum(operand.taps for operand in self.operands)

    @property
    def multiplier_bits(self) -> int:
        """Width of the widest multiplier of its staircases."""
        return max(int(each.multiplier.max()) for each in self.requantizations).bit_length()

    @cached_property
    def sum_bounds(self) -> Bounds:
        """Bounds of what ``operation`` gives, before the bias, for each output channel."""
        channels = self.out_channels
        match self.operation:
            case "dot":
                return _total([dot_bounds(operand.weights) for operand in self.operands
                               if operand.weights is not None])
            case "multiply":
                return _total([dot_bounds(np.moveaxis(operand.weights, -1, 0)) for operand in self.operands
                               if operand.weights is not None])
            case "lookup":
                return _total([table_bounds(operand.table, operand.taps, channels)
                               for operand in self.operands if operand.table is not None])
            case "product":
                first, second = self.operands
                return product_bounds(first.zero, second.zero, channels)
            case "sum":
                return sum_bounds(self.taps, channels)
            case "max":
                return sum_bounds(1, channels)

    @cached_property
    def bounds(self) -> Bounds:
        """Bounds of what requantization multiplies: the sum and the bias."""
        each = [self.sum_bounds.plus(requantization.bias) for requantization in self.requantizations]
        return Bounds(lowest=np.min([bounds.lowest for bounds in each], axis=0),
                      highest=np.max([bounds.highest for bounds in each], axis=0))

    def output_shape(self, inputs: Sequence[Shape]) -> Shape:
        """``size`` and ``out_channels``; the operands must suit their inputs."""
        if len(inputs) != len(self.operands):
            raise ValueError(f"takes {len(self.operands)} inputs, not {len(inputs)}")
        for shape, operand in zip(inputs, self.operands, strict=True):
            operand.check(shape)
            wanted = self.out_channels
            if self.operation == "dot":
                assert operand.weights is not None
                wanted = operand.weights.shape[3]
            if shape[2] != wanted:
                raise ValueError(f"takes {wanted} input channels, but the input {text(shape)} "
                                 f"has {shape[2]}")
        return *self.size, self.out_channels

    def compute(self, inputs: Sequence[Int8]) -> Int8:
        """Bit for bit what the hardware does, on a batch."""
        return self.requantize(self.sums(inputs))

    def sums(self, inputs: Sequence[Int8]) -> Ints:
        """What the operation gives at each output, ``[n, oh, ow, co]``."""
        rows, columns = self.size
        sums = np.empty((len(inputs[0]), rows, columns, self.out_channels), np.int64)
        most = max(operand.taps * x.shape[3] for operand, x in zip(self.operands, inputs, strict=True))
        for some, band in chunks(len(sums), rows, columns * most):
            sums[some, band] = self._sums([x[some] for x in inputs], range(rows)[band])
        return sums

    def requantize(self, sums: Ints) -> Int8:
        """Outputs of ``sums [n, oh, ow, co]``, by the number of taps inside the frame where it matters."""
        if not self.counts:
            return self.requantization.compute(sums)
        inside = self.operands[0].inside(self.size)[..., np.newaxis]
        result = np.zeros(sums.shape, np.int8)
        for count, requantization in zip(self.counts, self.requantizations, strict=True):
            result = np.where(inside == count, requantization.compute(sums), result)
        return result

    def _sums(self, inputs: Sequence[Int8], rows: range) -> Ints:
        """The sums of some rows of the output; no more than one operand's taps are gathered at a time."""
        term, merge = TERMS[self.operation], MERGES.get(self.operation, np.add)
        columns = range(self.size[1])
        terms = (term(operand.gather(x, rows, columns), operand)
                 for operand, x in zip(self.operands, inputs, strict=True))
        total: Ints = reduce(merge, terms)
        return total

    def macs(self, inputs: Sequence[Shape]) -> int:
        """Products of ``dot``, ``multiply`` and ``product``; the others multiply nothing."""
        outputs = self.size[0] * self.size[1] * self.out_channels
        match self.operation:
            case "dot":
                return outputs * sum(operand.taps * shape[2]
                                     for operand, shape in zip(self.operands, inputs, strict=True))
            case "multiply":
                return outputs * self.taps
            case "product":
                return outputs
            case _:
                return 0


def _dot(taps: Int8, operand: Operand) -> Ints:
    assert operand.weights is not None
    return matrix_product(taps, operand.weights)


def _multiply(taps: Int8, operand: Operand) -> Ints:
    assert operand.weights is not None
    products: Ints = channel_product(taps, operand.weights).astype(np.int64)
    return products


def _sum(taps: Int8, operand: Operand) -> Ints:
    total: Ints = taps.sum(axis=(3, 4), dtype=np.int64)
    return total


def _max(taps: Int8, operand: Operand) -> Ints:
    largest: Ints = taps.max(axis=(3, 4)).astype(np.int64)
    return largest


def _lookup(taps: Int8, operand: Operand) -> Ints:
    assert operand.table is not None
    total: Ints = operand.table[taps.astype(np.int64) + 128].sum(axis=(3, 4))
    return total


def _centred(taps: Int8, operand: Operand) -> Ints:
    centred: Ints = taps[:, :, :, 0, 0].astype(np.int64) - operand.zero
    return centred


# What one operand contributes, from its taps [n, oh, ow, kh, kw, c].
TERMS: dict[str, Callable[[Int8, Operand], Ints]] = {
    "dot": _dot, "multiply": _multiply, "sum": _sum, "max": _max, "lookup": _lookup, "product": _centred}

# How the contributions of operands meet, where they do not add up.
MERGES: dict[str, np.ufunc] = {"max": np.maximum, "product": np.multiply}


def _total(parts: Sequence[Bounds]) -> Bounds:
    """Bounds of the sum of what ``parts`` bound."""
    return Bounds(lowest=np.sum([part.lowest for part in parts], axis=0, dtype=np.int64),
                  highest=np.sum([part.highest for part in parts], axis=0, dtype=np.int64))
