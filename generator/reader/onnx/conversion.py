"""One node on its way to values: its inputs, its attributes and what they may be."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from math import isfinite, prod
from typing import Any, TypeVar

import numpy as np

from ..limits import MAX_DIMENSION
from ..refusals import Refused, sizes
from .builder import Builder, Label
from .graph import Graph
from .hosted import Hosted
from .model_file import Array, FileNode
from .reals import OF_THE_INPUT, Function, Given, Real
from .values import Constant, Stored, Weights

__all__ = ["Conversion", "Value", "axis_of", "on_integers", "picked", "reshaped"]

# What a name of the file stands for.
Value = Constant | Weights | Stored | Real | Hosted

T = TypeVar("T")

KINDS: Mapping[type, str] = {
    Constant: "a constant", Weights: "quantized constant weights", Stored: "quantized integers",
    Function: "dequantized values", Real: "real numbers that are not quantized",
    Hosted: "values that the host computes",
}


class Conversion:
    """What the converters of nodes use; everything raises :class:`Refused` with the attribute at fault."""

    def __init__(self, node: FileNode, values: Mapping[str, Value], builder: Builder, opset: int,
                 graph: Graph, file: str) -> None:
        self.node = node
        self.builder = builder
        self.opset = opset
        self._values = values
        self._graph = graph
        self._file = file
        operator = node.operator.rpartition(".")[2].lower()
        self.label = Label(name=f"{operator}_{node.index}", origin=f"{file}: {node}")

    def inputs(self, least: int, most: int | None = None) -> None:
        """Check how many inputs there are; those beyond ``least`` may be left out."""
        names, most = self.node.inputs, most or least
        if len(names) > most or not all(self.has(position) for position in range(least)):
            wanted = str(least) if least == most else f"{least} to {most}"
            raise Refused(f"inputs: found {sum(map(bool, names))}, allowed: {wanted} of them")

    def has(self, position: int) -> bool:
        """Whether an input is there."""
        return position < len(self.node.inputs) and bool(self.node.inputs[position])

    def value(self, position: int) -> Value:
        """An input, whatever it is."""
        return self._values[self.node.inputs[position]]

    def of(self, kind: type[T], position: int = 0) -> T:
        """An input of one kind."""
        value = self.value(position)
        if isinstance(value, Given) and kind is Function:
            raise Refused(f"input {position}: {OF_THE_INPUT}")
        if not isinstance(value, kind):
            found = next(name for known, name in KINDS.items() if isinstance(value, known))
            raise Refused(f"input {position}: found {found}, allowed: {KINDS[kind]}")
        return value

    def real(self, position: int = 0) -> Real:
        """An input of real numbers."""
        value = self.value(position)
        return value if isinstance(value, Real) else self.of(Function, position)

    def array(self, position: int) -> Array:
        """The numbers of a constant input; 4-bit integers are no ordinary ones to NumPy, but numbers."""
        value = self.value(position)
        array = value.reals if isinstance(value, Weights) else self.of(Constant, position).array
        if array.dtype.kind not in "fiu" and not array.dtype.name.startswith(("int", "uint")):
            raise Refused(f"input {position}: found {array.dtype.name}, allowed: numbers")
        return array

    def integers(self, position: int, most: int = 64) -> tuple[int, ...]:
        """A constant list of at most ``most`` integers."""
        array = self.array(position)
        if array.dtype.kind not in "iu" or array.size > most:
            raise Refused(f"input {position}: found {array.dtype} {sizes(array.shape)}, allowed: at most "
                          f"{most} integers")
        return tuple(array.reshape(-1).tolist())

    def scalar(self, position: int) -> float:
        """A constant that is one finite number."""
        array = self.array(position)
        if array.size != 1 or array.dtype.kind not in "fiu" or not isfinite(array.reshape(-1)[0]):
            raise Refused(f"input {position}: found {array.dtype} {sizes(array.shape)}, allowed: one finite "
                          f"number")
        return float(array.reshape(-1)[0])

    def attribute(self, name: str, default: T) -> T:
        """An attribute of the type of its ``default``."""
        found: Any = self.node.attributes.get(name, default)
        if isinstance(default, float) and isinstance(found, float) and not isfinite(found):
            raise Refused(f"{name}: found {found}, allowed: a finite number")
        if type(found) is not type(default) or isinstance(found, np.ndarray):
            raise Refused(f"{name}: found a {type(found).__name__}, allowed: a {type(default).__name__}")
        return found

    def expect(self, name: str, default: T, allowed: Sequence[T]) -> T:
        """An attribute that must be one of ``allowed``."""
        found = self.attribute(name, default)
        if found not in allowed:
            raise Refused(f"{name}: found {found}, allowed: {' or '.join(map(str, allowed))}")
        return found

    def sizes(self, name: str, default: Sequence[int], least: int, count: int) -> tuple[int, ...]:
        """An attribute of ``count`` sizes of at least ``least``; ``default`` where it is missing."""
        found = self.attribute(name, tuple(default))
        if len(found) != count or not all(isinstance(size, int) and least <= size <= MAX_DIMENSION
                                          for size in found):
            raise Refused(f"{name}: found {sizes(found[:16])}, allowed: {count} numbers from {least} to "
                          f"{MAX_DIMENSION}")
        return found

    def needs(self, output: int) -> bool:
        """Whether an output is there and read by somebody."""
        return output < len(self.node.outputs) and self.node.outputs[output] in self._graph.needed

    def following(self) -> Conversion | None:
        """The conversion of the node that works on the first output, if nobody else reads that.

        None where that node waits for other values.
        """
        output = self.node.outputs[0]
        reader = self._graph.only_reader.get(output)
        if reader is None or reader.inputs[0] != output or any(
                name and name not in self._values for name in reader.inputs[1:]):
            return None
        return Conversion(reader, self._values, self.builder, self.opset, self._graph, self._file)

    def only_output(self) -> None:
        """Refuse further outputs that are read."""
        if any(self.needs(output) for output in range(1, len(self.node.outputs))):
            raise Refused("outputs: found more than one that is used, allowed: the first")


def picked(c: Conversion) -> tuple[Value, Stored]:
    """Input 0 and the integers behind it, of which an operator keeps some as they are."""
    value = c.value(0)
    if isinstance(value, Function) and value.by_channel:
        raise Refused("input: found a function for each channel, allowed: a value that goes through "
                      "QuantizeLinear and DequantizeLinear first")
    return value, c.of(Function).stored if isinstance(value, Function) else c.of(Stored)


def on_integers(value: Value, stored: Stored) -> Value:
    """What ``value`` was, an integer or a function of it, now of ``stored``."""
    return replace(value, stored=stored) if isinstance(value, Function) else stored


def axis_of(axis: int, rank: int) -> int:
    """An axis counted from either end, from 0 on."""
    if not -rank <= axis < rank:
        raise Refused(f"axis: found {axis}, allowed: {-rank} to {rank - 1} for {rank} dimensions")
    return axis % rank


def reshaped(shape: Sequence[int], given: Sequence[int], *, copy_zeros: bool = True) -> tuple[int, ...]:
    """The sizes that a Reshape to ``shape`` makes of those ``given``."""
    result = [given[i] if size == 0 and copy_zeros and i < len(given) else size
              for i, size in enumerate(shape)]
    if result.count(-1) == 1:
        rest = prod(size for size in result if size != -1)
        result[result.index(-1)] = prod(given) // rest if rest > 0 else 0
    if any(size < 1 for size in result) or prod(result) != prod(given):
        raise Refused(f"shape: found {sizes(shape)}, allowed: one of {prod(given)} values as in "
                      f"{sizes(given)}")
    return tuple(result)
