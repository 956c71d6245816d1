"""Real numbers between DequantizeLinear and QuantizeLinear: what they are made of until they are quantized.

Operators on real numbers make no layers. They say what the numbers are: a function of stored integers, a sum
of products of them, a mean. The QuantizeLinear at the end knows the scale of the output, and so makes the
layer. A QLinearConv is the same in one node: it dequantizes, computes and quantizes.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace
from math import inf

import numpy as np
import numpy.typing as npt

from ...network import Tensor
from ...operators.average import Average
from ...operators.half_even import Singles, on_grid
from ...operators.host_arithmetic import HostArithmetic
from ...operators.linear import Linear
from ...operators.lookup import Lookup
from ...operators.mul import Mul
from ...operators.operator import Operator
from ...operators.quantize import Quantize
from ...quantization import INT8_MAX, INT8_MIN, Quantization
from ..refusals import Refused, sizes
from .builder import Builder, Label
from .model_file import Array
from .values import INPUTS, Meaning, Stored, covers, least

__all__ = ["NOT_QUANTIZED", "OF_THE_INPUT", "UNKNOWN", "Function", "Given", "Mapping", "Real", "Rescaled",
           "Target", "Waiting"]


# The output of a prototype.
UNKNOWN = Quantization(scale=1.0, zero_point=0)

NOT_QUANTIZED = ("found a sum that is not quantized, allowed: one that goes through QuantizeLinear and "
                 "DequantizeLinear first")

OF_THE_INPUT = ("found the float32 input of the network, allowed: QuantizeLinear as its reader; do to the "
                "frames what comes before it, and quantize a float model with gatecast quantize")

# A function of real numbers, float32 to float32.
Mapping = Callable[[Singles], Singles]


@dataclass(frozen=True, kw_only=True)
class Target:
    """What real numbers are quantized to, and what the tensor is called."""

    meaning: Meaning
    name: str

    @property
    def quantization(self) -> Quantization:
        """That of the tensor on the chip."""
        meaning = self.meaning
        return Quantization(scale=meaning.scale, zero_point=meaning.zero_point - meaning.offset)

    @property
    def limits(self) -> tuple[int, int]:
        """The lowest and the highest integer on the chip."""
        return self.meaning.low - self.meaning.offset, self.meaning.high - self.meaning.offset

    def stored(self, tensor: Tensor, places: npt.NDArray[np.int64]) -> Stored:
        """The integers in ``tensor``, whose layer keeps the limits, seen at ``places``."""
        low, high = self.limits
        return Stored(tensor=tensor, places=places, unsigned=self.meaning.unsigned, low=low, high=high)

    def clamped(self, low: float, high: float) -> tuple[int, int]:
        """The limits of real numbers that are clamped to ``low`` and ``high`` before."""
        ends = on_grid(np.array([low, high], np.float32), self.quantization)
        least, most = np.clip(ends, *self.limits).tolist()
        return least, most


class Real(ABC):
    """Real numbers in the ``shape`` of the file."""

    @property
    @abstractmethod
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""

    @abstractmethod
    def quantized(self, builder: Builder, target: Target) -> Stored:
        """The integers that QuantizeLinear makes of them."""

    @abstractmethod
    def mapped(self, function: Mapping, name: str, label: Label) -> Real:
        """``function``, called ``name``, of each number."""

    @abstractmethod
    def clamped(self, low: float, high: float, label: Label) -> Real:
        """Each number within ``low`` and ``high``."""


def dequantize(quantization: Quantization) -> Singles:
    """What each of 256 integers means, ``[256]``, as DequantizeLinear computes it."""
    with np.errstate(over="ignore", under="ignore"):
        reals: Singles = (np.float32(quantization.scale)
                          * (INPUTS - quantization.zero_point).astype(np.float32))
    return reals


@dataclass(frozen=True, kw_only=True, eq=False)
class Given(Real):
    """The real numbers that the user gives, in a tensor of the host.

    ``dims`` are their sizes in the file; ``places`` says where in the tensor, which is in the order of the
    file, each number lies. ``steps`` is what the host does to the tensor before it quantizes.
    """

    tensor: Tensor
    dims: tuple[int, ...]
    places: npt.NDArray[np.int64]
    label: Label
    steps: tuple[tuple[HostArithmetic, Label], ...] = ()

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.places.shape

    def combined(self, function: str, array: Array, label: Label, *, constant_first: bool) -> Given:
        """``function`` of the numbers and a constant, which the host computes."""
        try:
            spread = np.broadcast_to(array, self.shape)
        except ValueError:
            spread = None
        if spread is None or not covers(self.places, self.tensor.size):
            raise Refused(f"constant: found the shape {sizes(array.shape)} for {sizes(self.shape)}, allowed: "
                          f"one that spreads over the input, none of whose values is repeated or left out")
        if np.isnan(spread).any():
            raise Refused("constant: found what is no number, allowed: numbers")
        constant = np.empty(self.tensor.size, np.float32)
        constant[self.places] = spread
        operator = HostArithmetic(function=function, constant=least(constant.reshape(self.tensor.shape)),
                                  constant_first=constant_first)
        return replace(self, steps=(*self.steps, (operator, label)))

    def quantized(self, builder: Builder, target: Target) -> Stored:
        """The host quantizes, to int8 that mean the same if the file says uint8; once if it is the same."""
        source = self.tensor, tuple(step for step, _ in self.steps), target.quantization, target.limits
        known = builder.taken(source)
        if known is not None:
            return target.stored(known, self.places)
        tensor = self.tensor
        for step, label in self.steps:
            tensor = builder.emit(label, step, [tensor], f"{tensor.name}_{step.function}", None)
        operator = Quantize(output=target.quantization, rounding="half_even", limits=target.limits)
        tensor = builder.emit(self.label, operator, [tensor], target.name, target.quantization)
        builder.takes(tensor, self.dims, source)
        return target.stored(tensor, self.places)

    def mapped(self, function: Mapping, name: str, label: Label) -> Real:
        """Never: the host only quantizes."""
        raise Refused(f"input: {OF_THE_INPUT}")

    def clamped(self, low: float, high: float, label: Label) -> Real:
        """Never: the host only quantizes."""
        return self.mapped(lambda table: table, "clamp", label)


@dataclass(frozen=True, kw_only=True, eq=False)
class Function(Real):
    """A function of stored integers: ``table[x + 128]``, float32 ``[256]``, or ``[256, c]`` by channel.

    ``quantization`` is what the integers mean, ``name`` what the table computes, ``label`` the node that made
    it last.
    """

    stored: Stored
    quantization: Quantization
    table: Singles
    name: str
    label: Label

    @classmethod
    def of(cls, stored: Stored, meaning: Meaning, label: Label) -> Function:
        """What DequantizeLinear makes of integers of ``meaning``."""
        quantization = Quantization(scale=meaning.scale, zero_point=meaning.zero_point - meaning.offset)
        return cls(stored=stored, quantization=quantization, table=dequantize(quantization), name="quantize",
                   label=label)

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.stored.shape

    @property
    def by_channel(self) -> bool:
        """Whether each channel of the tensor has a function of its own."""
        return self.table.ndim == 2

    @property
    def linear(self) -> bool:
        """Whether the numbers are just what the integers mean."""
        return np.array_equal(self.table, dequantize(self.quantization))

    def quantized(self, builder: Builder, target: Target) -> Stored:
        """A table of integers; nothing at all where each integer stays the same."""
        table = np.clip(on_grid(self.table, target.quantization), *target.limits)
        if self.by_channel and (table == table[:, :1]).all():
            table = table[:, 0]
        if np.array_equal(table, INPUTS):
            return replace(self.stored, unsigned=target.meaning.unsigned)
        stored = builder.settled(self.stored)
        tensor = builder.emit(self.label, Lookup(function=self.name, table=table.astype(np.int8)),
                              [stored.tensor], target.name, target.quantization)
        return target.stored(tensor, stored.places)

    def mapped(self, function: Mapping, name: str, label: Label) -> Function:
        """The function of the table."""
        with np.errstate(all="ignore"):
            table = function(self.table).astype(np.float32)
        if np.isnan(table).any():
            raise Refused(f"input: found values whose {name} is no number, allowed: values for which it is "
                          "one")
        return replace(self, table=table, name=name, label=label)

    def clamped(self, low: float, high: float, label: Label) -> Function:
        """The table within ``low`` and ``high``."""
        return self.mapped(lambda table: np.clip(table, np.float32(low), np.float32(high)), "clamp", label)

    def settled(self, builder: Builder) -> Function:
        """Of integers that are where they will be."""
        return replace(self, stored=builder.settled(self.stored))

    def whole(self, builder: Builder, label: Label) -> Function:
        """Of integers that are all of a tensor, each once."""
        return replace(self, stored=builder.whole(self.stored, label))

    def grounded(self, builder: Builder) -> Function:
        """The same numbers as what integers mean, for operators that multiply integers.

        A table whose numbers are all among those that integers mean, as after a Relu, becomes a layer.
        """
        if self.linear:
            return self
        table = np.clip(on_grid(self.table, self.quantization), INT8_MIN, INT8_MAX)
        if not np.array_equal(dequantize(self.quantization)[table - INT8_MIN], self.table):
            raise Refused(f"input: found the {self.name} of a quantized value, allowed: a value that goes "
                          f"through QuantizeLinear and DequantizeLinear first")
        meaning = Meaning(scale=self.quantization.scale, zero_point=self.quantization.zero_point,
                          unsigned=False, low=INT8_MIN, high=INT8_MAX)
        stored = self.quantized(builder, Target(meaning=meaning, name=self.label.name))
        return Function.of(stored, meaning, self.label)


@dataclass(frozen=True, kw_only=True, eq=False)
class Waiting(Real):
    """The outcome of an operator on one or more tensors that waits for its output scale.

    ``places`` are those of the tensor that it will write.
    """

    inputs: tuple[Tensor, ...]
    places: npt.NDArray[np.int64]
    label: Label
    low: float = -inf
    high: float = inf

    @abstractmethod
    def operator(self, output: Quantization, limits: tuple[int, int]) -> Operator:
        """The operator for an output of this quantization and these lowest and highest integers."""

    @property
    def shape(self) -> tuple[int, ...]:
        """The sizes of the axes."""
        return self.places.shape

    def quantized(self, builder: Builder, target: Target) -> Stored:
        """The layer."""
        operator = self.operator(target.quantization, target.clamped(self.low, self.high))
        tensor = builder.emit(self.label, operator, self.inputs, target.name, target.quantization)
        return target.stored(tensor, self.places)

    def mapped(self, function: Mapping, name: str, label: Label) -> Real:
        """Never: the requantizer clamps, and does nothing else."""
        raise Refused(f"input: {NOT_QUANTIZED}")

    def clamped(self, low: float, high: float, label: Label) -> Waiting:
        """With limits that are clamped themselves."""
        return replace(self, low=min(max(self.low, low), high), high=min(max(self.high, low), high))


@dataclass(frozen=True, kw_only=True, eq=False)
class Rescaled(Waiting):
    """The outcome of ``prototype``, whose own output scale and limits mean nothing yet."""

    prototype: Linear | Mul | Average

    def operator(self, output: Quantization, limits: tuple[int, int]) -> Operator:
        """The prototype with output and limits."""
        return replace(self.prototype, output=output, activation=limits)
