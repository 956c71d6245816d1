"""The layers of a model file as a network: limits on all of them, the host half at the ends."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from ..network import Layer, Network, Tensor
from ..operators.host import HostOperator
from ..operators.reshape import Reshape
from .layer_maker import LayerMaker
from .limits import MAX_LAYERS, MAX_TOTAL, MAX_WORK

__all__ = ["assemble", "excesses"]

# Of the name of a network.
MAX_IDENTIFIER = 64


def excesses(maker: LayerMaker) -> Iterator[str]:
    """What all layers together have too much of, as problems to refuse them with."""
    values = sum({tensor.name: tensor.size for tensor in maker.made}.values())
    for what, found, most in (("layers", len(maker.layers), MAX_LAYERS),
                              ("multiplications", maker.work, MAX_WORK),
                              ("values in tensors", values, MAX_TOTAL)):
        if found > most:
            yield f"found {found} {what}, allowed: at most {most}"


def assemble(file: str, maker: LayerMaker, first: Tensor, last: Tensor) -> Network:
    """The network of the file called ``file``, from the tensor ``first`` to ``last``."""
    layers = maker.layers
    before = _leading(layers, first.name)
    after = _trailing(layers[len(before):])
    inner = layers[len(before):len(layers) - len(after)]
    return Network(name=_identifier(file), layers=tuple(inner),
                   tensors={first.name: first} | {tensor.name: tensor for tensor in maker.made},
                   input=before[-1].output if before else first.name,
                   output=after[0].inputs[0] if after else last.name,
                   before=before, after=after).verify()


def _leading(layers: Sequence[Layer], first: str) -> tuple[Layer, ...]:
    """The chain of reshapes and host operators that the input goes through before anything else reads it."""
    chain: list[Layer] = []
    at = first
    for layer in layers:
        readers = [other for other in layers if at in other.inputs]
        operator = layer.operator
        leads = isinstance(operator, Reshape) or (
            isinstance(operator, HostOperator) and operator.place.startswith("first"))
        if readers != [layer] or not leads:
            break
        chain.append(layer)
        at = layer.output
    return tuple(chain)


def _trailing(layers: Sequence[Layer]) -> tuple[Layer, ...]:
    """Everything from the first host operator on, such as a softmax, and reshapes before it."""
    start = next((position for position, layer in enumerate(layers)
                  if isinstance(layer.operator, HostOperator)), len(layers))
    while start and isinstance(layers[start - 1].operator, Reshape):
        start -= 1
    return tuple(layers[start:])


def _identifier(name: str) -> str:
    """The name of a network: that of its file without what may not stand in one."""
    plain = re.sub(r"[^A-Za-z0-9_]", "_", name.rpartition(".")[0] or name)[:MAX_IDENTIFIER]
    return plain if plain[:1].isalpha() else f"n{plain}"[:MAX_IDENTIFIER]
