"""Work: how the engines of a plan spend the cycles of an inference."""

from __future__ import annotations

from dataclasses import dataclass

from ..network import Layer, Network
from ..operators.operand import Operand
from ..operators.window import Window
from .numbers import blocks, layer_window, word_span
from .plan import EnginePlan, Plan, Prediction
from .schedule import ActorLayer, Schedule

__all__ = ["EngineWork", "LayerWork", "engine_work"]


@dataclass(frozen=True, kw_only=True)
class LayerWork:
    """One lowered layer on its engine: its loops, and what it costs in one frame."""

    layer: Layer
    window: Window
    engine: EnginePlan
    jobs: int
    """Rows of the output."""
    columns: int
    blocks: int
    """Of as many output channels as the engine has columns."""
    words: tuple[int, ...]
    """Reads for each tap of the kernel of each operand."""
    job_cycles: int
    tap_cycles: int
    """Of a job: all but the holds."""
    operations: int
    """What the network asks for: the products of a dot, else one for each tap; taps in the padding count."""

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

    @property
    def filled(self) -> float:
        """Share of the lanes and columns that do what the network asks for, while the layer issues."""
        return self.operations / (self.engine.positions * self.jobs * self.tap_cycles)


@dataclass(frozen=True, kw_only=True)
class EngineWork:
    """One engine and how it spends the cycles of an inference; the four parts add up to all of them."""

    engine: EnginePlan
    layers: tuple[LayerWork, ...]
    cycles: float
    """Of an inference, in the steady state."""
    issuing: int
    """Those in which it issues, see :attr:`Prediction.work`."""
    occupied: int
    """Those with holds and the ends of short jobs, see :attr:`Prediction.occupied`."""

    @property
    def useful_cycles(self) -> float:
        """What the work would take if it filled all lanes and columns."""
        return sum(layer.operations for layer in self.layers) / self.engine.positions

    @property
    def edge_cycles(self) -> float:
        """Lost where channels do not fill lanes and columns."""
        return self.issuing - self.useful_cycles

    @property
    def hold_cycles(self) -> int:
        """Lost where a dot product is shorter than the way out of its result, or a job shorter than the
        choice of the next."""
        return self.occupied - self.issuing

    @property
    def waiting_cycles(self) -> float:
        """No job was ready: rows were missing, or room for them."""
        return self.cycles - self.occupied


def engine_work(plan: Plan, network: Network, numbers: Schedule,
                prediction: Prediction) -> tuple[EngineWork, ...]:
    """The work of all engines in the order of ``plan``.

    ``network`` is the network as it was read, whose products count; ``numbers`` is the schedule of ``plan``.
    """
    scheduled = {layer.name: layer for actor in numbers.actors for layer in actor.layers}
    return tuple(EngineWork(
        engine=engine, layers=tuple(_layer_work(plan, network, engine, scheduled[name])
                                    for name in engine.layers),
        cycles=prediction.cycles_per_inference, issuing=prediction.work[engine.name],
        occupied=prediction.occupied[engine.name]) for engine in plan.engines)


def _layer_work(plan: Plan, network: Network, engine: EnginePlan, scheduled: ActorLayer) -> LayerWork:
    layer = plan.network.layer(scheduled.name)
    window = layer_window(layer)
    rows, columns, channels = plan.network.tensors[layer.output].shape
    asked = (_products(plan, network, layer) if window.operation == "dot"
             else rows * columns * channels * window.taps)
    return LayerWork(
        layer=layer, window=window, engine=engine, jobs=rows, columns=columns, blocks=blocks(window, engine),
        words=tuple(_words(operand, engine) for operand in window.operands),
        job_cycles=scheduled.job_cycles, tap_cycles=scheduled.tap_cycles,
        # Words of zeros alone are left out, so an array may do less than it is asked for.
        operations=min(asked, engine.positions * rows * scheduled.tap_cycles))


def _words(operand: Operand, engine: EnginePlan) -> int:
    return word_span(operand, engine.lanes)[1] if engine.kind == "systolic" else 1


def _products(plan: Plan, network: Network, lowered: Layer) -> int:
    """Products of a layer as it was given; lowering adds some with weights that are zero."""
    macs = lowered.operator.macs(plan.network.shapes(lowered))
    whole = lowered.output if lowered.part_of is None else lowered.part_of[0]
    given = network.producer(whole)
    if given is None:
        return macs
    if any(layer.part_of is not None and layer.part_of[0] == lowered.output for layer in plan.network.layers):
        # What others made, copied.
        return 0
    made, of = (tensors[name].shape[2] for tensors, name in (
        (plan.network.tensors, lowered.output), (network.tensors, whole)))
    return min(macs, given.operator.macs(network.shapes(given)) * made // of)
