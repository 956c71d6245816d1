"""Walk: the address generator that takes an engine through the taps of its jobs."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .countdown import countdown, loaded_count
from .operand_walk import OperandWalk
from .pipeline import delay
from .table import Table
from .walk_layer import WalkLayer, WalkOperand

__all__ = ["Walk", "WalkLayer", "WalkOperand"]


class Walk(wiring.Component):
    """Issues one tap a cycle, in the order that the weights are stored in.

    ``load`` takes over the loops of ``layer`` and the rows of the job, the taps begin in the cycle after.
    As long as ``issue`` is high a tap (or a hold) is taken each cycle; the owner counts
    :attr:`WalkLayer.job_cycles` of them and may load the next job in the last of them. Each operand has an
    :class:`OperandWalk`; the turn passes from one to the next behind its last tap of a dot product.

    ===========  ====================================================================
    Throughput   a tap a cycle, without a gap between operands, dot products, blocks, columns and jobs
    Latency      :attr:`LATENCY` from the cycle of the tap to the outputs
    Resources    as many operand walks as the widest layer has operands, a multiplexer and counters
    ===========  ====================================================================

    Members
    -------
    layer : ``In``
        Index of the layer to load, steady for two cycles before ``load`` and at it.
    row_{operand}, padding_top_{operand}, valid_rows_{operand} : ``In``
        See :class:`OperandWalk`; those of operands that the layer lacks mean nothing.
    load, issue : ``In(1)``
    address : ``Out``
        Read to do.
    padding : ``Out(1)``
        The tap lies outside the frame: use the padding value instead of the read.
    operand : ``Out``
        Whose tap it is.
    weight : ``Out``
        Weight word.
    tap, last : ``Out(1)``
        A tap, and the last one of its dot product.
    count : ``Out``
        Only where a layer counts, with ``last``: taps of the dot product inside the frame, 0 for the layers
        that do not count.
    """

    # The walks of the operands, and the choice among them.
    LATENCY = OperandWalk.LATENCY + 1

    def __init__(self, layers: Sequence[WalkLayer], *, addresses: int, weights: int) -> None:
        self.layers = tuple(layers)
        self.operands = [OperandWalk(layers, operand)
                         for operand in range(max(len(layer.operands) for layer in layers))]
        self.counts = any(layer.count for layer in layers)
        most = max((layer.dot_taps for layer in layers if layer.count), default=0)
        super().__init__({
            "layer": In(range(len(layers))),
            **{f"{name}_{index}": In(getattr(walk, name).shape())
               for index, walk in enumerate(self.operands) for name in ("row", "padding_top", "valid_rows")},
            "load": In(1),
            "issue": In(1),
            "address": Out(range(addresses)),
            "padding": Out(1),
            "operand": Out(range(len(self.operands))),
            "weight": Out(range(weights)),
            "tap": Out(1),
            "last": Out(1),
            **({"count": Out(range(most + 1))} if self.counts else {}),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        port: Any = self
        m.submodules.table = table = Table([{
            "blocks": loaded_count(layer.blocks),
            # The last pass is that of the taps.
            "hold": loaded_count(layer.hold + 1),
            "operands": loaded_count(len(layer.operands)),
            "weight_base": layer.weight_base,
            "counting": layer.count,
        } for layer in self.layers])
        m.d.comb += table.index.eq(port.layer)
        # The numbers of the job that runs, while `table` already shows the next one's.
        now = table.held(m, port.load, table.column_shapes)

        turn = Signal.like(port.operand, reset_less=True)
        blocks_end = Signal()
        hold_end = Signal()
        tap = Signal(name="tap_now")
        last = Signal(name="last_now")
        operand_done = Signal()
        operands_end = Signal()
        m.d.comb += [
            tap.eq(port.issue & hold_end),
            operand_done.eq(Array(walk.done for walk in self.operands)[turn]),
            last.eq(tap & operand_done & operands_end),
        ]
        steps = {"hold": (port.issue & ~hold_end) | last, "operands": tap & operand_done, "blocks": last}
        left = {name: countdown(m, table, now, name, load=port.load, step=step)
                for name, step in steps.items()}
        m.d.comb += [hold_end.eq(left["hold"][-1]), operands_end.eq(left["operands"][-1]),
                     blocks_end.eq(left["blocks"][-1])]
        with m.If(port.load | last):
            m.d.sync += turn.eq(0)
        with m.Elif(tap & operand_done):
            m.d.sync += turn.eq(turn + 1)
        for index, walk in enumerate(self.operands):
            m.submodules[f"operand_{index}"] = walk
            m.d.comb += [
                *(getattr(walk, name).eq(getattr(self, f"{name}_{index}"))
                  for name in ("row", "padding_top", "valid_rows")),
                walk.layer.eq(port.layer),
                walk.load.eq(port.load),
                walk.take.eq(tap & (turn == index)),
                walk.next_block.eq(~blocks_end),
            ]

        # Behind the walks of the operands: choose whose tap it is.
        turned = delay(m, turn, 1, "turn")
        tapped = delay(m, tap, 1, "tap_now", reset=True)
        ended = delay(m, last, 1, "last_now", reset=True)
        weight = Signal.like(port.weight, name="weight_now", reset_less=True)
        first_weight = delay(m, port.load | (last & blocks_end), 1, "first_weight")
        with m.If(first_weight):
            m.d.sync += weight.eq(now["weight_base"])
        with m.Elif(tapped):
            m.d.sync += weight.eq(weight + 1)
        inside = Signal()
        m.d.comb += inside.eq(Cat(walk.inside for walk in self.operands).any())
        m.d.sync += [
            port.address.eq(Array(walk.address for walk in self.operands)[turned]),
            port.padding.eq(~inside),
            port.operand.eq(turned),
            port.weight.eq(weight),
            port.tap.eq(tapped),
            port.last.eq(ended),
        ]
        if self.counts:
            first = Signal(init=1)
            counting = delay(m, now["counting"], 1, "counting")
            with m.If(tapped):
                m.d.sync += [port.count.eq(Mux(first, 0, port.count) + (inside & counting)), first.eq(ended)]
        return m
