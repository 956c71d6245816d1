"""Numbers as people read them."""

from __future__ import annotations

__all__ = ["TIMES", "bits", "count", "megahertz", "percent", "quotient", "rate", "seconds", "shape", "signed",
           "times"]


TIMES = "\N{MULTIPLICATION SIGN}"


def count(value: float, digits: int = 0) -> str:
    """An integer with thousands set off; up to ``digits`` decimals where it is none."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{digits}f}"


def percent(share: float) -> str:
    """A share of 1, with one decimal; never rounded up to 100."""
    shown = f"{100 * share:.1f}"
    return "99.9 %" if shown == "100.0" and share < 1 else f"{shown.removesuffix('.0')} %"


def quotient(part: float, whole: float) -> float:
    """``part / whole``, and 0 of nothing."""
    return part / whole if whole else 0.0


def times(*factors: int) -> str:
    """Sizes with a multiplication sign between."""
    return f" {TIMES} ".join(map(str, factors))


def shape(sizes: tuple[int, ...]) -> str:
    """Height, width and channels."""
    return times(*sizes)


def bits(value: int) -> str:
    """An amount of memory in the unit that suits it (1 Kbit = 1024 bits)."""
    return f"{value} bits" if value < 1024 else f"{value / 1024:,.1f} Kbit".replace(".0 ", " ")


def megahertz(value: float) -> str:
    """A frequency given in MHz."""
    return f"{value:.1f} MHz".replace(".0 ", " ")


def seconds(value: float) -> str:
    """A duration with three digits, in the unit that suits it."""
    for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)):
        if value * factor >= 1:
            return f"{value * factor:.3g} {unit}"
    return f"{value * 1e9:.3g} ns"


def rate(value: float) -> str:
    """Events a second, with three digits at least."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def signed(text: str) -> str:
    """A number in text with a real minus sign."""
    return text.replace("-", "\N{MINUS SIGN}")
