"""Facts: the numbers behind the pictures, worked out once from the plan and its schedule."""

from __future__ import annotations

from functools import cached_property

from ..network import Layer
from ..plan_summary import multiplier_utilization
from ..planner.explanation import EngineCells, bottleneck_reason, engine_cells
from ..planner.layout import MemoryLayout, layouts
from ..planner.schedule import Schedule, schedule
from ..planner.storages import Storage, storages
from ..planner.work import EngineWork, engine_work
from .inputs import ReportInputs
from .style import COLOURS

__all__ = ["Facts"]


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
        return engine_work(self.plan, self.network, self.schedule, self.inputs.prediction)

    @cached_property
    def cells(self) -> dict[str, EngineCells]:
        """What each engine is made of, by its name."""
        return {engine.name: engine_cells(self.plan, engine, self.storages, self.inputs.family)
                for engine in self.plan.engines}

    @cached_property
    def storages(self) -> tuple[Storage, ...]:
        """All memories of the plan."""
        return storages(self.plan)

    def block_rams(self, storage: Storage) -> int:
        """Those of a memory; none if it is in LUTs."""
        return storage.block_rams(self.inputs.family) if storage.kind == "block" else 0

    @cached_property
    def reason(self) -> str:
        """Why the plan is not faster."""
        return bottleneck_reason(self.plan, self.inputs.prediction)

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
