"""The order of the nodes of a graph, checked, and which of them the output needs."""

from __future__ import annotations

from collections import Counter

from ..refusals import printable
from .damage import Damaged
from .model_file import FileNode, ModelFile

__all__ = ["Graph"]


class Graph:
    """Who writes and who reads which value; raises :class:`Damaged` where the order is none.

    ``live`` are the nodes that the outputs depend on, in execution order; ``needed`` are their values, and
    ``only_reader`` has for each of these that a single node reads, and nobody else, that node.
    """

    def __init__(self, file: ModelFile) -> None:
        self._check(file)
        self.needed = {value.name for value in file.outputs}
        live: list[FileNode] = []
        for node in reversed(file.nodes):
            if self.needed.intersection(node.outputs):
                live.append(node)
                self.needed.update(filter(None, node.inputs))
        self.live = tuple(reversed(live))
        reads = Counter(name for node in live for name in node.inputs)
        reads.update(value.name for value in file.outputs)
        self.only_reader = {name: node for node in live for name in node.inputs if reads[name] == 1}

    def _check(self, file: ModelFile) -> None:
        """Every value is written once and before it is read."""
        known = {"", *file.constants, *(value.name for value in file.inputs)}
        for node in file.nodes:
            for name in node.inputs:
                if name not in known:
                    raise Damaged(f"its {node} reads '{printable(name)}', which nothing before it writes")
            for name in filter(None, node.outputs):
                if name in known:
                    raise Damaged(f"its {node} writes '{printable(name)}', which has its values already")
                known.add(name)
        for value in file.outputs:
            if value.name not in known:
                raise Damaged(f"its output '{printable(value.name)}' is written by nothing")
