"""The operators of a file as a network: converted one by one, the ends checked."""

from __future__ import annotations

from collections.abc import Iterator

from ...network import Network
from ..assembly import assemble, excesses
from ..layer_maker import LayerMaker
from ..limits import MAX_LAYERS
from ..nearest import nearest
from ..refusals import Refused, refusal, sizes
from .conversion import Conversion
from .graph import Graph
from .model_file import ModelFile
from .nearest import NEAREST
from .shapes import SHAPES
from .slices import SLICES
from .tensors import Tensors
from .values import VALUES
from .windows import WINDOWS

__all__ = ["network_of"]

CONVERTERS = WINDOWS | VALUES | SHAPES | SLICES


def network_of(file: ModelFile, name: str) -> Network:
    """The network in the file called ``name``; one :class:`InputError` for all that is not supported."""
    graph, tensors = Graph(file), Tensors(file)
    problems: list[str] = []
    maker = LayerMaker()
    for operator in graph.live:
        try:
            _convert(Conversion(operator, tensors, graph, maker, name))
        except (Refused, ValueError) as error:
            problems.append(f"{operator}: {error}")
        if len(maker.layers) > MAX_LAYERS:
            break
    problems += excesses(maker)
    # What is wrong with the tensors at the ends, the operators there have said already.
    problems += [found for found in _problems_of_ends(file, tensors)
                 if not any(problem.endswith(found) for problem in problems)]
    if problems:
        raise refusal(name, problems)
    return assemble(name, maker, tensors.value(file.inputs[0]), tensors.value(file.outputs[0]))


def _convert(conversion: Conversion) -> None:
    operator = conversion.operator
    convert = None if operator.custom else CONVERTERS.get(operator.name)
    if convert is None:
        raise Refused(f"found an operator that is not supported, allowed: {_nearest(operator.name)}")
    convert(conversion)


def _problems_of_ends(file: ModelFile, tensors: Tensors) -> Iterator[str]:
    """What is wrong with the number of subgraphs, inputs and outputs, and with the input's shape."""
    counts = {"subgraphs": file.subgraphs, "inputs": len(file.inputs), "outputs": len(file.outputs)}
    for what, count in counts.items():
        if count != 1:
            yield f"{what} of the model: found {count}, allowed: 1"
    for index in file.inputs[:1]:
        tensor = file.tensors[index]
        if -1 in tensor.signature[1:]:
            yield f"{tensor}: found the shape {sizes(tensor.signature)}, allowed: only the batch left open"
    for index in (*file.inputs[:1], *file.outputs[:1]):
        tensor = file.tensors[index]
        try:
            tensors.value(index)
        except Refused as error:
            yield str(error)
        else:
            if index in file.inputs and len(tensor.shape) > 1 and tensor.shape[0] != 1:
                yield f"{tensor}: found the shape {sizes(tensor.shape)}, allowed: a batch of 1"


def _nearest(name: str) -> str:
    return nearest(name, NEAREST, "CONV_2D", "docs/tflite.md")
