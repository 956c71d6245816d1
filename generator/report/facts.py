"""Facts: the numbers behind the pictures, worked out once from the plan and its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..network import Layer
from ..operators.operand import Operand
from ..operators.window import Window
from ..planner.layout import MemoryLayout, layouts
from ..planner.numbers import blocks, layer_window, word_span
from ..planner.plan import SINK, SOURCE, EnginePlan
from ..planner.schedule import Schedule, schedule
from ..plan_summary import multiplier_utilization
from .inputs import ReportInputs
from .style import COLOURS

__all__ = ["EngineWork", "Facts", "LayerWork"]


@dataclass(frozen=True, kw_only=True)
class LayerWork:
    """One lowered layer on its engine, with what it costs in one frame."""

    layer: Layer
    window: Window
    engine: EnginePlan
    colour: str
    """Class of its colour; layers beyond the last colour take them again."""
    jobs: int
    columns: int
    blocks: int
    words: tuple[int, ...]
    """Reads for each tap of the kernel of each operand."""
    job_cycles: int
    tap_cycles: int
    """Of a job: all but the holds."""
    operations: int
    """What the lanes do of one frame that the layer asks for, taps in the padding counted."""

    @property
    def cycles(self) -> int:
        """Cycles of one frame."""
        return self.jobs * self.job_cycles

    @property
    def dot_taps(self) -> int:
        """Reads of one dot product."""
        return sum(operand.taps * words
                   for operand, words in zip(self.window.operands, self.words, strict=True))

    @property
    def hold(self) -> int:
        """Idle cycles before each dot product, so that results never meet."""
        return (self.job_cycles - self.tap_cycles) // (self.columns * self.blocks)


@dataclass(frozen=True, kw_only=True)
class EngineWork:
    """One engine and how its multiplier cycles of one frame time are spent; the four parts add up to all."""

    engine: EnginePlan
    layers: tuple[LayerWork, ...]
    total: float
    """Multipliers times cycles per inference."""
    issuing: int
    """Cycles of a frame with a tap in them."""

    @property
    def useful(self) -> int:
        """Multiplier cycles that compute something that the network asks for."""
        return sum(layer.operations for layer in self.layers)

    @property
    def edges(self) -> int:
        """Lost where channels do not fill lanes and columns."""
        return self.engine.positions * self.issuing - self.useful

    @property
    def holds(self) -> int:
        """Lost where a dot product is shorter than the way out of its result."""
        return self.engine.positions * (self.cycles - self.issuing)

    @property
    def idle(self) -> float:
        """No job was ready, or none is left."""
        return self.total - self.useful - self.edges - self.holds

    @property
    def cycles(self) -> int:
        """Cycles of all jobs of a frame."""
        return sum(layer.cycles for layer in self.layers)


class Facts:
    """What the sections show, from ``inputs``."""

    def __init__(self, inputs: ReportInputs) -> None:
        self.inputs = inputs
        self.plan = inputs.plan
        self.network = inputs.network
        self.schedule: Schedule = schedule(inputs.plan)
        self.memories: tuple[MemoryLayout, ...] = layouts(inputs.plan)
        self.cycles = inputs.prediction.cycles_per_inference
        self.colours = {layer.name: f"c{index % COLOURS}"
                         for index, layer in enumerate(inputs.plan.network.layers)}

    def colour(self, layer: str) -> str:
        """Class of the colour of a layer; links, host and what was lowered away have none of their own."""
        return self.colours.get(layer, self.colours.get(f"{layer}_0", "plain"))

    @cached_property
    def engines(self) -> tuple[EngineWork, ...]:
        """All engines in the order of the plan."""
        return tuple(EngineWork(
            engine=engine, layers=tuple(self._layer_work(engine, name) for name in engine.layers),
            total=engine.positions * self.cycles, issuing=self.inputs.prediction.work[engine.name])
            for engine in self.plan.engines)

    def _layer_work(self, engine: EnginePlan, name: str) -> LayerWork:
        layer = self.plan.network.layer(name)
        window = layer_window(layer)
        rows, columns, channels = self.plan.network.tensors[layer.output].shape
        actor = next(actor for actor in self.schedule.actors if actor.name == engine.name)
        scheduled = next(part for part in actor.layers if part.name == name)
        return LayerWork(
            layer=layer, window=window, engine=engine, colour=self.colour(name), jobs=rows, columns=columns,
            blocks=blocks(window, engine),
            words=tuple(self._words(operand, engine) for operand in window.operands),
            job_cycles=scheduled.job_cycles, tap_cycles=scheduled.tap_cycles,
            operations=(self._products(layer) if window.operation == "dot"
                        else rows * columns * channels * window.taps))

    @staticmethod
    def _words(operand: Operand, engine: EnginePlan) -> int:
        return word_span(operand, engine.lanes)[1] if engine.kind == "systolic" else 1

    def _products(self, lowered: Layer) -> int:
        """Products of a layer as it was given; lowering adds some with weights that are zero."""
        macs = lowered.operator.macs(self.plan.network.shapes(lowered))
        given = self.network.producer(lowered.output)
        return macs if given is None else min(macs, given.operator.macs(self.network.shapes(given)))

    @property
    def layers(self) -> tuple[Layer, ...]:
        """All layers as they were given, those of the host half included, in the order of execution."""
        return (*self.network.before, *self.network.layers, *self.network.after)

    def runs_on(self, layer: Layer) -> str:
        """Where a layer as it was given runs; what only moves values is part of the layers that read it."""
        if layer not in self.network.layers:
            return "host"
        split = {made.name for made in self.plan.network.layers} & {layer.name, f"{layer.name}_0"}
        return "chip" if split else "its readers"

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one inference, of the network as it was given."""
        return self.network.macs

    @property
    def multiplier_utilization(self) -> float:
        """Share of the array multipliers that work in a mean cycle."""
        return multiplier_utilization(self.network, self.inputs.prediction, self.inputs.resources)

    @property
    def link_bytes(self) -> tuple[int, int]:
        """Bytes of a frame in and out."""
        return (self.network.tensors[self.network.input].size,
                self.network.tensors[self.network.output].size)

    def place(self, name: str) -> str:
        """What a person calls an engine or a link."""
        return {SOURCE: "input link", SINK: "output link"}.get(name, name)
