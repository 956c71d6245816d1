"""Counters that know the answer early: it is a sign bit, a flip-flop that nothing has to be compared for."""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, ValueLike

__all__ = ["any_left", "last_of"]


def last_of(m: Module, steps: int, step: ValueLike, name: str, *, restart: ValueLike = 0) -> Value:
    """High for the last of every ``steps`` steps: from the step before it on, until it is done.

    Counts down to -1, of which the sign bit tells, and from there back to the start by the same sum.
    ``restart`` begins anew at once.
    """
    if steps == 1:
        return Const(1)
    left = Signal(range(-1, steps - 1), init=steps - 2, name=f"{name}_left")
    last = left[-1]
    with m.If(restart):
        m.d.sync += left.eq(left.init)
    with m.Elif(step):
        m.d.sync += left.eq(left + Mux(last, steps - 1, -1))
    return last


def any_left(m: Module, limit: int, *, added: ValueLike, taken: ValueLike, name: str, init: int = 0) -> Value:
    """Whether there are any of what is ``added``, in any number a cycle, and ``taken``, one a cycle.

    There may be ``limit`` of them, and are ``init`` at first. Kept is one less than there are, so that the
    sign bit tells of none.
    """
    below = Signal(range(-1, limit), init=init - 1, name=f"{name}_below")
    added, taken = Value.cast(added), Value.cast(taken)
    # What is taken comes late: it has the last sum, and what is added one by one is the carry into it.
    rest, carry = (below, added) if len(added) == 1 else ((below + added)[:len(below)], Const(0, 1))
    total = Cat(Const(1, 1), rest) + Cat(carry, taken.replicate(len(below)))
    m.d.sync += below.eq(total[1:])
    return ~below[-1]
