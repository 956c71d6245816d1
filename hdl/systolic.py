"""Systolic array: columns of dot products in groups; activations hop from group to group."""

from typing import Any

import numpy as np
import numpy.typing as npt
from amaranth.hdl import Cat, Const, Module, Mux, Shape, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dot_product import DotProduct
from .multiplier import MultiplierKind, check_multiplier_kind
from .pipeline import delay, packed
from .storage import MemoryKind, check_memory_kind, make_memory

__all__ = ["WEIGHT_BITS", "SystolicArray", "SystolicGroup", "SystolicParams"]

Weights = npt.NDArray[np.int8] | npt.NDArray[np.int16]

# Bits of a weight, by the type of the array: the difference of two bytes has one more.
WEIGHT_BITS: dict[np.dtype[Any], int] = {np.dtype(np.int8): 8, np.dtype(np.int16): 9}


class SystolicParams:
    """Everything that fixes one systolic array.

    Parameters
    ----------
    weights : int8 array of shape ``[depth, columns, lanes]``, or int16 from -256 to 255
        One word a cycle for each column; a beat names its word by the address ``weight``. Weights of type
        int16 are held and multiplied in 9 bits.
    group : int
        Adjacent columns that share an activation register, a weight memory and a slot of the result
        chain; divides the columns.
    sum_width : int
        Width in bits of the final sums. Sums in between may wrap, two's complement makes that harmless.
    weights_in : MemoryKind
        What the weight memories are made of.
    multipliers_in : MultiplierKind
        What the multipliers are made of.
    """

    def __init__(self, *, weights: Weights, group: int, sum_width: int,
                 weights_in: MemoryKind = "block", multipliers_in: MultiplierKind = "dsp") -> None:
        if weights.ndim != 3 or weights.dtype not in WEIGHT_BITS or 0 in weights.shape:
            raise ValueError(f"Systolic weights must be int8 or int16 of shape [depth, columns, lanes], "
                             f"not {weights.dtype} {list(weights.shape)}")
        self.weight_bits = WEIGHT_BITS[weights.dtype]
        if weights.min() < -1 << self.weight_bits - 1 or weights.max() >= 1 << self.weight_bits - 1:
            raise ValueError(f"Systolic weights must be numbers of {self.weight_bits} bits, "
                             f"not {weights.min()}..{weights.max()}")
        if group < 1 or weights.shape[1] % group:
            raise ValueError(f"Systolic group must divide the {weights.shape[1]} columns, not {group}")
        check_memory_kind("Systolic weights_in", weights_in)
        check_multiplier_kind("Systolic multipliers_in", multipliers_in)
        self.weights, self.group, self.sum_width = weights, group, sum_width
        self.weights_in, self.multipliers_in = weights_in, multipliers_in
        self.depth, self.columns, self.lanes = weights.shape
        self.groups = self.columns // group
        self.sums = data.ArrayLayout(signed(sum_width), group)
        # A beat is one tap: `tap` says that it counts, `last` that it ends a dot product (and is a tap).
        self.beat = data.StructLayout({
            "x": data.ArrayLayout(signed(8), self.lanes),
            "weight": range(self.depth),
            "tap": 1,
            "last": 1,
        })

    @property
    def used(self) -> npt.NDArray[np.bool_]:
        """Which positions ``[columns, lanes]`` ever have a weight but 0; the others need no multiplier."""
        return np.asarray(np.any(self.weights, axis=0), np.bool_)

    @property
    def latency(self) -> int:
        """Cycles from the last beat of a dot product to its first slot."""
        return SystolicArray.latency(self.lanes, self.groups)


