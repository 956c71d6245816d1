"""Engine: runs the jobs of its layers one after another; once started, a job never waits."""

from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .channel import ChannelArray, ChannelParams
from .drain import Drain, DrainLayer, WriteLayer, WriteWalk
from .feature_memory import FeatureMemory
from .pipeline import delay
from .requantizer import Requantizer, RequantizerParams
from .sequencer import Sequencer, SequencerLayer
from .systolic import SystolicArray, SystolicParams
from .table import Table
from .walk import Walk, WalkLayer

__all__ = ["Engine", "EngineLayer", "EngineOperand", "EngineParams"]


@dataclass(frozen=True, kw_only=True)
class EngineOperand:
    """One input of a layer as its engine sees it."""

    memory: int
    """Which of the feature memories that the engine reads holds it."""
    padding_value: int
    """What taps outside the frame read."""
    table: int = 0
    """Which of the channel array's tables its values go through, for ``"lookup"``."""
    zero: int = 0
    """What is subtracted from its values, for ``"product"``."""


@dataclass(frozen=True, kw_only=True)
class EngineLayer:
    """One layer as its engine sees it: numbers only."""

    name: str
    sequencer: SequencerLayer
    walk: WalkLayer
    drain: DrainLayer
    writes: tuple[WriteLayer, ...]
    """One entry for each feature memory that the engine writes."""
    operands: tuple[EngineOperand, ...]
    """One entry for each input."""
    operation: str
    """``"dot"`` on a systolic array, else one of :attr:`ChannelArray.OPERATIONS`."""
    class_offsets: tuple[int, ...] = ()
    """Where requantization depends on how many taps of a dot product lie inside the frame: for each number of
    them, from 0 to all, what is added to the requantizer slot."""


@dataclass(frozen=True, kw_only=True)
class EngineParams:
    """Everything that fixes one engine."""

    layers: tuple[EngineLayer, ...]
    array: SystolicParams | ChannelParams
    requantizer: RequantizerParams
    reads: tuple[int, ...]
    """Number of addresses (reads) of each feature memory that the engine reads."""

    def __post_init__(self) -> None:
        writes = {len(layer.writes) for layer in self.layers}
        if len(writes) != 1:
            raise ValueError(f"All layers of an engine must name the same memories that it writes, "
                             f"not {sorted(writes)} of them")
        for layer in self.layers:
            counts = len(layer.operands), len(layer.walk.operands), len(layer.sequencer.operands)
            if len(set(counts)) != 1:
                raise ValueError(f"All parts of an engine must know the same operands; layer '{layer.name}' "
                                 f"has {counts[0]}, its walk {counts[1]} and its sequencer {counts[2]}")
            known = {"dot"} if isinstance(self.array, SystolicParams) else self.array.operations
            if layer.operation not in known:
                raise ValueError(f"The operation of layer '{layer.name}' must be among {sorted(known)}, "
                                 f"not '{layer.operation}'")
            if len(layer.class_offsets) != (layer.walk.dot_taps + 1 if layer.walk.count else 0):
                raise ValueError(f"Layer '{layer.name}' must have an offset for each count of its "
                                 f"{layer.walk.dot_taps} taps if it counts them, not "
                                 f"{len(layer.class_offsets)}")
            if layer.walk.hold + layer.walk.dot_taps < self.array.groups:
                raise ValueError(f"A dot product must take at least {self.array.groups} cycles, one for each "
                                 f"group, or results meet in the array; layer '{layer.name}' has "
                                 f"{layer.walk.hold} of hold and {layer.walk.dot_taps} taps")

    @property
    def lanes(self) -> int:
        """Channels of one read."""
        return self.array.lanes

    @staticmethod
    def row_delay(array_latency: int, groups: int, requantizer_latency: int) -> int:
        """Cycles from the last tap of a job to the first decision that sees its row."""
        return Engine.READ_LATENCY + array_latency + groups - 1 + requantizer_latency + Sequencer.EVENT


