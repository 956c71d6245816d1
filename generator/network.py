"""The network: integer layers over quantized tensors, and the rules that every network keeps.

`read` makes one from a file, `lower` rewrites it into the layers that hardware runs; both are
:class:`Network`, both are checked by :meth:`Network.verify` and executed by `golden.run`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .errors import InputError
from .operators.operator import Operator, Shape
from .quantization import Quantization

__all__ = ["Layer", "Network", "Tensor"]


@dataclass(frozen=True, kw_only=True)
class Tensor:
    """One int8 tensor of one frame: height, width, channels, in this order in memory and on the links."""

    name: str
    shape: Shape
    quantization: Quantization

    @property
    def size(self) -> int:
        """Number of values, which is also the number of bytes."""
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

    def __str__(self) -> str:
        return f"{self.output} = {self.operator}({', '.join(self.inputs)})"


@dataclass(frozen=True, kw_only=True)
class Network:
    """Layers in execution order over tensors, one input tensor and one output tensor."""

    name: str
    tensors: Mapping[str, Tensor]
    layers: tuple[Layer, ...]
    input: str
    output: str

    def __str__(self) -> str:
        return "\n".join([f"network {self.name}: {self.tensors[self.input]}", *map(str, self.layers)])

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, taps in the padding counted."""
        return sum(layer.operator.macs(self.shapes(layer)) for layer in self.layers)

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
        makes of its inputs, every name is unique, every value ends at the output.
        """
        known = {self.input}
        names: set[str] = set()
        for layer in self.layers:
            if layer.name in names:
                raise InputError(f"{layer.origin}: layer '{layer.name}' is defined twice, "
                                 f"give each layer a name of its own")
            names.add(layer.name)
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
            known.add(layer.output)
        if self.output not in known:
            raise InputError(f"network '{self.name}': the output '{self.output}' is never produced")
        for layer in self.layers:
            if layer.output != self.output and not self.readers(layer.output):
                raise InputError(f"{layer.origin}: layer '{layer.name}' is read by nobody and is not the "
                                 f"output; remove it or connect it")
        return self
