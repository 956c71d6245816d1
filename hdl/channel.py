"""Channel array: each lane owns a channel and folds the taps of its window into one number."""

from collections.abc import Collection
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ChannelArray", "ChannelParams"]

INT8_MIN = -128


class ChannelParams:
    """Everything that fixes one channel array.

    Parameters
    ----------
    lanes : int
        Channels folded side by side.
    group : int
        Adjacent lanes that leave in one slot; divides the lanes.
    operations : collection of ``"sum"`` and ``"max"``
        What the lanes can do; a beat chooses with ``maximum`` where both are built.
    sum_width : int
        Width in bits of the results, at least 8.
    """

    def __init__(self, *, lanes: int, group: int, operations: Collection[str], sum_width: int) -> None:
        if lanes < 1 or group < 1 or lanes % group:
            raise ValueError(f"Channel group must divide the {lanes} lanes, not {group}")
        if not operations or not set(operations) <= {"sum", "max"}:
            raise ValueError(f"Channel operations must be among 'sum' and 'max', not {sorted(operations)}")
        if sum_width < 8:
            raise ValueError(f"Channel sum width must be at least 8, not {sum_width}")
        self.lanes, self.group, self.operations = lanes, group, frozenset(operations)
        self.sum_width = sum_width
        self.groups = lanes // group
        self.sums = data.ArrayLayout(signed(sum_width), group)
        self.beat = data.StructLayout({
            "x": data.ArrayLayout(signed(8), lanes), "maximum": 1, "tap": 1, "last": 1})

    @property
    def latency(self) -> int:
        """Cycles from the last beat of a window to its first slot."""
        return ChannelArray.LATENCY


class ChannelArray(wiring.Component):
    """``lanes`` channels a cycle, each folding its taps into a sum or a maximum.

    The results of a window move into a shift register at once and leave one slot of ``group`` lanes a
    cycle, from the highest group to group 0, just as those of :class:`~gatecast.hdl.systolic.SystolicArray`.
    Windows whose last taps are at least ``groups`` cycles apart never meet in it.

    ===========  ====================================================================
    Throughput   a tap a cycle
    Latency      :attr:`LATENCY` from a window's last tap to its first slot
    Backpressure none
    ===========  ====================================================================

    Members
    -------
    beat : ``In``
        One tap: the values of all lanes and the marks, see :attr:`ChannelParams.beat`.
    slot : ``Out``
        The results of one group, valid for one cycle while ``slot_valid``.
    """

    # The register of the results, and the shift register.
    LATENCY = 2

    beat: Any
    slot: Any
    slot_valid: Any

    def __init__(self, params: ChannelParams) -> None:
        self.params = params
        super().__init__({"beat": In(params.beat), "slot": Out(params.sums), "slot_valid": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        params = self.params
        results = []
        for lane in range(params.lanes):
            x = self.beat.x[lane]
            result = Signal(signed(params.sum_width), name=f"result_{lane}", reset_less=True)
            folded = []
            if "sum" in params.operations:
                total = Signal(signed(params.sum_width), name=f"total_{lane}")
                folded.append(self._fold(m, total, total + x, empty=0))
            if "max" in params.operations:
                best = Signal(signed(8), name=f"best_{lane}", init=INT8_MIN)
                folded.append(self._fold(m, best, Mux(x > best, x, best), empty=INT8_MIN))
            m.d.sync += result.eq(Mux(self.beat.maximum, folded[-1], folded[0]))
            results.append(result)
        done = Signal()
        m.d.sync += done.eq(self.beat.last)

        waiting = Signal(params.sums.size * params.groups, reset_less=True)
        waiting_valid = Signal(params.groups)
        with m.If(done):
            m.d.sync += [waiting.eq(Cat(results)), waiting_valid.eq(~0)]
        with m.Else():
            m.d.sync += [waiting.eq(waiting << params.sums.size), waiting_valid.eq(waiting_valid << 1)]
        m.d.comb += [
            Value.cast(self.slot).eq(waiting[-params.sums.size:]),
            self.slot_valid.eq(waiting_valid[-1]),
        ]
        return m

    def _fold(self, m: Module, state: Signal, following: Any, *, empty: int) -> Any:
        """Keep ``following`` in ``state`` at each tap and start over after the last one."""
        with m.If(self.beat.last):
            m.d.sync += state.eq(empty)
        with m.Elif(self.beat.tap):
            m.d.sync += state.eq(following)
        return following
