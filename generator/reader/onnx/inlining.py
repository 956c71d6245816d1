"""A model whose own functions are put in place of their calls, once it is known how many nodes that makes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import onnx
import onnx.inliner

from .damage import Damaged, first_line

__all__ = ["inlined"]

# Of one model, and nodes that they come to in all places where they are called.
MAX_FUNCTIONS, MAX_CALLED = 256, 1 << 16

# Domain, name and overload of a function.
Key = tuple[str, str, str]


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """``model`` without functions of its own; :class:`Damaged` where these grow beyond all measure."""
    if not model.functions:
        return model
    if len(model.functions) > MAX_FUNCTIONS:
        raise Damaged(f"it holds {len(model.functions)} functions, which must be at most {MAX_FUNCTIONS}")
    count = _size(model.graph.node, _sizes(model.functions))
    if count > MAX_CALLED:
        raise Damaged(f"its functions come to {count} nodes where they are called, which must be at most "
                      f"{MAX_CALLED}")
    try:
        return onnx.inliner.inline_local_functions(model)
    except (onnx.checker.ValidationError, ValueError, RuntimeError) as error:
        raise Damaged(f"its functions cannot be inlined: {first_line(error)}") from error


def _sizes(functions: Iterable[onnx.FunctionProto]) -> dict[Key, int]:
    """Nodes that a call of each function comes to."""
    todo = {(each.domain, each.name, each.overload): each for each in functions}
    sizes: dict[Key, int] = {}
    while todo:
        ready = [key for key, function in todo.items()
                 if not any(called in todo for called in _calls(function.node))]
        if not ready:
            raise Damaged("its functions call each other in a circle, which must end somewhere")
        sizes |= {key: _size(todo[key].node, sizes) for key in ready}
        todo = {key: function for key, function in todo.items() if key not in sizes}
    return sizes


def _size(nodes: Iterable[onnx.NodeProto], sizes: Mapping[Key, int]) -> int:
    return sum(sizes.get(key, 1) for key in _calls(nodes))


def _calls(nodes: Iterable[onnx.NodeProto]) -> Iterator[Key]:
    """What each node calls, those in the bodies of loops and branches among them."""
    for node in nodes:
        yield node.domain, node.op_type, node.overload
        for attribute in node.attribute:
            for graph in (attribute.g, *attribute.graphs):
                yield from _calls(graph.node)
