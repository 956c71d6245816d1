"""Requantizer: wide sums in, int8 activations out, exactly the staircase of each channel."""

from collections.abc import Mapping
from typing import Any, cast

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .multiplier import MultiplierKind, WideMultiplier, check_multiplier_kind
from .pipeline import bits_for_range, delay
from .requantization import TIE_BITS, TIE_RANGE, Requantization
from .storage import MemoryKind, check_memory_kind
from .table import Table

__all__ = ["Requantizer", "RequantizerLane", "RequantizerParams", "lane_multipliers"]

# Registers between the address of parameters and their table, which may be spread over the chip, and between
# the sums and their multipliers, which may be far away.
ADDRESS_WAY, OPERAND_WAY = 1, 1

# Parameters by the table that they lie in. Each is read when its own are needed: a delay of them takes a
# flip-flop for each bit and cycle, one of the address hardly any.
TABLES = {"factors": ("bias", "multiplier"), "offsets": ("offset_negative", "offset_positive"),
          "limits": ("shift", "low", "high")}
FIELDS = tuple(name for names in TABLES.values() for name in names)
# Where some channel settles ties there are two more, beside those that are needed next to last.
TIE_FIELDS = ("ties", "zero")
# Registers that settling ties takes: what is near one, where it goes, the step.
TIE_STAGES = 3
# Bits that are compared with the sign at once: two levels of 4-input LUTs.
OUTSIDE_BITS = 12


def lane_multipliers(*, x: tuple[int, int], multiplier: int) -> int:
    """Multipliers of one lane for ``x`` between these bounds and multipliers up to this one."""
    return WideMultiplier.multipliers(_signed(*x), bits_for_range(0, multiplier))


def _offset_binary(value: Value) -> Value:
    """An int8 as an unsigned number in the same order, or back: comparisons need not look at signs."""
    return (value ^ Const(-128, signed(8)))[:8]


def _signed(low: int, high: int) -> Shape:
    """The narrowest signed shape for ``low`` to ``high``."""
    return bits_for_range(min(low, -1), high)


class RequantizerParams:
    """Everything that fixes the requantizer of one engine.

    Parameters
    ----------
    requantization : :class:`Requantization`
        One entry for each lane of each slot, slot by slot: ``slots * lanes`` channels. The golden model
        is its ``compute``.
    lanes : int
        Channels requantized side by side.
    sums : (int, int)
        Least and greatest sum that arrives, over all channels.
    x : (int, int)
        Least and greatest sum with its bias. The widths of all stages follow from these bounds.
    parameters_in : MemoryKind
        What the table of parameters is made of.
    multipliers_in : MultiplierKind
        What the multipliers are made of.
    """

    def __init__(self, *, requantization: Requantization, lanes: int,
                 sums: tuple[int, int], x: tuple[int, int],
                 parameters_in: MemoryKind = "block", multipliers_in: MultiplierKind = "dsp") -> None:
        if lanes < 1 or requantization.channels % lanes:
            raise ValueError(f"Requantizer needs a whole number of slots of {lanes} lanes, "
                             f"not {requantization.channels} channels")
        check_memory_kind("Requantizer parameters_in", parameters_in)
        check_multiplier_kind("Requantizer multipliers_in", multipliers_in)
        self.parameters_in, self.multipliers_in = parameters_in, multipliers_in
        self.lanes, self.slots = lanes, requantization.channels // lanes
        self.requantization = requantization
        self.ties = bool(requantization.ties.any())
        # Ties are settled on fractions of a step; for the other channels the shifter leaves as many, so that
        # they are shifted less, and if that is less than not at all, zeros lead in.
        self.shift = requantization.shift - (1 - requantization.ties) * TIE_BITS * self.ties
        self.lead = max(-int(self.shift.min()), 0)
        self.shift_min = int(self.shift.min()) + self.lead
        self.sum_shape = _signed(*sums)
        self.x_shape = _signed(*x)
        highest = int(requantization.multiplier.max())
        self.m_shape = bits_for_range(0, highest)
        offsets = [*requantization.offset_negative.tolist(), *requantization.offset_positive.tolist()]
        self.product_shape = _signed(min(x[0] * highest, 0) + min(*offsets, 0),
                                     max(x[1] * highest, 0) + max(*offsets, 0))
        self.shift_range = int(self.shift.max() - self.shift.min())

    @property
    def tables(self) -> dict[str, tuple[str, ...]]:
        """The parameters in each of the :data:`TABLES`."""
        return {**TABLES, "limits": TABLES["limits"] + TIE_FIELDS} if self.ties else TABLES

    @property
    def fields(self) -> tuple[str, ...]:
        """The parameters of a lane."""
        return FIELDS + TIE_FIELDS if self.ties else FIELDS

    @property
    def columns(self) -> dict[str, npt.NDArray[np.int64]]:
        """The table of parameters, ``[slots, lanes]`` each; shifts are less what all have in common."""
        shape = self.slots, self.lanes
        columns = {name: getattr(self.requantization, name).reshape(shape) for name in self.fields}
        return {**columns, "shift": (self.shift - self.shift.min()).reshape(shape)}

    def rows(self, table: str) -> list[dict[str, int]]:
        """The same of one of the :data:`TABLES`, a row for each slot."""
        columns = {f"{name}_{lane}": self.columns[name][:, lane].tolist()
                   for lane in range(self.lanes) for name in self.tables[table]}
        return [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]

    @property
    def waits(self) -> dict[str, int]:
        """Cycles from when a sum is needed to when the parameters of each table for it are."""
        return {"factors": 0, "offsets": self.multiplier_latency, "limits": self.multiplier_latency + 2}

    @property
    def multiplier_parts(self) -> int:
        """Multipliers of at most 18 x 18 bits that all lanes together come to, whatever they are made of."""
        return self.lanes * WideMultiplier.multipliers(self.x_shape, self.m_shape)

    @property
    def multipliers(self) -> int:
        """Number of DSP multipliers, all lanes together: 0 when they are made of LUTs."""
        return self.multiplier_parts if self.multipliers_in == "dsp" else 0

    @property
    def multiplier_latency(self) -> int:
        """Cycles from ``x`` to the product."""
        return OPERAND_WAY + WideMultiplier.latency(self.x_shape, self.m_shape)

    @property
    def shift_stages(self) -> int:
        """Stages of the shifter, two bits of the amount in each."""
        return (self.shift_range.bit_length() + 1) // 2

    @property
    def tie_stages(self) -> int:
        """Stages that settle ties, if any channel does."""
        return TIE_STAGES * self.ties

    @property
    def latency(self) -> int:
        """Cycles from sums to values: way, table, register, bias, product, offset, shifter, ties, clamp."""
        return (ADDRESS_WAY + Table.LATENCY + 2 + self.multiplier_latency + 1 + self.shift_stages
                + self.tie_stages + 3)


