"""The layers of an ONNX graph while they are made, and how the values of its input come to be in order."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from hashlib import sha256
from math import prod

import numpy as np

from ...network import Tensor
from ...operators.concat import Concat
from ...operators.gather_channels import GatherChannels
from ...operators.host_layout import Rearrange
from ...operators.operator import Operator, Shape
from ...operators.reshape import Reshape
from ...operators.slice import Slice
from ...quantization import Quantization
from ..layer_maker import LayerMaker
from ..limits import MAX_RANK, MAX_VALUES
from ..refusals import Refused, sizes
from .gathering import Gathering, Places, gathering
from .values import MAP_ORDERS, Stored, as_map

__all__ = ["Builder", "Label", "last_three"]

# Of the names that tensors take over from the file.
MAX_NAME = 48


@dataclass(frozen=True, kw_only=True)
class Label:
    """What a layer is called, and where it comes from."""

    name: str
    origin: str


def last_three(dims: Sequence[int]) -> Shape:
    """A value's last three axes, 1 for those that it lacks; :class:`Refused` where a batch is before them."""
    if len(dims) > MAX_RANK or (len(dims) > 1 and dims[0] != 1):
        raise Refused(f"shape: found {sizes(dims)}, allowed: at most {MAX_RANK} axes, the first one a batch "
                      "of 1")
    if prod(dims) > MAX_VALUES:
        raise Refused(f"shape: found {prod(dims)} values, allowed: at most {MAX_VALUES}")
    inner = dims[1:] if len(dims) > 1 else dims
    height, width, channels = (*(1,) * (MAX_RANK - 1 - len(inner)), *inner)
    return height, width, channels


