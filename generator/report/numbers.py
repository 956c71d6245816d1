"""Numbers as people read them."""

from __future__ import annotations

from .. import figures
from ..figures import count

__all__ = ["CELLS", "TIED", "TIMES", "bits", "count", "megahertz", "percent", "quotient", "rate", "seconds",
           "shape", "signed", "times"]


TIMES = "\N{MULTIPLICATION SIGN}"
# Between a number and what belongs to it, where no line may end.
TIED = "\N{NO-BREAK SPACE}"
# What the kinds of cells in a plan are called.
CELLS = {"dsp": "DSP blocks", "block": "block RAM", "lut": "LUTs"}


def percent(share: float) -> str:
    """A share of 1, with one decimal."""
    return figures.percent(share).replace(" ", TIED)


def quotient(part: float, whole: float) -> float:
    """``part / whole``, and 0 of nothing."""
    return part / whole if whole else 0.0


def times(*factors: int) -> str:
    """Sizes with a multiplication sign between."""
    return f"{TIED}{TIMES}{TIED}".join(map(str, factors))


def shape(sizes: tuple[int, ...]) -> str:
    """Height, width and channels."""
    return times(*sizes)


def bits(value: int) -> str:
    """An amount of memory in the unit that suits it (1 Kbit = 1024 bits)."""
    if value < 1024:
        return f"{value}{TIED}bits"
    return f"{value / 1024:,.1f}".removesuffix(".0") + f"{TIED}Kbit"


def megahertz(value: float) -> str:
    """A frequency given in MHz."""
    return f"{value:.1f}".removesuffix(".0") + f"{TIED}MHz"


def seconds(value: float) -> str:
    """A duration with three digits, in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g}{TIED}{unit}"
    return f"{value * 1e9:.3g}{TIED}ns"


def rate(value: float) -> str:
    """Events a second, with three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def signed(text: str) -> str:
    """A number in text with a real minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