class RequantizerLane(wiring.Component):
    """One channel at a time: ``clamp(((sum + bias) * multiplier + offset) >> shift, low, high)``.

    Where some channel settles ties, see :class:`~gatecast.hdl.requantization.Requantization`, before the
    clamp.

    The parameters, in the ``shapes`` given for each, come ``params.waits`` cycles after the sum.

    ===========  ====================================================================
    Throughput   one value a cycle
    Latency      ``params.latency`` less the cycles of the table, of the way to it and of its register
    Resources    one wide multiplier, of ``params.multiplier_parts / params.lanes`` DSP blocks or of LUTs
    ===========  ====================================================================

    Multiplier and shift are those of gemmlowp and TFLite; that two offsets make up for the second
    rounding, and that the generator proves it and narrows the multiplier, is Gatecast's own.
    """

    def __init__(self, params: RequantizerParams, shapes: Mapping[str, Shape]) -> None:
        self.params = params
        super().__init__({
            "sum": In(params.sum_shape), "value": Out(signed(8)),
            **{name: In(shapes[name]) for name in params.fields},
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        port: Any = self
        x = Signal(params.x_shape, reset_less=True)
        m.d.sync += x.eq(port.sum + port.bias)

        m.submodules.multiplier = multiplier = WideMultiplier(
            params.x_shape, params.m_shape, params.multipliers_in)
        m.d.comb += [multiplier.a.eq(delay(m, x, OPERAND_WAY, "x")),
                     multiplier.b.eq(delay(m, port.multiplier, 1 + OPERAND_WAY, "multiplier"))]
        sign = delay(m, x < 0, params.multiplier_latency - 1, "sign")
        offset = Signal(params.product_shape, reset_less=True)
        m.d.sync += offset.eq(Mux(sign, port.offset_negative, port.offset_positive))
        product = Signal(params.product_shape, reset_less=True)
        m.d.sync += product.eq(multiplier.p + offset)
        steps: Any = Cat(Const(0, params.lead), product).as_signed() if params.lead else product

        # Stage by stage the coarse part of the shift first, so that later stages are narrower.
        amount: Any = port.shift
        for stage in reversed(range(params.shift_stages)):
            shifted = Signal(steps.shape(), name=f"shifted_{stage}", reset_less=True)
            m.d.sync += shifted.eq(steps >> (amount[2 * stage:2 * stage + 2] << (2 * stage)))
            amount = delay(m, amount, 1, f"amount_{stage}")
            steps = shifted
        steps = steps >> params.shift_min
        if params.ties:
            steps = self._settled(m, steps)

        # A value outside int8 is beyond `low` or `high` whatever they are; its sign says which. Bits that
        # differ from the sign are looked for in parts, which are joined beside the comparisons.
        bits = Value.cast(steps)
        parts = [Cat(bit != bits[-1] for bit in bits[first:-1][:OUTSIDE_BITS]).any()
                 for first in range(7, len(bits) - 1, OUTSIDE_BITS)]
        beyond = Signal(max(len(parts), 1), reset_less=True)
        narrow = Signal(8, reset_less=True)
        m.d.sync += [beyond.eq(Cat(*parts, Const(0))), narrow.eq(_offset_binary(steps))]
        wait = params.shift_stages + params.tie_stages + 1
        low = delay(m, _offset_binary(port.low), wait, "low")
        high = delay(m, _offset_binary(port.high), wait, "high")
        outside = Signal(reset_less=True)
        greater = Signal(reset_less=True)
        less = Signal(reset_less=True)
        m.d.sync += [outside.eq(beyond.any()), greater.eq(narrow > high), less.eq(narrow < low)]
        low, high = delay(m, low, 1, "lowest"), delay(m, high, 1, "highest")
        value, negative = delay(m, narrow, 1, "narrow"), delay(m, bits[-1], 2, "negative")
        above = Mux(outside, ~negative, greater)
        below = Mux(outside, negative, less)
        m.d.sync += port.value.eq(_offset_binary(Mux(above, high, Mux(below, low, value))))
        return m

    def _settled(self, m: Module, fractions: Value) -> Value:
        """Steps of ``fractions``, those near a tie moved to the even step where ``ties`` says so."""
        params, port = self.params, cast(Any, self)
        ties, zero = (delay(m, getattr(port, name), params.shift_stages, name) for name in TIE_FIELDS)
        wide = Signal(signed(max(len(fractions), TIE_BITS + 2)), name="fractions")
        m.d.comb += wide.eq(fractions)
        rest, step = wide[:TIE_BITS], wide[TIE_BITS:].as_signed()

        # First: which of the lowest bits do not count, and whether all others are ones, or zeros.
        magnitude = Value.cast(step)[1:TIE_RANGE + 2]
        magnitude = magnitude ^ step[-1].replicate(len(magnitude))
        hidden = Signal(TIE_RANGE, reset_less=True)
        lowest = Signal(TIE_RANGE, reset_less=True)
        ones, zeros = Signal(2, reset_less=True), Signal(2, reset_less=True)
        odd = Signal(reset_less=True)
        m.d.sync += [hidden.eq(Cat(magnitude[bit:].any() for bit in range(TIE_RANGE))),
                     lowest.eq(rest), odd.eq(step[0] & ties)]
        for half in range(2):
            part = rest[TIE_RANGE:].word_select(half, (TIE_BITS - TIE_RANGE) // 2)
            m.d.sync += [ones[half].eq(part.all()), zeros[half].eq(~part.any())]
        step, zero = delay(m, step, 1, "near_step"), delay(m, zero, 1, "near_zero")

        # Then: where it goes, with the zero point.
        up, down = odd & ones.all() & (lowest | hidden).all(), odd & zeros.all() & (~lowest | hidden).all()
        addend = Signal(signed(9), reset_less=True)
        m.d.sync += addend.eq(Mux(up, zero + 1, Mux(down, zero - 1, zero)))
        step = delay(m, step, 1, "tie_step")
        moved = Signal(step.shape(), name="settled", reset_less=True)
        m.d.sync += moved.eq(step + addend)
        return moved


class Requantizer(wiring.Component):
    """``lanes`` requantizers side by side and the table of their parameters.

    ===========  ====================================================================
    Throughput   one slot of ``lanes`` sums a cycle
    Latency      :attr:`RequantizerParams.latency`
    Backpressure none
    Resources    :attr:`RequantizerParams.multipliers`, three tables of one word for each slot, of the kind
                 :attr:`RequantizerParams.parameters_in`
    ===========  ====================================================================

    Members
    -------
    address : ``In(range(params.slots))``
        Which slot's parameters the sums need, with the sums.
    sums : ``In``
        One slot.
    values : ``Out``
        The activations.
    """

    address: Any
    sums: Any
    values: Any

    def __init__(self, params: RequantizerParams) -> None:
        self.params = params
        super().__init__({
            "address": In(range(params.slots)),
            "sums": In(data.ArrayLayout(params.sum_shape, params.lanes)),
            "values": Out(data.ArrayLayout(signed(8), params.lanes)),
        })

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        columns: dict[str, Any] = {}
        shapes: dict[str, Shape] = {}
        for name, wait in params.waits.items():
            m.submodules[f"parameters_{name}"] = table = Table(params.rows(name), params.parameters_in)
            m.d.comb += table.index.eq(delay(m, self.address, ADDRESS_WAY + wait, f"address_{name}"))
            for column, shape in table.column_shapes.items():
                shapes[column] = shape
                columns[column] = delay(m, getattr(table, column), 1, column)
        for index in range(params.lanes):
            m.submodules[f"lane_{index}"] = lane = RequantizerLane(
                params, {name: shapes[f"{name}_{index}"] for name in params.fields})
            m.d.comb += [
                lane.sum.eq(delay(m, self.sums[index], ADDRESS_WAY + Table.LATENCY + 1, f"sum_{index}")),
                self.values[index].eq(lane.value),
                *(getattr(lane, name).eq(columns[f"{name}_{index}"]) for name in params.fields),
            ]
        return m
