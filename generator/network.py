"""The network: integer layers over quantized tensors, and the rules that every network keeps.

`read` makes one from a file, `lower` rewrites it into the layers that hardware runs; both are
:class:`Network`, both are checked by :meth:`Network.verify` and executed by `golden.run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from .errors import InputError
from .operators.operator import Operator, Shape
from .quantization import Quantization, UnsignedQuantization

__all__ = ["Layer", "Network", "Tensor"]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One tensor of one frame: height, width, channels, in this order in memory and on the links."""

    name: str
    shape: Shape
    quantization: Quantization | None
    """Of int8 values; None for float32 and one of uint8 only in the host half."""

    @property
    def size(self) -> int:
        """Number of values, which for int8 is also the number of bytes."""
        height, width, channels = self.shape
        return height * width * channels

    def __str__(self) -> str:
        return f"{self.name}[{'x'.join(map(str, self.shape))}]"


@dataclass(frozen=True, kw_only=True)
class Layer:
    """One operator applied to named tensors.

    ``origin`` says where the user wrote it (``file:line``), for messages.
    """

    name: str
    operator: Operator
    inputs: tuple[str, ...]
    output: str
    origin: str
    part_of: tuple[str, int] | None = None
    """Of a lowered layer that makes some channels of a tensor of the network: its name, and the first one."""

    def __str__(self) -> str:
        return f"{self.output} = {self.operator}({', '.join(self.inputs)})"


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers in execution order over tensors, from ``input`` to ``output``: what runs on the chip.

    ``before`` and ``after`` are the host half: chains of layers that lead from the tensor that a user has to
    ``input`` and from ``output`` to the one that a user wants, such as conversions from and to float32.
    """

    name: str
    tensors: Mapping[str, Tensor]
    layers: tuple[Layer, ...]
    input: str
    output: str
    before: tuple[Layer, ...] = ()
    after: tuple[Layer, ...] = ()

    def __str__(self) -> str:
        return "\n".join([f"network {self.name}: {self.tensors[self.first_input]}",
                          *map(str, (*self.before, *self.layers, *self.after))])

    @property
    def first_input(self) -> str:
        """The tensor that a user gives."""
        return self.before[0].inputs[0] if self.before else self.input

    @property
    def last_output(self) -> str:
        """The tensor that a user gets."""
        return self.after[-1].output if self.after else self.output

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, taps in the padding counted."""
        return sum(layer.operator.macs(self.shapes(layer)) for layer in self.layers)

    def dtype(self, tensor: str) -> type[np.int8] | type[np.uint8] | type[np.float32]:
        """What the values of ``tensor`` are."""
        match self.tensors[tensor].quantization:
            case None:
                return np.float32
            case UnsignedQuantization():
                return np.uint8
            case _:
                return np.int8

    def shapes(self, layer: Layer) -> tuple[Shape, ...]:
        """Shapes of the tensors that ``layer`` reads."""
        return tuple(self.tensors[name].shape for name in layer.inputs)

    def layer(self, name: str) -> Layer:
        """The layer of this name."""
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise KeyError(name)

    def producer(self, tensor: str) -> Layer | None:
        """The layer that writes ``tensor``; none for the input of the network."""
        return next((layer for layer in self.layers if layer.output == tensor), None)

    def readers(self, tensor: str) -> tuple[Layer, ...]:
        """The layers that read ``tensor``, in execution order."""
        return tuple(layer for layer in self.layers if tensor in layer.inputs)

    def verify(self) -> Network:
        """Check every rule of a network and return it, so that calls chain.

        Every tensor is written before it is read and written once, every shape is what its operator
        makes of its inputs, every name is unique, every value ends at the output. The host half is a chain
        at either end, and float32 stays in it.
        """
        known = {self.first_input}
        names: set[str] = set()
        for layer in (*self.before, *self.layers, *self.after):
            if layer.name in names:
                raise InputError(f"{layer.origin}: layer '{layer.name}' is defined twice, "
                                 f"give each layer a name of its own")
            names.add(layer.name)
            self._verify_layer(layer, known)
            known.add(layer.output)
        self._verify_chain(self.before, self.first_input, self.input)
        self._verify_chain(self.after, self.output, self.last_output)
        if self.layers and not self.readers(self.input):
            raise InputError(f"network '{self.name}': the input '{self.input}' is read by nobody; connect it")
        for layer in self.layers:
            if layer.output != self.output and not self.readers(layer.output):
                raise InputError(f"{layer.origin}: layer '{layer.name}' is read by nobody and is not the "
                                 f"output; remove it or connect it")
        return self

    def _verify_layer(self, layer: Layer, known: set[str]) -> None:
        """``layer`` reads ``known`` tensors and writes a new one, of the shape that its operator makes."""
        for tensor in layer.inputs:
            if tensor not in known:
                raise InputError(f"{layer.origin}: layer '{layer.name}' reads '{tensor}', "
                                 f"which nothing before it produces")
        if layer.output in known:
            raise InputError(f"{layer.origin}: layer '{layer.name}' writes '{layer.output}', "
                             f"which is already produced")
        if layer.output not in self.tensors:
            raise InputError(f"{layer.origin}: layer '{layer.name}' writes '{layer.output}', "
                             f"which has no shape")
        try:
            shape = layer.operator.output_shape(self.shapes(layer))
        except ValueError as error:
            raise InputError(f"{layer.origin}: layer '{layer.name}': {error}") from error
        if shape != self.tensors[layer.output].shape:
            raise InputError(f"{layer.origin}: layer '{layer.name}' makes {shape}, but its output "
                             f"'{layer.output}' is declared as {self.tensors[layer.output].shape}")
        if layer in self.layers:
            for tensor in (*layer.inputs, layer.output):
                dtype = self.dtype(tensor)
                if dtype is not np.int8:
                    raise InputError(f"{layer.origin}: layer '{layer.name}': tensor '{tensor}' is "
                                     f"{dtype.__name__}, allowed: int8 everywhere but at the two ends of the "
                                     f"network")

    def _verify_chain(self, layers: tuple[Layer, ...], first: str, last: str) -> None:
        """``layers`` lead from the tensor ``first`` to ``last``, each reading what the last one wrote."""
        at = first
        for layer in layers:
            if layer.inputs != (at,):
                raise InputError(f"{layer.origin}: layer '{layer.name}' reads {', '.join(layer.inputs)}, "
                                 f"allowed in the host half: '{at}' alone")
            at = layer.output
        if at != last:
            raise InputError(f"network '{self.name}': '{last}' is never produced")