class SystolicGroup(wiring.Component):
    """Columns side by side: one weight memory, a dot product and an accumulator for each.

    Members
    -------
    beat : ``In``
        Taps, at any cycles.
    sums : ``Out``
        The finished sums of all columns, valid while ``done``.
    done : ``Out(1)``
        A dot product has ended :meth:`latency` cycles ago.
    """

    # Memory, its output register, and one on the way to the multipliers.
    WEIGHT_LATENCY = 3

    beat: Any
    sums: Any
    done: Any

    def __init__(self, params: SystolicParams, index: int) -> None:
        self.params, self.index = params, index
        super().__init__({"beat": In(params.beat), "sums": Out(params.sums), "done": Out(1)})

    @classmethod
    def latency(cls, lanes: int) -> int:
        """Cycles from the last beat of a dot product to ``done``."""
        return cls.WEIGHT_LATENCY + DotProduct.latency(lanes) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        first_column = self.index * params.group
        word = data.ArrayLayout(data.ArrayLayout(signed(params.weight_bits), params.lanes), params.group)
        own = params.weights[:, first_column:first_column + params.group].reshape(params.depth, -1)
        m.submodules.weights = weights = make_memory(
            params.weights_in, shape=unsigned(word.size), depth=params.depth,
            init=[packed(row, params.weight_bits) for row in own.tolist()])
        port = weights.read_port()
        m.d.comb += [port.addr.eq(self.beat.weight), port.en.eq(Const(1))]
        columns = data.View(word, delay(m, port.data, self.WEIGHT_LATENCY - 1, "weight"))
        x = data.View(self.params.beat["x"].shape,
                      delay(m, Value.cast(self.beat.x), self.WEIGHT_LATENCY, "x"))
        terms = []
        for column in range(params.group):
            m.submodules[f"column_{column}"] = dot = DotProduct(
                params.lanes, params.multipliers_in, params.weight_bits)
            m.d.comb += dot.a.eq(x)
            for lane in range(params.lanes):
                # Said here, for synthesis chooses DSP blocks before it looks at contents of memories.
                used = params.used[first_column + column, lane]
                m.d.comb += dot.b[lane].eq(columns[column][lane] if used else 0)
            terms.append(dot.p)
        cycles = self.WEIGHT_LATENCY + DotProduct.latency(params.lanes)
        tap = delay(m, self.beat.tap, cycles, "tap", reset=True)
        last = delay(m, self.beat.last, cycles, "last", reset=True)
        first = Signal(init=1)
        m.d.sync += self.done.eq(last)
        with m.If(tap):
            m.d.sync += first.eq(last)
        for column, term in enumerate(terms):
            # The first tap adds to nothing: a gate before the carry chain, which has room for it. A reset of
            # the accumulators would need a tile of its own for each eight flip-flops of ECP5.
            accumulator = Signal(signed(params.sum_width), name=f"accumulator_{column}", reset_less=True)
            result = Signal(signed(params.sum_width), name=f"result_{column}", reset_less=True)
            total = Signal(signed(params.sum_width), name=f"total_{column}")
            before = accumulator & (~first).replicate(params.sum_width)
            m.d.comb += [total.eq(before.as_signed() + term), self.sums[column].eq(result)]
            with m.If(last):
                m.d.sync += result.eq(total)
            with m.If(tap):
                m.d.sync += accumulator.eq(total)
        return m


class SystolicArray(wiring.Component):
    """``lanes`` input channels times ``columns`` output channels a cycle.

    Activations, their marks and the weight address hop from group to group through one register. The
    sums of a dot product travel the same way through a chain with two registers a hop, so the last
    group's sums leave first: one slot of ``group`` adjacent columns a cycle, ``groups`` slots in a row,
    from the highest group to group 0. Dot products whose last taps are at least ``groups`` cycles
    apart never meet in the chain.

    ===========  ====================================================================
    Throughput   a tap a cycle
    Latency      :meth:`latency` from a dot product's last tap to its first slot
    Backpressure none
    Resources    ``lanes * columns`` multipliers of the kind :attr:`SystolicParams.multipliers_in`, less those
                 whose weights are all zero, for each group a weight memory of ``depth`` words of the kind
                 :attr:`SystolicParams.weights_in`
    ===========  ====================================================================

    The array is the classic one of H. T. Kung, "Why systolic architectures?", 1982, but for its drain: sums
    that leave with the activations need half the time between dot products that those leaving against
    them would.

    Members
    -------
    beat : ``In``
        One tap, see :attr:`SystolicParams.beat`.
    slot : ``Out``
        The sums of one group, valid for one cycle while ``slot_valid``.
    """

    beat: Any
    slot: Any
    slot_valid: Any

    def __init__(self, params: SystolicParams) -> None:
        self.params = params
        super().__init__({"beat": In(params.beat), "slot": Out(params.sums), "slot_valid": Out(1)})

    @staticmethod
    def latency(lanes: int, groups: int) -> int:
        """Cycles from the last beat of a dot product to its first slot: a group, and the way out."""
        return SystolicGroup.latency(lanes) + groups + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        beat: Any = self.beat
        slot: Any = Const(0, Shape(params.sums.size))
        valid: Any = Const(0)
        for index in range(params.groups):
            m.submodules[f"group_{index}"] = group = SystolicGroup(params, index)
            m.d.comb += group.beat.eq(beat)
            if index + 1 < params.groups:
                beat = self._hop(m, beat, index)
            # Two registers a hop; a group puts its sums into the first.
            entered = Signal(params.sums.size, name=f"slot_{index}", reset_less=True)
            entered_valid = Signal(name=f"slot_{index}_valid")
            m.d.sync += [
                entered.eq(Mux(group.done, Value.cast(group.sums), slot)),
                entered_valid.eq(group.done | valid),
            ]
            slot = delay(m, entered, 1, f"slot_{index}")
            valid = delay(m, entered_valid, 1, f"slot_{index}_valid", reset=True)
        m.d.comb += [Value.cast(self.slot).eq(slot), self.slot_valid.eq(valid)]
        return m

    def _hop(self, m: Module, beat: Any, index: int) -> Any:
        following = data.View(self.params.beat, Signal(self.params.beat.size, name=f"beat_{index + 1}"))
        marks = delay(m, Cat(beat.tap, beat.last), 1, f"marks_{index + 1}", reset=True)
        m.d.comb += [
            following.x.eq(data.View(self.params.beat["x"].shape,
                                     delay(m, Value.cast(beat.x), 1, f"x_{index + 1}"))),
            following.weight.eq(delay(m, beat.weight, 1, f"weight_{index + 1}")),
            Cat(following.tap, following.last).eq(marks),
        ]
        return following


