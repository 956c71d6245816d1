"""Channel array: each lane owns a channel and folds the taps of its window into one number."""

from collections.abc import Collection
from functools import reduce
from operator import or_
from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .channel_lane import ChannelLane
from .multiplier import MultiplierKind, check_multiplier_kind
from .pipeline import bits_for_range, delay, packed
from .storage import MemoryKind, check_memory_kind, make_memory

__all__ = ["ChannelArray", "ChannelParams"]

Weights = npt.NDArray[np.int16]
Tables = npt.NDArray[np.int64]

WEIGHT_MIN, WEIGHT_MAX = -256, 255


class ChannelParams:
    """Everything that fixes one channel array.

    Parameters
    ----------
    lanes : int
        Channels folded side by side.
    group : int
        Adjacent lanes that leave in one slot; divides the lanes.
    operations : collection of str
        What the lanes can do: some of :attr:`ChannelArray.OPERATIONS`.
    sum_width : int
        Width in bits of the results, at least 8. Sums in between may wrap, two's complement makes that
        harmless.
    weights : int16 array of shape ``[depth, lanes]``, or None
        One word a tap, each number within -256 to 255; a beat names its word by the address ``weight``.
        Present with the operation ``"multiply"`` and only with it.
    tables : int64 array of shape ``[n, 256]``, or None
        Entry ``x + 128`` is the value of ``x``; a beat names the table that all lanes read. Present with the
        operation ``"lookup"`` and only with it.
    weights_in, tables_in : MemoryKind
        What the memory of weights and those of the tables are made of.
    multipliers_in : MultiplierKind
        What the multipliers are made of.
    """

    def __init__(self, *, lanes: int, group: int, operations: Collection[str], sum_width: int,
                 weights: Weights | None = None, tables: Tables | None = None,
                 weights_in: MemoryKind = "block", tables_in: MemoryKind = "block",
                 multipliers_in: MultiplierKind = "dsp") -> None:
        if lanes < 1 or group < 1 or lanes % group:
            raise ValueError(f"Channel group must divide the {lanes} lanes, not {group}")
        if not operations or not set(operations) <= set(ChannelArray.OPERATIONS):
            known = ", ".join(map(repr, ChannelArray.OPERATIONS))
            raise ValueError(f"Channel operations must be among {known}, not {sorted(operations)}")
        if sum_width < 8:
            raise ValueError(f"Channel sum width must be at least 8, not {sum_width}")
        self._check("weights", weights, "multiply" if "multiply" in operations else None,
                    np.int16, f"[depth, {lanes}]", lanes)
        self._check("tables", tables, "lookup" if "lookup" in operations else None, np.int64, "[n, 256]", 256)
        if weights is not None and (weights.min() < WEIGHT_MIN or weights.max() > WEIGHT_MAX):
            raise ValueError(f"Channel weights must be within {WEIGHT_MIN} to {WEIGHT_MAX}, "
                             f"not {weights.min()} to {weights.max()}")
        check_memory_kind("Channel weights_in", weights_in)
        check_memory_kind("Channel tables_in", tables_in)
        check_multiplier_kind("Channel multipliers_in", multipliers_in)
        self.weights_in, self.tables_in, self.multipliers_in = weights_in, tables_in, multipliers_in
        self.lanes, self.group, self.operations = lanes, group, frozenset(operations)
        self.sum_width, self.weights, self.tables = sum_width, weights, tables
        self.depth = 1 if weights is None else len(weights)
        self.groups = lanes // group
        self.weight_shape = self._shape(weights)
        self.entry_shape = self._shape(tables)
        self.sums = data.ArrayLayout(signed(sum_width), group)
        # A beat is one tap: `tap` says that it counts, `last` that it ends a dot product (and is a tap), all
        # of one operation. The first operand of a product is no tap but has `save`.
        self.beat = data.StructLayout({
            "x": data.ArrayLayout(signed(8), lanes),
            "tap": 1,
            "last": 1,
            "operation": range(len(ChannelArray.OPERATIONS)),
            "weight": range(self.depth),
            "table": range(1 if tables is None else len(tables)),
            "zero": signed(8),
            "save": 1,
        })

    @staticmethod
    def _check(name: str, values: npt.NDArray[Any] | None, reason: str | None,
               dtype: type[np.integer[Any]], shape: str, columns: int) -> None:
        found = "None" if values is None else f"{values.dtype} {list(values.shape)}"
        if reason is None:
            if values is not None:
                raise ValueError(f"Channel {name} must be None where no operation needs them, not {found}")
        elif values is None or values.dtype != dtype or values.ndim != 2 or (
                not len(values) or values.shape[1] != columns):
            raise ValueError(f"Channel {name} must be {dtype.__name__} of shape {shape} for '{reason}', "
                             f"not {found}")

    @staticmethod
    def _shape(values: npt.NDArray[Any] | None) -> Shape:
        bounds = (0, 0) if values is None else (int(values.min()), int(values.max()))
        return bits_for_range(*bounds)

    @property
    def latency(self) -> int:
        """Cycles from the last tap of a dot product to its first slot."""
        return ChannelArray.latency(self.operations)


