"""One operator of a file on its way to layers: its tensors, its options and what it becomes."""

from __future__ import annotations

from collections.abc import Sequence
from math import isclose, prod
from typing import Any

from ...network import Tensor
from ...operators.checks import text
from ...operators.operator import Operator
from ...operators.reshape import Reshape
from ...quantization import Quantization
from ..layer_maker import LayerMaker
from ..limits import MAX_RANK
from ..refusals import Refused, sizes
from .graph import Graph
from .model_file import FileOperator
from .tensors import Tensors

__all__ = ["Conversion", "meaning"]

ACTIVATIONS = ("none", "relu", "relu_n1_to_1", "relu6")
CLOSE = 1e-6


class Conversion:
    """What the converters of operators use; everything raises :class:`Refused` with the attribute at fault.

    ``maker`` collects what the operators become.
    """

    def __init__(self, operator: FileOperator, tensors: Tensors, graph: Graph, maker: LayerMaker,
                 file: str) -> None:
        self.operator = operator
        self.tensors = tensors
        self.graph = graph
        self.name = f"{operator.name.lower()}_{operator.index}"
        self._maker = maker
        self._origin = f"{file}: {operator}"

    def operands(self, least: int, most: int | None = None, outputs: int = 1) -> None:
        """Check how many inputs and outputs there are; inputs beyond ``least`` may be left out."""
        inputs, most = self.operator.inputs, most or least
        if not least <= len(inputs) <= most or -1 in inputs[:least]:
            wanted = str(least) if least == most else f"{least} to {most}"
            raise Refused(f"inputs: found {sizes(inputs)}, allowed: {wanted} of them")
        if len(self.operator.outputs) != outputs:
            raise Refused(f"outputs: found {len(self.operator.outputs)}, allowed: {outputs}")

    def index(self, position: int) -> int:
        """Index of an input in the file, -1 where it is left out."""
        return self.operator.inputs[position] if position < len(self.operator.inputs) else -1

    def input(self, position: int = 0) -> Tensor:
        """An int8 input."""
        return self.tensors.int8(self.index(position))

    def output(self, position: int = 0) -> Tensor:
        """An int8 output."""
        return self.tensors.int8(self.operator.outputs[position])

    def option(self, table: str, name: str) -> Any:
        """A field of the options, which must be those of ``table``; 0 where the file holds none."""
        if self.operator.table not in ("", table):
            raise Refused(f"builtin_options: found {self.operator.table}, allowed: {table}")
        return self.operator.options.get(name, 0)

    def activation(self, table: str) -> str:
        """The fused activation."""
        code = self.option(table, "fused_activation_function")
        if not 0 <= code < len(ACTIVATIONS):
            raise Refused(f"fused_activation_function: found {code}, allowed: "
                          f"{', '.join(name.upper() for name in ACTIVATIONS)}")
        return ACTIVATIONS[code]

    def integers(self, position: int, most: int = 2 * MAX_RANK) -> tuple[int, ...]:
        """The values of a constant of at most ``most`` integers, in row-major order."""
        values = self.tensors.constant(self.index(position), "INT32", "INT64")
        if values.size > most:
            raise Refused(f"input {position}: found {values.size} integers, allowed: at most {most}")
        return tuple(values.reshape(-1).tolist())

    def same_quantization(self, first: Tensor, second: Tensor) -> None:
        """Operators that copy values cannot rescale them."""
        one, two = first.quantization, second.quantization
        if one is None or two is None:
            if one is not two:
                raise Refused(f"type: found {'float32' if one is None else 'int8'} to "
                              f"{'float32' if two is None else 'int8'}, allowed: equal types")
        elif one.zero_point != two.zero_point or not isclose(one.scale, two.scale, rel_tol=CLOSE):
            raise Refused(f"quantization: found {one.scale:g}, {one.zero_point} and {two.scale:g}, "
                          f"{two.zero_point}, allowed: equal scales and zero points")

    def emit(self, operator: Operator, inputs: Sequence[Tensor], output: Tensor, part: str = "") -> None:
        """A layer; another that only changes the shape follows where the file counts its axes differently."""
        shape = operator.output_shape([tensor.shape for tensor in inputs])
        if prod(shape) != output.size:
            raise Refused(f"output: found {text(output.shape)}, allowed: {text(shape)} for these inputs")
        target = output
        if shape != output.shape:
            target = Tensor(name=f"{output.name}_flat", shape=shape, quantization=output.quantization)
        self._maker.make(self.name + part, operator, inputs, target, self._origin)
        if target is not output:
            self._maker.make(f"{self.name}{part}_shape", Reshape(shape=output.shape), [target], output,
                             self._origin)


def meaning(tensor: Tensor) -> Quantization:
    """The quantization of a tensor that was asked for as int8."""
    assert tensor.quantization is not None
    return tensor.quantization
