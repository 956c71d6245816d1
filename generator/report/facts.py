"""Facts: the numbers behind the pictures, worked out once from the plan and its schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from ..network import Layer
from ..operators.window import Window
from ..planner.layout import MemoryLayout, layouts
from ..planner.numbers import blocks, dot_taps, layer_window
from ..planner.plan import SINK, SOURCE, EnginePlan
from ..planner.schedule import Schedule, schedule
from ..summary import multiplier_utilization
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
    words: int
    """Reads for each tap of the kernel."""
    job_cycles: int
    tap_cycles: int
    """Of a job: all but the holds."""
    operations: int
    """Products, additions or comparisons of one frame, taps in the padding counted."""

    @property
    def cycles(self) -> int:
        """Cycles of one frame."""
        return self.jobs * self.job_cycles

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
        return self.engine.multipliers * self.issuing - self.useful

    @property
    def holds(self) -> int:
        """Lost where a dot product is shorter than the way out of its result."""
        return self.engine.multipliers * (self.cycles - self.issuing)

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
        """Class of the colour of a layer; links and what was lowered away have none of their own."""
        return self.colours.get(layer, "plain")

    @cached_property
    def engines(self) -> tuple[EngineWork, ...]:
        """All engines in the order of the plan."""
        return tuple(EngineWork(
            engine=engine, layers=tuple(self._layer_work(engine, name) for name in engine.layers),
            total=engine.multipliers * self.cycles, issuing=self.inputs.prediction.work[engine.name])
            for engine in self.plan.engines)

    def _layer_work(self, engine: EnginePlan, name: str) -> LayerWork:
        layer = self.plan.network.layer(name)
        window = layer_window(layer)
        rows, columns, channels = self.plan.network.tensors[layer.output].shape
        actor = next(actor for actor in self.schedule.actors if actor.name == engine.name)
        scheduled = next(part for part in actor.layers if part.name == name)
        depth = window.in_channels if window.operation == "dot" else 1
        return LayerWork(
            layer=layer, window=window, engine=engine, colour=self.colour(name), jobs=rows, columns=columns,
            blocks=blocks(window, engine), words=dot_taps(window, engine) // window.taps,
            job_cycles=scheduled.job_cycles, tap_cycles=scheduled.tap_cycles,
            operations=rows * columns * channels * window.taps * depth)

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
