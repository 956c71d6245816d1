"""The asynchronous serial line: bytes in and out of two wires, 8 data bits, no parity, 1 stop bit."""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import stream, wiring
from amaranth.lib.cdc import FFSynchronizer
from amaranth.lib.wiring import In, Out

from .counters import last_of

__all__ = ["MIN_DIVISOR", "UartReceiver", "UartTransmitter", "check_divisor", "uart_divisor"]

# Fewer clock cycles a bit leave too little room for the error of the sampling point.
MIN_DIVISOR = 8
# A receiver loses a byte when both ends differ by about half a bit in 9.5; this is half of that, for one end.
MAX_BAUD_ERROR = 0.02


def uart_divisor(clock_hz: float, baud: int) -> int:
    """Clock cycles a bit, rounded; ``ValueError`` where `clock_hz` cannot give `baud` within 2 %."""
    divisor = round(clock_hz / baud)
    if divisor < MIN_DIVISOR:
        raise ValueError(f"{baud} baud need a clock of at least {baud * MIN_DIVISOR / 1e6:g} MHz, "
                         f"not {clock_hz / 1e6:g} MHz")
    error = clock_hz / divisor / baud - 1
    if abs(error) > MAX_BAUD_ERROR:
        raise ValueError(f"{baud} baud cannot be made from {clock_hz / 1e6:g} MHz: "
                         f"dividing by {divisor} is {error:+.1%} off")
    return divisor


def check_divisor(divisor: int) -> None:
    """Refuse a divisor that the receiver below cannot sample with, by ``ValueError``."""
    if divisor < MIN_DIVISOR:
        raise ValueError(f"divisor must be at least {MIN_DIVISOR}, not {divisor}")


class UartTransmitter(wiring.Component):
    """Sends the bytes of a stream, least significant bit first, back to back while there are any.

    ===========  =============================================================
    Throughput   one byte in ``10 * divisor + 1`` cycles
    Latency      the start bit begins 1 cycle after the transfer
    Backpressure `i` is ready while no byte is being sent
    Reset        the line rests (high) at once; a byte being sent is cut short
    ===========  =============================================================

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, at least `MIN_DIVISOR`.

    Members
    -------
    i : ``In(stream.Signature(8))``
        Bytes to send.
    tx : ``Out(1)``
        The wire; rests high.
    """

    i: stream.Interface
    tx: Signal

    def __init__(self, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"i": In(stream.Signature(8)), "tx": Out(1, init=1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        busy = Signal()
        shifter = Signal(8, reset_less=True)
        bit_end = busy & last_of(m, self.divisor, busy, "bit")
        byte_end = last_of(m, 10, bit_end, "byte")
        m.d.comb += self.i.ready.eq(~busy)

        with m.If(~busy):
            m.d.sync += [self.tx.eq(~self.i.valid), busy.eq(self.i.valid), shifter.eq(self.i.payload)]
        with m.Elif(bit_end):
            # Behind the data bits comes the stop bit, and the line rests as high as it is.
            m.d.sync += [self.tx.eq(shifter[0]), shifter.eq(Cat(shifter[1:], 1)), busy.eq(~byte_end)]
        return m


class UartReceiver(wiring.Component):
    """Recovers bytes from the wire: two synchronising registers, then one sample in the middle of each bit.

    A start bit that is high again in its middle is taken for a glitch and ignored. A byte whose stop bit is
    low is dropped and `error` strobes; the next start bit is looked for once the line was high again.
    It waits for the next start bit from the middle of the stop bit on, so a sender may be faster or slower
    than `divisor` says: by about 4 % at 40 cycles a bit, by 2 % at 8.

    There is no backpressure: `valid` strobes for one cycle, about half a bit before the byte's end.

    Parameters
    ----------
    divisor : int
        Clock cycles a bit, at least `MIN_DIVISOR`.

    Members
    -------
    rx : ``In(1)``
        The wire, asynchronous; rests high.
    data : ``Out(8)``
        The byte, while `valid`.
    valid : ``Out(1)``
        Strobe: a byte arrived.
    error : ``Out(1)``
        Strobe: a byte without a stop bit was dropped (framing error).
    """

    rx: Signal
    data: Signal
    valid: Signal
    error: Signal

    def __init__(self, divisor: int) -> None:
        check_divisor(divisor)
        self.divisor = divisor
        super().__init__({"rx": In(1, init=1), "data": Out(8), "valid": Out(1), "error": Out(1)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        line = Signal(init=1)
        m.submodules.synchronizer = FFSynchronizer(self.rx, line, init=1)

        # Negative where a bit is to be sampled.
        timer = Signal(range(-1, self.divisor - 1), init=self.divisor // 2 - 2)
        sample = timer[-1]
        in_bits = Signal()
        byte_end = last_of(m, 9, in_bits & sample, "byte")
        shifter = Signal(8, reset_less=True)
        m.d.comb += self.data.eq(shifter)
        m.d.sync += [self.valid.eq(0), self.error.eq(0),
                     timer.eq(timer + Mux(sample, self.divisor - 1, -1))]

        with m.FSM():
            # After reset too, so that a byte which was under way is not taken for a start bit.
            with m.State("recover"), m.If(line):
                m.next = "idle"
            with m.State("idle"):
                # Seen low now: the middle of the start bit is half a bit away, less this cycle.
                m.d.sync += timer.eq(timer.init)
                with m.If(~line):
                    m.next = "start"
            with m.State("start"), m.If(sample):
                m.next = "bits"
                with m.If(line):
                    m.next = "idle"
            with m.State("bits"):
                m.d.comb += in_bits.eq(1)
                with m.If(sample):
                    with m.If(byte_end):
                        m.d.sync += [self.valid.eq(line), self.error.eq(~line)]
                        m.next = "recover"
                    with m.Else():
                        m.d.sync += shifter.eq(Cat(shifter[1:], line))
        return m
