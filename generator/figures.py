"""Figures as people read them, on the terminal and in the report."""

from __future__ import annotations

__all__ = ["count", "percent"]


def count(value: float, digits: int = 0) -> str:
    """An integer with thousands set off; up to ``digits`` decimals where it is none."""
    if float(value).is_integer():
        return f"{int(value):,}"
    return f"{value:,.{digits}f}"


def percent(share: float, digits: int = 1) -> str:
    """A share of 1, with at most ``digits`` decimals; what is not all or nothing never looks like it."""
    least = 10.0 ** -digits
    shown = f"{100 * share:.{digits}f}"
    if float(shown) == 100 and share < 1:
        shown = f"{100 - least:.{digits}f}"
    elif float(shown) == 0 and share > 0:
        shown = f"<{least:.{digits}f}"
    return f"{shown.removesuffix('.' + digits * '0')} %"
