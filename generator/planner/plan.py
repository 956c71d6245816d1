"""The plan: what runs where, in which shape, with how much memory between."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal, get_args

from gatecast.hdl.multiplier import MultiplierKind
from gatecast.hdl.storage import MemoryKind

from ..errors import InputError
from ..network import Network

__all__ = ["MEMORIES_OF", "MULTIPLIERS_OF", "SINK", "SOURCE", "EnginePlan", "Plan", "Prediction", "Region",
           "Resources"]

# The links, where an engine is named as writer or reader.
SOURCE, SINK = "source", "sink"

# What an engine can have in one kind of cell or in another.
MULTIPLIERS_OF = ("array_in", "requantizer_in")
MEMORIES_OF = ("weights_in", "tables_in", "parameters_in")


@dataclass(frozen=True, kw_only=True)
class EnginePlan:
    """One engine: its kind, its shape, and its layers in execution order."""

    name: str
    kind: Literal["systolic", "channel"]
    lanes: int
    """Input channels a cycle (p); in a channel array, channels a cycle."""
    columns: int
    """Output channels a cycle (q); in a channel array the same as ``lanes``."""
    group: int
    """Adjacent output channels that leave in one cycle (g): requantizer lanes and width of a write."""
    layers: tuple[str, ...]
    array_in: MultiplierKind = "dsp"
    """Where the multipliers of the array are: in DSP blocks or in LUTs."""
    requantizer_in: MultiplierKind = "dsp"
    """Where those of the requantizer are."""
    weights_in: MemoryKind = "block"
    """Where the weights are: in block RAM or in LUTs."""
    tables_in: MemoryKind = "block"
    """Where the tables of lookups are."""
    parameters_in: MemoryKind = "block"
    """Where the parameters of the requantizer are."""

    def __post_init__(self) -> None:
        for name in ("lanes", "columns", "group"):
            number = getattr(self, name)
            if type(number) is not int or number < 1:
                raise InputError(f"engine '{self.name}': {name} must be an integer of at least 1, "
                                 f"not {number!r}")
        if self.kind not in ("systolic", "channel"):
            raise InputError(f"engine '{self.name}': kind must be systolic or channel, not {self.kind!r}")
        for names, allowed in ((MULTIPLIERS_OF, get_args(MultiplierKind)),
                               (MEMORIES_OF, get_args(MemoryKind))):
            for name in names:
                if (found := getattr(self, name)) not in allowed:
                    raise InputError(f"engine '{self.name}': {name} must be {' or '.join(allowed)}, "
                                     f"not {found!r}")
        if self.columns % self.group:
            raise InputError(f"engine '{self.name}': group must divide the {self.columns} columns, "
                             f"not {self.group}")
        if self.kind == "channel" and self.columns != self.lanes:
            raise InputError(f"engine '{self.name}': a channel array has as many columns as lanes, "
                             f"not {self.columns} and {self.lanes}")

    @property
    def groups(self) -> int:
        """Slots of one dot product, and the cycles that it has to take at least."""
        return self.columns // self.group

    @property
    def positions(self) -> int:
        """Taps of a cycle: lanes times columns, or the lanes of a channel array."""
        return self.lanes * self.columns if self.kind == "systolic" else self.lanes


@dataclass(frozen=True, kw_only=True)
class Region:
    """The rows of one tensor that the feature memory from ``writer`` to ``reader`` can hold."""

    tensor: str
    writer: str
    reader: str
    rows: int
    memory_in: MemoryKind = "block"
    """Where the rows are, block RAM or LUT RAM: the same for all regions of a memory."""

    def __post_init__(self) -> None:
        if self.memory_in not in get_args(MemoryKind):
            raise InputError(f"region of '{self.tensor}' to {self.reader}: memory_in must be block or lut, "
                             f"not {self.memory_in!r}")


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """What the event model says of a plan: exact cycles, counted from reset, the sink always ready."""

    cycles_per_inference: float
    """Mean over one period of the steady state under endless input."""
    periodic: bool
    """The state has come back, so the mean is exact; else it is that of a long window."""
    latency_cycles: int
    """Cycles until the last byte of the first frame has left, others coming in behind it."""
    work: Mapping[str, int]
    """Cycles of a frame in which each engine and each link issues."""
    occupied: Mapping[str, int]
    """The same with the holds between results, and with what a short job leaves until the next can begin."""

    @property
    def bottleneck(self) -> str:
        """The engine or link that is occupied the longest; an engine where a link is so for as long."""
        return max(self.occupied, key=lambda name: (self.occupied[name], name not in (SOURCE, SINK)))

    def busy(self, name: str) -> float:
        """Share of the cycles in which an engine or a link issues work."""
        return self.work[name] / self.cycles_per_inference


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What a plan takes. Multipliers and block RAMs are exact, LUTs and flip-flops a model's estimate."""

    multipliers: int
    """Of the arrays, in DSP blocks or in LUTs; lanes that never multiply have none."""
    requantizer_multipliers: int
    """Of at most 18 x 18 bits, in DSP blocks or in LUTs."""
    dsps: int
    """DSP multipliers of arrays and requantizers."""
    block_rams: int
    luts: int
    ffs: int
    weight_bits: int
    parameter_bits: int
    feature_bits: int
    """Of all weight memories with the tables of lookups, requantizer tables and feature memories."""

    @property
    def memory_bits(self) -> int:
        """All memories together."""
        return self.weight_bits + self.parameter_bits + self.feature_bits


@dataclass(frozen=True, kw_only=True)
class Plan:
    """Everything that decides what an accelerator looks like, besides the weights.

    ``network`` is lowered. Engines and regions may stand in any order.
    """

    network: Network
    engines: tuple[EnginePlan, ...]
    regions: tuple[Region, ...]
    external_weights: bool = False
    """Weights come from a memory outside the chip. Such a plan can be priced, but not built yet."""

    def engine_of(self, layer: str) -> EnginePlan:
        """The engine that runs ``layer``."""
        return next(engine for engine in self.engines if layer in engine.layers)

    def writer_of(self, tensor: str) -> str:
        """Name of the engine that writes ``tensor``, or the source."""
        producer = self.network.producer(tensor)
        return SOURCE if producer is None else self.engine_of(producer.name).name

    def region(self, tensor: str, reader: str) -> Region:
        """The region of ``tensor`` in the memory to ``reader``."""
        return next(region for region in self.regions
                    if region.tensor == tensor and region.reader == reader)

    def to_json(self) -> dict[str, Any]:
        """Engines and regions as plain data; the network goes by name."""
        return {
            "network": self.network.name,
            "external_weights": self.external_weights,
            "engines": [{**asdict(engine), "layers": list(engine.layers)} for engine in self.engines],
            "regions": [asdict(region) for region in self.regions],
        }

    @staticmethod
    def from_json(network: Network, document: Mapping[str, Any]) -> Plan:
        """The plan that :meth:`to_json` wrote, for the same lowered network.

        ``KeyError`` or ``TypeError`` where the document is of another form; see also ``verification.verify``.
        """
        return Plan(
            network=network,
            engines=tuple(EnginePlan(**{**engine, "layers": tuple(engine["layers"])})
                          for engine in document["engines"]),
            regions=tuple(Region(**region) for region in document["regions"]),
            external_weights=document.get("external_weights", False),
        )

    def __str__(self) -> str:
        return json.dumps(self.to_json(), indent=2)
