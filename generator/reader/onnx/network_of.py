"""The nodes of a file as a network: each becomes values, quantized ones layers."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ...network import Network, Tensor
from ..assembly import assemble, excesses
from ..limits import MAX_LAYERS
from ..nearest import nearest
from ..refusals import Refused, printable, refusal
from .builder import Builder
from .constants import CONSTANTS, folded, is_folded
from .conversion import Conversion, Value
from .functions import FUNCTIONS
from .graph import Graph
from .host_side import given, output_of
from .model_file import FileNode, ModelFile
from .moves import MOVES
from .nearest import NEAREST
from .pairs import PAIRS
from .products import PRODUCTS
from .quantizers import QUANTIZERS
from .resize import RESIZES
from .slices import SLICES
from .values import CHANNELS_LAST, MAP_ORDERS, Constant
from .windows import WINDOWS

__all__ = ["CONVERTERS", "network_of"]

CONVERTERS: dict[str, Callable[[Conversion], Value | tuple[Value | None, ...]]] = {
    **CONSTANTS, **QUANTIZERS, **PRODUCTS, **WINDOWS, **RESIZES, **FUNCTIONS, **PAIRS, **MOVES, **SLICES}


def network_of(file: ModelFile, name: str) -> Network:
    """The network in the file called ``name``; one :class:`InputError` for all that is not supported.

    Channels come first, as ONNX has them. Where that does not work out, as with functions of an input that
    is transposed after them, the file is read once more with channels last.
    """
    problems: list[list[str]] = []
    for orders in (MAP_ORDERS, MAP_ORDERS | CHANNELS_LAST):
        reading = _Reading(file, name, orders)
        network = reading.network()
        if network is not None:
            return network
        problems.append(reading.problems)
    raise refusal(name, min(problems, key=len))


class _Reading:
    """The values of a graph so far, and what is wrong with it."""

    def __init__(self, file: ModelFile, name: str, orders: Mapping[int, str]) -> None:
        self.graph = Graph(file)
        self.builder = Builder(orders)
        self.problems: list[str] = []
        self._file = file
        self._name = name
        self._values: dict[str, Value] = {
            key: Constant(array=array) for key, array in file.constants.items() if key in self.graph.needed}

    def network(self) -> Network | None:
        """All of it, if there are no problems."""
        first = self._start()
        for node in self.graph.live:
            self._read(node)
            if len(self.builder.layers) > MAX_LAYERS:
                break
        last = self._end()
        self.problems += excesses(self.builder)
        if self.problems or first is None or last is None:
            return None
        return assemble(self._name, self.builder, first, last)

    def _start(self) -> Tensor | None:
        """The tensor that the user gives."""
        inputs = [value for value in self._file.inputs if value.name in self.graph.needed]
        if len(inputs) != 1:
            self.problems.append(f"inputs of the model: found {len(inputs)}, allowed: 1")
            return None
        try:
            tensor, self._values[inputs[0].name] = given(self.builder, inputs[0])
        except (Refused, ValueError) as error:
            self.problems.append(str(error))
            return None
        return tensor

    def _read(self, node: FileNode) -> None:
        """Convert one node; what hangs on a node that could not be is left out silently."""
        if any(name and name not in self._values for name in node.inputs):
            if node.operator not in CONVERTERS:
                self.problems.append(f"{node}: {_unsupported(node)}")
            return
        conversion = Conversion(node, self._values, self.builder, self._file.opset, self.graph, self._name)
        try:
            found = self._convert(conversion)
            if not isinstance(found, tuple):
                conversion.only_output()
        except (Refused, ValueError) as error:
            self.problems.append(f"{node}: {error}")
            return
        values = found if isinstance(found, tuple) else (found,)
        for output, value in zip(node.outputs, values, strict=False):
            if output and value is not None:
                self._values[output] = value

    def _convert(self, conversion: Conversion) -> Value | tuple[Value | None, ...]:
        if is_folded(conversion):
            return folded(conversion)
        convert = CONVERTERS.get(conversion.node.operator)
        if convert is None:
            raise Refused(_unsupported(conversion.node))
        return convert(conversion)

    def _end(self) -> Tensor | None:
        """The tensor that the user gets."""
        outputs = self._file.outputs
        if len(outputs) != 1:
            self.problems.append(f"outputs of the model: found {len(outputs)}, allowed: 1")
            return None
        if outputs[0].name not in self._values:
            return None
        try:
            return output_of(self.builder, self._values[outputs[0].name], outputs[0])
        except (Refused, ValueError) as error:
            self.problems.append(f"output '{printable(outputs[0].name)}': {error}")
            return None


def _unsupported(node: FileNode) -> str:
    return f"found an operator that is not supported, allowed: {_nearest(printable(node.operator))}"


def _nearest(name: str) -> str:
    return nearest(name, NEAREST, "Conv", "docs/onnx.md")
