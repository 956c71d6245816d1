"""One-hot choices: quicker than those by a number, which has to be decoded first."""

from collections.abc import Iterable
from functools import reduce
from operator import or_

from amaranth.hdl import Mux, Value

__all__ = ["choose"]


def choose(one_hot: Iterable[Value], choices: Iterable[Value]) -> Value:
    """The choice that the one-hot names, 0 if none."""
    return reduce(or_, (Mux(which, choice, 0) for which, choice in zip(one_hot, choices, strict=True)))