class Builder(LayerMaker):
    """A :class:`LayerMaker` that names tensors and finds the order in which values lie.

    The host hands the input over in the order that the first reader wants; ``arranged`` says in which: for
    each place on the chip, the place in the file's order. ``orders`` are the axes, by how many there are, of
    an input whose first reader does not say.
    """

    def __init__(self, orders: Mapping[int, str] = MAP_ORDERS) -> None:
        super().__init__()
        self._orders = orders
        self._names: set[str] = set()
        self._labels: set[str] = set()
        self._input: Tensor | None = None
        self._dims: tuple[int, ...] = ()
        self._source: object = None
        self._arranged: tuple[Tensor, Places] | None = None
        self._gathered: dict[tuple[str, tuple[int, ...], bytes], Tensor] = {}

    def name(self, wanted: str) -> str:
        """A name for a tensor that is like ``wanted`` and that no other has."""
        return _unused(wanted, self._names)

    def emit(self, label: Label, operator: Operator, inputs: Sequence[Tensor], output: str,
             quantization: Quantization | None) -> Tensor:
        """A layer whose output is called like ``output``."""
        tensor = Tensor(name=self.name(output), quantization=quantization,
                        shape=operator.output_shape([tensor.shape for tensor in inputs]))
        self.make(_unused(label.name, self._labels), operator, inputs, tensor, label.origin)
        return tensor

    def takes(self, tensor: Tensor, dims: tuple[int, ...], source: object = None) -> None:
        """``tensor``, of ``dims`` in the file, is the first on the chip; the host may still rearrange it.

        ``source`` says what the host makes it of.
        """
        self._input, self._dims, self._source = tensor, dims, source

    def taken(self, source: object) -> Tensor | None:
        """The first tensor on the chip, if there is one, which must be made of the same ``source``."""
        if self._input is not None and self._source != source:
            raise Refused("input: found the network's input quantized in several ways, allowed: one scale, "
                          "zero point and arithmetic before it, for all that read it")
        return self._input

    def settled(self, stored: Stored) -> Stored:
        """``stored`` where it will be; an input that nobody has asked for yet gets its channels last."""
        if self._input is None or stored.tensor != self._input:
            return stored
        if self._arranged is None:
            self._arrange(stored, self._orders.get(len(stored.shape)))
        assert self._arranged is not None
        tensor, order = self._arranged
        inverse = np.empty_like(order)
        inverse[order] = np.arange(len(order))
        return replace(stored, tensor=tensor, places=inverse[stored.places])

    def map(self, stored: Stored, order: str, label: Label) -> Tensor:
        """The tensor behind ``stored``, whose axes are ``order``, in the order height, width, channels.

        ``order`` names the axes by the letters n, h, w and c. Values that lie otherwise are gathered, or
        :class:`Refused` where moves between rows and channels would have to mend that.
        """
        if self._input is not None and stored.tensor == self._input and self._arranged is None:
            self._arrange(stored, order)
        stored = self.settled(stored)
        tensor, places = stored.tensor, as_map(stored.places, order)
        in_order = np.array_equal(places.reshape(-1), np.arange(tensor.size))
        if in_order and tensor.shape == places.shape:
            return tensor
        if in_order and tensor.shape[2] == places.shape[2]:
            shaped = Label(name=f"{label.name}_shape", origin=label.origin)
            height, width, channels = places.shape
            return self.emit(shaped, Reshape(shape=(height, width, channels)), [tensor],
                             f"{tensor.name}_map", tensor.quantization)
        gather = Label(name=f"{label.name}_gather", origin=label.origin)
        return self.gathered(tensor, places, gather, f"{tensor.name}_gathered")

    def whole(self, stored: Stored, label: Label) -> Stored:
        """``stored`` as all of a tensor, each place once, wherever it lies in it."""
        stored = self.settled(stored)
        if stored.complete:
            return stored
        order = self._orders.get(len(stored.shape))
        if order is None:
            raise Refused(f"input: found {len(stored.shape)} axes of values that are repeated, allowed: at "
                          f"most {MAX_RANK}")
        return Stored.of_map(self.map(stored, order, label), order, stored)

    def gathered(self, tensor: Tensor, places: Places, label: Label, output: str) -> Tensor:
        """``places [h, w, c]`` of ``tensor`` as a tensor that is called like ``output``.

        The same places again are the same tensor. :class:`Refused` where they are no gathering.
        """
        key = tensor.name, places.shape, sha256(places.tobytes()).digest()
        if key not in self._gathered:
            self._gathered[key] = self._put_together(tensor, gathering(tensor.shape, places), label, output)
        return self._gathered[key]

    def _put_together(self, tensor: Tensor, how: Gathering, label: Label, output: str) -> Tensor:
        """The layers of a gathering, of which the last has the names that are given."""
        part = Label(name=f"{label.name}_part", origin=label.origin)

        def emit(operator: Operator, inputs: Sequence[Tensor], *, last: bool) -> Tensor:
            return self.emit(label if last else part, operator, inputs, output if last else f"{output}_part",
                             tensor.quantization)

        count = len(how.parts)
        shapes = [one.output_shape([tensor.shape]) for one in how.parts]
        ordered = how.channels == tuple(range(sum(shape[2] for shape in shapes)))
        parts = [tensor if isinstance(one, Slice) and shape == tensor.shape
                 else emit(one, [tensor], last=ordered and count == 1)
                 for one, shape in zip(how.parts, shapes, strict=True)]
        whole = emit(Concat(axis=2, count=count), parts, last=ordered) if count > 1 else parts[0]
        return whole if ordered else emit(GatherChannels(channels=how.channels), [whole], last=True)

    def _arrange(self, stored: Stored, order: str | None) -> None:
        """Let the host arrange the input so that ``stored``, whose axes are ``order``, lies channels last.

        Where ``stored`` is some part of it only, or repeats some, the input's own axes say how it lies; a row
        of values stays as it is.
        """
        given, places = self._input, stored.places
        assert given is not None
        if not stored.complete:
            places = np.arange(given.size).reshape(self._dims)
            order = self._orders.get(len(self._dims))
        mapped = np.arange(given.size).reshape(given.shape) if order is None else as_map(places, order)
        height, width, channels = mapped.shape
        moves = mapped.reshape(-1)
        in_order = np.array_equal(moves, np.arange(given.size))
        self._arranged = given, moves
        if in_order and mapped.shape == given.shape:
            return
        shape = height, width, channels
        operator = Reshape(shape=shape) if in_order else Rearrange(shape=shape, order=moves)
        label = Label(name="arrange_input", origin=f"input '{given.name}'")
        self._arranged = self.emit(label, operator, [given], f"{given.name}_arranged",
                                   given.quantization), moves


def _unused(wanted: str, used: set[str]) -> str:
    """An identifier like ``wanted`` that is not among the ``used``, where it is put."""
    plain = re.sub(r"[^A-Za-z0-9_]+", "_", wanted).strip("_")[:MAX_NAME] or "value"
    plain = plain if plain[0].isalpha() else f"t{plain}"
    name, number = plain, 1
    while name in used:
        number += 1
        name = f"{plain}_{number}"
    used.add(name)
    return name