class ChannelArray(wiring.Component):
    """``lanes`` channels a cycle, each folding its taps.

    ============  =============================================================================
    ``sum``       the sum of ``x``
    ``max``       the greatest ``x``
    ``multiply``  the sum of ``x * weight``
    ``lookup``    the sum of ``table[x]``
    ``product``   ``(x0 - zero0) * (x1 - zero1)``, summed: ``x0`` comes with ``save`` and is no tap, ``x1``
                  after it is a tap
    ============  =============================================================================

    The results of a dot product move into a shift register at once and leave one slot of ``group`` lanes a
    cycle, from the highest group to group 0, just as those of :class:`~gatecast.hdl.systolic.SystolicArray`.
    Dot products whose last taps are at least ``groups`` cycles apart never meet in it.

    ===========  ====================================================================
    Throughput   a tap a cycle
    Latency      :meth:`latency` from a dot product's last tap to its first slot
    Backpressure none
    Resources    for ``multiply`` and ``product`` a multiplier a lane, for ``multiply`` a memory of weights,
                 for ``lookup`` a memory of all tables for each two lanes; of the kinds that
                 :class:`ChannelParams` says
    ===========  ====================================================================

    Members
    -------
    beat : ``In``
        One tap: the values of all lanes and the marks, see :attr:`ChannelParams.beat`. Idle beats have
        neither ``tap`` nor ``last`` nor ``save`` and may come anywhere.
    slot : ``Out``
        The results of one group, valid for one cycle while ``slot_valid``.
    """

    OPERATIONS = ("sum", "max", "multiply", "lookup", "product")

    beat: Any
    slot: Any
    slot_valid: Any

    def __init__(self, params: ChannelParams) -> None:
        self.params = params
        super().__init__({"beat": In(params.beat), "slot": Out(params.sums), "slot_valid": Out(1)})

    @staticmethod
    def latency(operations: Collection[str]) -> int:
        """Cycles from the last tap of a dot product to its first slot: a lane, and the shift register."""
        return ChannelLane.latency(operations) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        lanes = [ChannelLane(params.operations, sum_width=params.sum_width,
                             weight_shape=params.weight_shape, entry_shape=params.entry_shape,
                             multiplier_in=params.multipliers_in)
                 for _ in range(params.lanes)]
        for index, lane in enumerate(lanes):
            m.submodules[f"lane_{index}"] = lane
            m.d.comb += lane.x.eq(self.beat.x[index])
        if ChannelLane.multiplies(params.operations):
            self._operands(m, lanes)
        if params.weights is not None:
            self._weights(m, lanes, params.weights)
        if params.tables is not None:
            self._tables(m, lanes, params.tables)

        # All operations take the same time, so the marks wait once.
        fold = ChannelLane.latency(params.operations) - 1
        maximum = self._chosen(m, {"max"}, fold, "maximum")
        tap = delay(m, self.beat.tap, fold, "tap", reset=True)
        last = delay(m, self.beat.last, fold - 1, "last", reset=True)
        done = Signal(2)
        # A reset clears the lanes as a last tap does, through this flip-flop alone.
        clear = Signal(init=1)
        m.d.sync += [clear.eq(last), done.eq(Cat(last, done[0]))]
        for lane in lanes:
            m.d.comb += [lane.maximum.eq(maximum), lane.tap.eq(tap), lane.clear.eq(clear)]

        waiting = Signal(params.sums.size * params.groups, reset_less=True)
        waiting_valid = Signal(params.groups)
        with m.If(done[1]):
            m.d.sync += [waiting.eq(Cat(lane.result for lane in lanes)), waiting_valid.eq(~0)]
        with m.Else():
            m.d.sync += [waiting.eq(waiting << params.sums.size), waiting_valid.eq(waiting_valid << 1)]
        m.d.comb += [
            Value.cast(self.slot).eq(waiting[-params.sums.size:]),
            self.slot_valid.eq(waiting_valid[-1]),
        ]
        return m

    def _chosen(self, m: Module, names: Collection[str], cycles: int, name: str) -> Value:
        """Whether a beat had one of the operations ``names``, ``cycles`` later; a constant if known."""
        built = {operation: self.OPERATIONS.index(operation) for operation in self.params.operations}
        wanted = sorted(index for operation, index in built.items() if operation in names)
        if len(wanted) in (0, len(built)):
            return Const(int(bool(wanted)), 1)
        # Bits in which the operations that are built agree need not be looked at.
        first, *others = built.values()
        differing = reduce(or_, [first ^ other for other in others])
        told = self.beat.operation & differing
        return delay(m, Cat(told == (index & differing) for index in wanted).any(), cycles, name)

    def _operands(self, m: Module, lanes: list[ChannelLane]) -> None:
        """What the multipliers need beside ``x`` and the weights."""
        cycles = ChannelLane.OPERAND_LATENCY
        passed = self._chosen(m, {"sum", "max"}, cycles, "passed")
        for lane in lanes:
            m.d.comb += lane.passed.eq(passed)
        if "product" not in self.params.operations:
            return
        # Only of a product: the other operations take `x` as it is.
        zero = Mux(self._chosen(m, {"product"}, 0, "subtracts"), self.beat.zero, 0)
        zero = delay(m, zero, cycles - 1, "zero")
        product = self._chosen(m, {"product"}, cycles, "product")
        save = delay(m, self.beat.save, cycles, "save", reset=True)
        for lane in lanes:
            m.d.comb += [lane.zero.eq(zero), lane.product.eq(product), lane.save.eq(save)]

    def _weights(self, m: Module, lanes: list[ChannelLane], weights: Weights) -> None:
        """One memory for all lanes: a word holds the weights of a tap."""
        width = self.params.weight_shape.width
        m.submodules.weights = contents = make_memory(
            self.params.weights_in, shape=unsigned(width * len(lanes)), depth=len(weights),
            init=[packed(row, width) for row in weights.tolist()])
        port = contents.read_port()
        m.d.comb += [port.addr.eq(self.beat.weight), port.en.eq(Const(1))]
        word = delay(m, port.data, ChannelLane.OPERAND_LATENCY - 1, "weight")
        for index, lane in enumerate(lanes):
            m.d.comb += lane.weight.eq(word.word_select(index, width))

    def _tables(self, m: Module, lanes: list[ChannelLane], tables: Tables) -> None:
        """One memory with all tables for each two lanes, as block RAM of most families has two ports."""
        operations, shape = self.params.operations, self.params.entry_shape
        table = delay(m, self.beat.table, ChannelLane.address_latency(operations), "table")
        lookup = self._chosen(m, {"lookup"}, ChannelLane.term_latency(operations), "lookup")
        # The address is `x` as it is: bytes from 0 to 255, the negative ones behind the others.
        init = [packed([entry], shape.width) for entry in np.roll(tables, 128, axis=1).ravel().tolist()]
        for first in range(0, len(lanes), 2):
            m.submodules[f"tables_{first // 2}"] = contents = make_memory(
                self.params.tables_in, shape=unsigned(shape.width), depth=len(init), init=init)
            for lane in lanes[first:first + 2]:
                port = contents.read_port()
                m.d.comb += [port.addr.eq(Cat(lane.address, table)), port.en.eq(Const(1)),
                             lane.entry.eq(port.data), lane.lookup.eq(lookup)]