class Engine(wiring.Component):
    """Sequencer, walk, array, requantizer and drain in one line.

    ::

        sequencer -> walk -> feature memories -> array -> requantizer -> feature memories
                       |                           |           |
                       +---- last, layer ----------+-> drain --+-> write walks

    Decisions see a row :meth:`EngineParams.row_delay` cycles after the last tap of its job, and the rows that
    the job releases :attr:`RELEASED_DELAY` cycles after it.

    Members
    -------
    row_produced_{layer}_{operand}, rows_freed_{layer}_{reader} : ``In``
        See :class:`~gatecast.hdl.sequencer.Sequencer`.
    produced, produced_layer : ``Out``
        A row of this layer's output is complete.
    released, released_layer, released_rows_{operand} : ``Out``
        Rows of this layer's inputs are free.
    read_address : ``Out``
        To all feature memories that the engine reads.
    read_data_{memory} : ``In``
        What each gives, :attr:`FeatureMemory.READ_LATENCY` cycles later.
    write_enable_{memory}, write_address_{memory} : ``Out``
        To each feature memory that the engine writes.
    write_data : ``Out``
        To all of them.
    job_start, job_layer : ``Out``
        Probe: the first tap of a job issues in the next cycle.
    """

    # Walk, feature memory, and the register behind the choice of memory or padding.
    READ_LATENCY = Walk.LATENCY + FeatureMemory.READ_LATENCY + 1
    # `released` comes one cycle after the last tap.
    RELEASED_DELAY = 1 + Sequencer.EVENT

    def __init__(self, params: EngineParams) -> None:
        self.params = params
        layers = params.layers
        # These exist from the start, so that probes can name their signals.
        self.sequencer = Sequencer([layer.sequencer for layer in layers])
        self.array = (SystolicArray(params.array) if isinstance(params.array, SystolicParams)
                      else ChannelArray(params.array))
        offsets = [offset for layer in layers for offset in layer.class_offsets]
        self.drain = Drain([layer.drain for layer in layers], groups=params.array.groups,
                           offsets=max(offsets) + 1 if offsets else 0)
        self.writes = [WriteWalk([layer.writes[memory] for layer in layers], groups=params.array.groups)
                       for memory in range(len(layers[0].writes))]
        forwarded = {name: flow for name, flow in self.sequencer.signature.members.items()
                     if name.startswith(("row_produced", "rows_freed", "released"))}
        self.forwarded = tuple(forwarded)
        x = data.ArrayLayout(signed(8), params.lanes)
        super().__init__({
            **forwarded,
            "produced": Out(1),
            "produced_layer": Out(range(len(layers))),
            "read_address": Out(range(max(params.reads))),
            **{f"read_data_{memory}": In(x) for memory in range(len(params.reads))},
            **{f"write_enable_{memory}": Out(1) for memory in range(len(self.writes))},
            **{f"write_address_{memory}": Out(range(walk.addresses))
               for memory, walk in enumerate(self.writes)},
            "write_data": Out(data.ArrayLayout(signed(8), params.array.group)),
            "job_start": Out(1),
            "job_layer": Out(range(len(layers))),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        layers, params = self.params.layers, self.params

        m.submodules.sequencer = sequencer = self.sequencer
        for name in self.forwarded:
            inner, outer = getattr(sequencer, name), getattr(self, name)
            inside = sequencer.signature.members[name].flow == In
            m.d.comb += inner.eq(outer) if inside else outer.eq(inner)
        m.d.comb += [port.job_start.eq(sequencer.load), port.job_layer.eq(sequencer.layer)]

        m.submodules.walk = walk = Walk([layer.walk for layer in layers],
                                        addresses=max(params.reads), weights=params.array.depth)
        per_operand = [f"{name}_{operand}" for operand in range(len(walk.operands))
                       for name in ("row", "padding_top", "valid_rows")]
        m.d.comb += [getattr(walk, name).eq(getattr(sequencer, name))
                     for name in ("layer", "load", "issue", *per_operand)]
        m.d.comb += port.read_address.eq(walk.address)
        layer_ahead = delay(m, sequencer.running_layer, Walk.LATENCY - 1, "layer_ahead")
        walk_layer = delay(m, layer_ahead, 1, "walk_layer")

        m.submodules.array = array = self.array
        wait = self.READ_LATENCY - Walk.LATENCY
        self._beat(m, walk, walk_layer)

        # The drain hears of a dot product one cycle before its first slot, of its layer two before.
        m.submodules.drain = drain = self.drain
        ahead = wait + params.array.latency
        m.d.comb += [
            drain.dot.eq(delay(m, walk.last, ahead - 1, "dot", reset=True)),
            drain.layer.eq(delay(m, walk_layer, ahead - 2, "dot_layer")),
        ]
        if drain.offsets:
            self._class_offset(m, walk, layer_ahead, ahead - 1)
        m.submodules.requantizer = requantizer = Requantizer(params.requantizer)
        m.d.comb += requantizer.address.eq(drain.parameter)
        m.d.comb += [requantizer.sums[lane].eq(array.slot[lane]) for lane in range(params.array.group)]

        # Values need longer than their addresses.
        wait = params.requantizer.latency - WriteWalk.LATENCY
        marks = data.View(drain.marks.shape(), delay(m, Value.cast(drain.marks), wait, "marks", reset=True))
        for memory, write in enumerate(self.writes):
            m.submodules[f"write_{memory}"] = write
            m.d.comb += [
                write.marks.eq(marks),
                getattr(self, f"write_enable_{memory}").eq(write.enable),
                getattr(self, f"write_address_{memory}").eq(write.address),
            ]
        m.d.comb += [
            Value.cast(port.write_data).eq(Value.cast(requantizer.values)),
            port.produced.eq(delay(m, marks.job_last, WriteWalk.LATENCY, "produced", reset=True)),
            port.produced_layer.eq(delay(m, marks.layer, WriteWalk.LATENCY, "produced_layer")),
        ]
        return m

    def _beat(self, m: Module, walk: Any, walk_layer: Value) -> None:
        """Give the array what was read, or the padding, with its marks."""
        params = self.params
        wait = self.READ_LATENCY - Walk.LATENCY
        channel = not isinstance(params.array, SystolicParams)
        rows = []
        for layer in params.layers:
            # A power of two of rows for each layer: the index is put together, not added.
            for index in range(1 << len(walk.operand)):
                operand = layer.operands[min(index, len(layer.operands) - 1)]
                row = {"memory": operand.memory, "padding_value": operand.padding_value}
                if channel:
                    row |= {
                        "operation": ChannelArray.OPERATIONS.index(layer.operation),
                        "table": operand.table,
                        "zero": operand.zero,
                        "save": layer.operation == "product" and index == 0,
                    }
                rows.append(row)
        m.submodules.inputs = inputs = Table(rows)
        m.d.comb += inputs.index.eq(
            delay(m, Cat(walk.operand, walk_layer), wait - 1 - Table.LATENCY, "input"))

        read_data: Value = Value.cast(self.read_data_0)
        for memory in range(1, len(params.reads)):
            other = Value.cast(getattr(self, f"read_data_{memory}"))
            read_data = Mux(inputs.memory == memory, other, read_data)
        padding = delay(m, walk.padding, wait - 1, "padding")
        padding_value = Signal(signed(8))
        m.d.comb += padding_value.eq(inputs.padding_value)
        x = Signal(8 * params.lanes, reset_less=True)
        m.d.sync += x.eq(Mux(padding, padding_value.replicate(params.lanes), read_data))
        beat: Any = self.array.beat
        tap = delay(m, walk.tap, wait - 1, "tap", reset=True)
        save = inputs.save if channel else Const(0)
        m.d.comb += [
            Value.cast(beat.x).eq(x),
            beat.weight.eq(delay(m, walk.weight, wait, "weight")),
            beat.tap.eq(delay(m, tap & ~save, 1, "beat_tap", reset=True)),
            beat.last.eq(delay(m, walk.last, wait, "last", reset=True)),
        ]
        if channel:
            m.d.comb += beat.save.eq(delay(m, tap & save, 1, "beat_save", reset=True))
            for name in ("operation", "table", "zero"):
                m.d.comb += getattr(beat, name).eq(delay(m, getattr(inputs, name), 1, f"beat_{name}"))

    def _class_offset(self, m: Module, walk: Any, layer_ahead: Value, cycles: int) -> None:
        """Offer the drain the offset for the count of taps inside the frame, ``cycles`` after ``last``."""
        bases, offsets = [], [0]
        for layer in self.params.layers:
            bases.append(len(offsets) if layer.class_offsets else 0)
            offsets += layer.class_offsets
        m.submodules.class_bases = class_bases = Table([{"base": base} for base in bases])
        m.submodules.classes = classes = Table([{"offset": offset} for offset in offsets])
        m.d.comb += class_bases.index.eq(layer_ahead)
        # Layers that do not count have a count of 0, and no offset there.
        m.d.sync += classes.index.eq(class_bases.base + walk.count)
        waited = 1 + Table.LATENCY
        m.d.comb += self.drain.offset.eq(delay(m, classes.offset, cycles - waited, "class_offset"))
