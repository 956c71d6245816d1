"""Layer checks: what the RTL made of each tensor, against the golden model and against a reference."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from gatecast.hdl.requantization import Requantization

from . import golden
from .comparison import Values, first_difference
from .feature_traces import FeatureTrace
from .network import Network
from .operators.operator import Int8
from .operators.window import Window
from .planner.plan import SINK, SOURCE

__all__ = ["Difference", "LayerJudge", "TensorCheck"]

# What is compared with what.
GOLDEN, REFERENCE = "golden model", "reference"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One value that differs. Of a layer on the chip also how the golden model came to its own.

    ``accumulator`` is the golden sum with its bias; ``scale``, what it is multiplied by, is
    ``multiplier / 2**shift``.
    """

    frame: int
    row: int
    column: int
    channel: int
    found: float
    expected: float
    accumulator: int | None = None
    multiplier: int | None = None
    shift: int | None = None

    @property
    def scale(self) -> float | None:
        """What the accumulator is multiplied by, before offsets and rounding."""
        return None if self.multiplier is None or self.shift is None else self.multiplier / 2 ** self.shift

    def __str__(self) -> str:
        text = (f"frame {self.frame}, row {self.row}, column {self.column}, channel {self.channel}: "
                f"{self.found} instead of {self.expected}")
        if self.scale is not None:
            text += (f" (accumulator {self.accumulator}, scale {self.scale:.6g} = {self.multiplier} / "
                     f"2^{self.shift})")
        return text


@dataclass(frozen=True, kw_only=True)
class TensorCheck:
    """One tensor in one place, compared with what it should be.

    ``layer`` makes it (None: it is the input). ``place`` is where the values come from: the feature memory
    between two engines or links, the output link, the host, or the golden model. ``fault`` is what is wrong
    with their addresses.
    """

    layer: str | None
    tensor: str
    place: str
    against: str
    values: int
    mismatches: int
    first: Difference | None = None
    fault: str | None = None

    @property
    def exact(self) -> bool:
        """Nothing differs, nothing is missing."""
        return not self.mismatches and self.fault is None

    @property
    def reason(self) -> str:
        """What is wrong, the earliest first; ``exact`` if nothing is."""
        found = [] if self.first is None else [
            f"{self.mismatches} of {self.values} values, the first in {self.first}"]
        return "; ".join(found + ([] if self.fault is None else [self.fault])) or "exact"

    def __str__(self) -> str:
        name = f"the input '{self.tensor}'" if self.layer is None else f"layer '{self.layer}'"
        return f"{name}: {self.place} against the {self.against}: {self.reason}"


class LayerJudge:
    """Compares ``network`` as its plan runs it, ``lowered``, on ``frames``; ``reference`` goes by tensor."""

    def __init__(self, network: Network, lowered: Network, frames: Values,
                 reference: Mapping[str, Values]) -> None:
        self._network, self._lowered = network, lowered
        self._sent = golden.host_before(network, frames)
        right = golden.run(network, frames)
        self._right, self._reference = (_with_parts(arrays, lowered) for arrays in (right, reference))
        # Tensors that lowering made up have no other golden model than the lowered network.
        made_up = [layer.output for layer in lowered.layers if layer.output not in self._right]
        if made_up:
            trace = golden.run_chip(lowered, self._sent)
            self._right |= {tensor: trace[tensor] for tensor in made_up}

    def checks(self, traces: Sequence[FeatureTrace], received: Int8) -> Iterator[TensorCheck]:
        """One check for each tensor in each place, in the order of execution.

        ``traces`` is what went into the feature memories, ``received`` what came out of the chip.
        """
        after, values = {}, received
        for layer in self._network.after:
            after[layer.output] = values = layer.operator.compute([values])
        for tensor, layer_name in self._in_order().items():
            if tensor in self._reference:
                yield self._check(layer_name, tensor, GOLDEN, self._right[tensor], REFERENCE)
            found = [(f"{_named(trace.writer)} to {_named(trace.reader)}", trace.rows, trace.fault)
                     for trace in traces if trace.tensor == tensor]
            if tensor == self._network.output:
                found.append((_named(SINK), received, None))
            if tensor in after:
                found.append(("host", after[tensor], None))
            for place, rows, fault in found:
                yield self._check(layer_name, tensor, place, rows, GOLDEN, fault)
                if tensor in self._reference:
                    yield self._check(layer_name, tensor, place, rows, REFERENCE)

    def _in_order(self) -> dict[str, str | None]:
        """All tensors and the layers that make them; what lowering made up comes before what reads it."""
        network = self._network
        order: dict[str, str | None] = {network.first_input: None}
        makers = {layer.output: layer for layer in self._lowered.layers}

        def add(tensor: str, name: str) -> None:
            for source in makers[tensor].inputs if tensor in makers else ():
                if source in makers and source not in order:
                    add(source, makers[source].name)
            order[tensor] = name

        for layer in (*network.before, *network.layers, *network.after):
            add(layer.output, layer.name)
        return order

    def _check(self, layer: str | None, tensor: str, place: str, values: Values, against: str,
               fault: str | None = None) -> TensorCheck:
        wanted = (self._reference if against == REFERENCE else self._right)[tensor]
        height, *row = wanted.shape[1:]
        # Row by row, because the last frame is cut off where an address was wrong.
        expected, found = wanted.reshape(-1, *row), values.reshape(-1, *row)
        common = min(len(found), len(expected))
        expected, found = expected[:common], found[:common]
        where, first = first_difference(found, expected), None
        if where is not None:
            place_in_frame = (where[0] % height, *where[1:])
            frame = where[0] // height
            first = Difference(frame=frame, row=place_in_frame[0], column=where[1], channel=where[2],
                               found=found[where].item(), expected=expected[where].item(),
                               **self._arithmetic(tensor, frame, place_in_frame))
        return TensorCheck(layer=layer, tensor=tensor, place=place, against=against, values=found.size,
                           mismatches=int(np.count_nonzero(found != expected)), first=first, fault=fault)

    def _arithmetic(self, tensor: str, frame: int, where: tuple[int, ...]) -> dict[str, int]:
        """How the golden model of the chip comes to the value of ``tensor`` at row, column, channel."""
        layer = self._lowered.producer(tensor)
        if layer is None or not isinstance(layer.operator, Window):
            return {}
        trace = golden.run_chip(self._lowered, self._sent[frame:frame + 1])
        sums = layer.operator.sums([trace[name] for name in layer.inputs])
        used, channel = _requantization(layer.operator, where[0], where[1]), where[2]
        return {"accumulator": int(sums[0][where] + used.bias[channel]),
                "multiplier": int(used.multiplier[channel]), "shift": int(used.shift[channel])}


def _with_parts(arrays: Mapping[str, Values], lowered: Network) -> dict[str, Values]:
    """``arrays`` by tensor, and beside them the channels that layers of ``lowered`` make of one of them."""
    found = dict(arrays)
    for layer in lowered.layers:
        if layer.part_of is not None and layer.part_of[0] in arrays:
            whole, first = layer.part_of
            channels = lowered.tensors[layer.output].shape[2]
            found[layer.output] = arrays[whole][..., first:first + channels]
    return found


def _requantization(window: Window, row: int, column: int) -> Requantization:
    """That of an output; it may depend on the taps inside the frame."""
    if not window.counts:
        return window.requantization
    inside = int(window.operands[0].inside(window.size)[row, column])
    return window.requantizations[window.counts.index(inside)]


def _named(place: str) -> str:
    """What a person calls an engine or a link."""
    return {SOURCE: "input link", SINK: "output link"}.get(place, place)
