"""Lowering: every layer becomes a window, which differs from the next in tables of numbers only."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace

from .errors import InputError
from .folding import MAX_RUNS, by_groups, copy, fold_channels, fold_dot, may_fold, place, regroup
from .network import Layer, Network, Tensor
from .operators.checks import text
from .operators.concat import Concat
from .operators.conv2d import Conv2d
from .operators.dense import Dense
from .operators.gather_channels import GatherChannels
from .operators.mean import Mean
from .operators.operator import Shape
from .operators.pad import Pad
from .operators.reshape import Reshape
from .operators.slice import Slice
from .operators.window import Window
from .views import View

__all__ = ["lower"]

# Of all layers together: each takes a fraction of a millisecond to fit.
MAX_CHANNELS = 2**18
# Of all layers together, zeros for channels that are not read among them: as many as a weights file may hold.
MAX_WEIGHTS = 2**28

# A convolution of at most so many groups, each of so many input and output channels at least, is a window for
# each group. As one window it would multiply zeros outside the groups; but narrow groups would not fill the
# lanes and columns of an array, and many groups would be many layers.
MOST_GROUPS, WIDE_GROUP = 8, 8


def lower(network: Network) -> Network:
    """The same function, with a :class:`Window` as the operator of every layer.

    Zero points move into biases and offsets, activations into clamps, a dense layer becomes a window as large
    as its map, and requantization takes its narrowest exact form. Slices, padding, concatenation, gathered
    channels and flattening vanish into the windows that read them where they can, else a window copies.
    Tensors that remain keep their names; what nobody needs is gone. The host half stays as it is. A layer
    that the hardware cannot run is refused with an ``InputError`` that names it.
    """
    if not network.layers:
        raise InputError(f"network '{network.name}' has no layer for the chip; everything runs on the host")
    if all(isinstance(layer.operator, Window) for layer in network.layers):
        return network
    return _Lowering(network).run()


class _Lowering:
    """The windows so far, and what each tensor of the network is a view of."""

    def __init__(self, network: Network) -> None:
        self.network = network
        self.layers: list[Layer] = []
        self.tensors = {network.input: network.tensors[network.input]}
        self.views = {network.input: View.of(network.input, network.tensors[network.input].shape)}
        # Outputs of convolutions that became a window for each group: all in one window, and what that reads.
        self.dense: dict[str, tuple[Window, View]] = {}
        self.weights = self.channels = 0

    def run(self) -> Network:
        network = self.network
        for layer in network.layers:
            with _named(layer):
                self.channels += network.tensors[layer.output].shape[2]
                _check_total("channels", self.channels, MAX_CHANNELS)
                self._lower(layer)
        if network.output not in self.tensors:
            with _named(network.layers[-1]):
                self._copy(network.output)
        host = [name for layer in (*network.before, *network.after) for name in (*layer.inputs, layer.output)]
        layers = self._needed()
        live = {network.input, *(layer.output for layer in layers)}
        return replace(network, layers=layers, tensors={
            **{name: network.tensors[name] for name in host},
            **{name: tensor for name, tensor in self.tensors.items() if name in live}}).verify()

    def _lower(self, layer: Layer) -> None:
        """Take ``layer`` in, as a view of what is stored or as windows of its own."""
        operator, names = layer.operator, layer.inputs
        views = [self.views[name] for name in names]
        match operator:
            case Reshape():
                self.views[layer.output] = views[0].reshaped(operator.shape)
                return
            # These do not care how the rows are cut.
            case Dense() if operator.weights.shape[1] == math.prod(views[0].shape):
                pass
            case Mean() if views[0].keeps_channels:
                pass
            case _:
                views = [self._solid(name) for name in names]
        match operator:
            case Slice():
                self.views[layer.output] = views[0].cut(operator.begin, operator.size, operator.stride)
                return
            case Pad():
                view = (views[0] if views[0].may_pad(operator.padding, operator.value)
                        else self._stored(names[0]))
                self.views[layer.output] = view.pad(operator.padding, operator.channels, operator.value)
                return
            case GatherChannels():
                self.views[layer.output] = views[0].gather(operator.channels)
                return
            case Concat(axis=2):
                self.views[layer.output] = View.beside(views)
                return
        shapes = [view.shape for view in views]
        window = place(shapes, operator.axis) if isinstance(operator, Concat) else operator.lower(shapes)
        views = [view if may_fold(window, operand, view) else self._stored(name)
                 for name, operand, view in zip(names, window.operands, views, strict=True)]
        self._window(layer, window, views)

    def _window(self, layer: Layer, window: Window, views: Sequence[View]) -> None:
        """Emit ``window`` on the tensors behind ``views``: one window, or one for each of their pieces."""
        groups = _wide_groups(layer, views[0].shape)
        if groups > 1:
            self.dense[layer.output] = window, views[0]
            self._emit_parts(layer, [fold_dot(part, [view], self._shapes())
                                     for part, view in by_groups(window, views[0], groups)])
            return
        if window.operation == "dot":
            self._emit(layer, layer.output, *fold_dot(window, views, self._shapes()))
            return
        whole = [view if self._of_whole_tensors(view) else self._stored(name)
                 for name, view in zip(layer.inputs, views, strict=True)]
        parts = fold_channels(window, whole)
        if parts is None:
            parts = fold_channels(window, [self._stored(name) for name in layer.inputs])
            assert parts is not None
        if len(parts) == 1:
            self._emit(layer, layer.output, *parts[0])
        else:
            self._emit_parts(layer, parts)

    def _emit_parts(self, layer: Layer, parts: Sequence[tuple[Window, tuple[str, ...]]]) -> None:
        """Windows that make the output of ``layer`` together, one behind the other in channels."""
        tensors, layers = set(self.network.tensors), {each.name for each in self.network.layers}
        outputs: list[str] = []
        first = 0
        for index, (part, inputs) in enumerate(parts):
            name = _unused(f"{layer.name}_{index}", layers)
            outputs.append(_unused(f"{layer.output}_{index}", tensors))
            self._emit(replace(layer, name=name, part_of=(layer.output, first)), outputs[-1], part, inputs)
            first += part.out_channels
        self.views[layer.output] = View.beside([self.views[name] for name in outputs])

    def _of_whole_tensors(self, view: View) -> bool:
        """Each piece of ``view`` has all channels of its tensor."""
        return all(piece.tensor is not None
                   and piece.channels == tuple(range(self.tensors[piece.tensor].shape[2]))
                   for piece in view.pieces)

    def _emit(self, layer: Layer, output: str, window: Window, inputs: tuple[str, ...]) -> None:
        """One more window, which stores ``output``."""
        weights = [operand.weights for operand in window.operands if operand.weights is not None]
        self.weights += sum(array.size for array in weights)
        _check_total("weights", self.weights, MAX_WEIGHTS)
        like = self.network.tensors[layer.output]
        self.tensors[output] = Tensor(name=output, quantization=like.quantization,
                                      shape=(*window.size, window.out_channels))
        self.views[output] = View.of(output, self.tensors[output].shape)
        self.layers.append(replace(layer, operator=window, inputs=inputs, output=output))

    def _solid(self, name: str) -> View:
        """The view that ``name`` is; a map that is seen in another shape is stored in that shape."""
        view = self.views[name]
        if view.seen_as is not None:
            layer, stored = self.network.producer(name), regroup(view, self._shapes())
            if stored is None:
                raise ValueError(f"reads a map of {text(view.shape)} as one of {text(view.seen_as)}, which "
                                 f"moves values between rows or channels; reshape only to flatten for a "
                                 f"fully connected layer, to cut or join at most {MAX_RUNS} rows, or at the "
                                 f"ends of the network")
            assert layer is not None, "the input is seen as it is"
            self._emit(layer, name, *stored)
        return self.views[name]

    def _shapes(self) -> dict[str, Shape]:
        """Those of the tensors that are stored."""
        return {name: tensor.shape for name, tensor in self.tensors.items()}

    def _stored(self, name: str) -> View:
        """``name`` as all of a stored tensor: the one behind it, or a copy."""
        view = self._solid(name)
        behind = view.pieces[0].tensor
        if behind is None or view != View.of(behind, self.tensors[behind].shape):
            self._copy(name)
        return self.views[name]

    def _copy(self, name: str) -> None:
        """Emit a window that stores what ``name`` has been a view of."""
        layer, view = self.network.producer(name), self._solid(name)
        assert layer is not None, "the input is stored"
        if name in self.tensors:
            return
        if name in self.dense:
            window, read = self.dense[name]
            operand, = window.operands
            # Products for each output: those with zeros, and those of a copy.
            if operand.taps * (read.shape[2] - read.shape[2] // len(view.pieces)) <= view.shape[2]:
                self._emit(layer, name, *fold_dot(window, [read], self._shapes()))
                return
        self._emit(layer, name, *copy(view, self._shapes()))

    def _needed(self) -> tuple[Layer, ...]:
        """The windows whose results reach the output."""
        needed, layers = {self.network.output}, []
        for layer in reversed(self.layers):
            if layer.output in needed:
                needed.update(layer.inputs)
                layers.append(layer)
        return tuple(reversed(layers))


def _wide_groups(layer: Layer, shape: Shape) -> int:
    """Groups that ``layer``, which reads a map of ``shape``, should have a window each for; 1 for no such."""
    if not isinstance(layer.operator, Conv2d):
        return 1
    channels = layer.operator.weights.shape[3]
    groups = shape[2] // channels
    wide = min(channels, layer.operator.out_channels // groups) >= WIDE_GROUP
    return groups if wide and groups <= MOST_GROUPS else 1


def _unused(name: str, used: Container[str]) -> str:
    """``name``, or one like it that is not ``used``."""
    while name in used:
        name += "_"
    return name


def _check_total(what: str, count: int, most: int) -> None:
    """Limits that keep time and memory bounded, far above what an FPGA holds."""
    if count > most:
        raise ValueError(f"{what} of all layers up to this one must be at most {most}, not {count}; "
                         f"use a smaller network")


@contextmanager
def _named(layer: Layer) -> Iterator[None]:
    """Refusals say of which layer they are."""
    try:
        yield
    except ValueError as error:
        raise InputError(f"{layer.origin}: layer '{layer.name}': {error}") from error
