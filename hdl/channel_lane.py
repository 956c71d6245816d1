"""One lane of a channel array: what it makes of each tap, and how it folds the taps into one number."""

from collections.abc import Collection
from typing import Any

from amaranth.hdl import Module, Mux, Shape, Signal, signed, unsigned
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from .multiplier import Multiplier, MultiplierKind
from .pipeline import delay

__all__ = ["ChannelLane"]

INT8_MIN = -128


class ChannelLane(wiring.Component):
    """Folds the taps of one channel: one term a tap, and the sum or the maximum of the terms.

    ::

        x - zero -+-------------------> multiplier --+-> mix -> sum, maximum -> result
                  +-> kept --> factor ----^          |
              weight or 1 -----^                     |
        x -> address ... entry -> register ----------+

    A lane with a multiplier sends what is only passed on through it too, times one: that needs no register to
    keep step. Each stage is there if one of the operations needs it, so the latency grows with them.

    ===========  ====================================================================
    Throughput   a tap a cycle
    Latency      :meth:`latency` from the last tap to the result
    Resources    a :class:`~gatecast.hdl.multiplier.Multiplier` if :meth:`multiplies`
    ===========  ====================================================================

    Parameters
    ----------
    operations : collection of str
        Some of :attr:`~gatecast.hdl.channel.ChannelArray.OPERATIONS`.
    sum_width : int
        Width in bits of the result, at least 8.
    weight_shape, entry_shape : Shape
        Of the weights (within ``signed(9)``) and of the entries of tables.
    multiplier_in : MultiplierKind
        What the multiplier is made of.

    Members
    -------
    x : ``In(signed(8))``
        With the tap.
    zero : ``In(signed(8))``
        Subtracted from ``x``: one cycle before :attr:`OPERAND_LATENCY`. 0 but for products.
    weight, passed, product, save : ``In``
        :attr:`OPERAND_LATENCY` after the tap: its weight; multiply by one; multiply by what was kept; keep.
    address : ``Out(8)``
        The bits of ``x`` for the memory of the tables, :meth:`address_latency` after the tap.
    entry : ``In``
        What the memory gives, one cycle after ``address``.
    lookup : ``In(1)``
        The term is the entry: :meth:`term_latency` after the tap.
    maximum, tap, clear : ``In(1)``
        With the term: one cycle before :meth:`latency`. The term to ``clear`` at is the last one; a reset
        clears through it too.
    result : ``Out``
        The sum or the maximum.
    """

    # The memory of tables and a register. Of weights one more, on the way to the multiplier.
    MEMORY_LATENCY = 2
    OPERAND_LATENCY = 3

    x: Any
    zero: Any
    weight: Any
    passed: Any
    product: Any
    save: Any
    address: Any
    entry: Any
    lookup: Any
    maximum: Any
    tap: Any
    clear: Any
    result: Any

    def __init__(self, operations: Collection[str], *, sum_width: int,
                 weight_shape: Shape, entry_shape: Shape, multiplier_in: MultiplierKind = "dsp") -> None:
        self.operations, self.sum_width = frozenset(operations), sum_width
        self.multiplier_in = multiplier_in
        super().__init__({
            "x": In(signed(8)), "zero": In(signed(8)), "weight": In(weight_shape),
            "passed": In(1), "product": In(1), "save": In(1),
            "address": Out(unsigned(8)), "entry": In(entry_shape), "lookup": In(1),
            "maximum": In(1), "tap": In(1), "clear": In(1), "result": Out(signed(sum_width)),
        })

    @staticmethod
    def multiplies(operations: Collection[str]) -> bool:
        """Whether a lane for these operations has a multiplier."""
        return not {"multiply", "product"}.isdisjoint(operations)

    @staticmethod
    def mixes(operations: Collection[str]) -> bool:
        """Whether a lane for these operations sums entries of tables and other terms."""
        return "lookup" in operations and not {"sum", "multiply", "product"}.isdisjoint(operations)

    @classmethod
    def term_latency(cls, operations: Collection[str]) -> int:
        """Cycles from a tap to its product or entry, or to what is folded as it is: at least one."""
        if cls.multiplies(operations):
            return cls.OPERAND_LATENCY + Multiplier.LATENCY
        return cls.MEMORY_LATENCY if "lookup" in operations else 1

    @classmethod
    def address_latency(cls, operations: Collection[str]) -> int:
        """Cycles from a tap to the address of its entry, which comes when a product does."""
        return cls.term_latency(operations) - cls.MEMORY_LATENCY

    @classmethod
    def latency(cls, operations: Collection[str]) -> int:
        """Cycles from the last tap to the result: the term, the choice between two kinds of it, the fold."""
        return cls.term_latency(operations) + cls.mixes(operations) + 1

    def elaborate(self, platform: object) -> Module:
        m = Module()
        cycles = self.term_latency(self.operations)
        operand, elapsed = self.x, 0
        if self.multiplies(self.operations):
            operand, elapsed = self._operand(m), self.OPERAND_LATENCY
            passed = self._product(m, operand)
        else:
            passed = delay(m, self.x, cycles, "x")
        term = passed
        if "lookup" in self.operations:
            m.d.comb += self.address.eq(
                delay(m, operand[:8], self.address_latency(self.operations) - elapsed, "address"))
            term = delay(m, self.entry, self.MEMORY_LATENCY - 1, "entry")
        if self.mixes(self.operations):
            mixed = Signal(signed(self.sum_width), reset_less=True)
            m.d.sync += mixed.eq(Mux(self.lookup, term, passed))
            passed = term = mixed
        self._fold(m, term, passed[:8].as_signed())
        return m

    def _operand(self, m: Module) -> Signal:
        """What is multiplied, :attr:`OPERAND_LATENCY` after the tap: ``x``, of products less its zero."""
        x = delay(m, self.x, self.OPERAND_LATENCY - 1, "x")
        if "product" not in self.operations:
            return delay(m, x, 1, "operand")
        operand = Signal(signed(9), reset_less=True)
        m.d.sync += operand.eq(x - self.zero)
        return operand

    def _product(self, m: Module, operand: Signal) -> Any:
        """The operand times its weight, one, or the operand kept before, as its operation wants."""
        factor = self.weight
        if "product" in self.operations:
            kept = Signal.like(operand, name="kept", reset_less=True)
            with m.If(self.save):
                m.d.sync += kept.eq(operand)
            factor = Mux(self.product, kept, self.weight) if "multiply" in self.operations else kept
        if not {"sum", "max"}.isdisjoint(self.operations):
            factor = Mux(self.passed, 1, factor)
        shape = signed(9) if "product" in self.operations else factor.shape()
        m.submodules.multiplier = multiplier = Multiplier(operand.shape(), shape, self.multiplier_in)
        m.d.comb += [multiplier.a.eq(operand), multiplier.b.eq(factor)]
        return multiplier.p

    def _fold(self, m: Module, term: Any, x: Any) -> None:
        """Fold the terms; ``clear`` does by the flip-flops' reset what a reset would do."""
        following = []
        if self.operations != {"max"}:
            total = Signal(signed(self.sum_width), reset_less=True)
            following.append((total, total + term))
        if "max" in self.operations:
            best = Signal(signed(8), init=INT8_MIN, reset_less=True)
            following.append((best, Mux(x > best, x, best)))
        result = Signal(signed(self.sum_width), reset_less=True)
        m.d.sync += result.eq(Mux(self.maximum, following[-1][1], following[0][1]))
        m.d.comb += self.result.eq(result)
        for state, value in following:
            with m.If(self.clear):
                m.d.sync += state.eq(state.init)
            with m.Elif(self.tap):
                m.d.sync += state.eq(value)
