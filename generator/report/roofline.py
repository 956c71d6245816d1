"""Roofline: attained multiply-accumulates a cycle under what multipliers and links allow.

S. Williams, A. Waterman, D. Patterson, "Roofline: an insightful visual performance model for multicore
architectures", Communications of the ACM 52(4), 2009. Feature maps and weights never leave the chip, so the
links are all the traffic that there is.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from .facts import Facts
from .markup import Markup, element
from .numbers import count, percent, quotient
from .svg import line, picture, text

__all__ = ["roofline_section"]

WIDTH, HEIGHT, LEFT, TOP, RIGHT, BOTTOM = 760, 340, 64, 14, 20, 46
# Bytes a cycle of each link.
LINK = 1

# From a value to a coordinate.
Axis = Callable[[float], float]


def roofline_section(facts: Facts) -> Markup:
    """The plot and what it says."""
    if not facts.macs or not facts.inputs.resources.multipliers:
        return element("section", element("h2", "Roofline"),
                       element("p", "No array multiplies, so there is no roof to draw."), id="roofline")
    sent, received = facts.link_bytes
    busier = "input" if sent >= received else "output"
    intensity = facts.macs / max(sent, received)
    attained, peak = facts.macs / facts.cycles, facts.inputs.resources.multipliers
    bound = min(peak, intensity * LINK)
    limit = "the multipliers" if peak <= intensity * LINK else f"the {busier} link"
    sentence = (f"{attained:.2f} of at most {bound:.4g} MACs a cycle ({percent(quotient(attained, bound))}), "
                f"{count(intensity, 1)} MACs for each byte on the {busier} link; the limit is {limit}.")
    return element(
        "section", element("h2", "Roofline"), element("p", sentence),
        element("figure", _plot(facts, intensity, attained), element(
            "figcaption", "The roof is level where the multipliers are the limit, a product a cycle in "
                          "each; it slopes where a link is, at one byte a cycle. Weights and feature "
                          "maps stay on the chip. Both axes are logarithmic.")),
        id="roofline")


def _plot(facts: Facts, intensity: float, attained: float) -> Markup:
    peak = facts.inputs.resources.multipliers
    board = facts.inputs.board
    most = max(peak, 0 if board is None else board.multipliers)
    x_low, x_high = _decades(min(intensity, peak) / 3, max(intensity, peak) * 3)
    y_low, y_high = _decades(max(min(attained, peak) / 3, 1e-6), most * 1.5)

    def x(value: float) -> float:
        return LEFT + (math.log10(value) - x_low) / (x_high - x_low) * (WIDTH - LEFT - RIGHT)

    def y(value: float) -> float:
        return HEIGHT - BOTTOM - (math.log10(value) - y_low) / (y_high - y_low) * (HEIGHT - TOP - BOTTOM)

    shapes = []
    for power in range(x_low, x_high + 1):
        shapes += [line(x(10.0 ** power), TOP, x(10.0 ** power), HEIGHT - BOTTOM, "tick"),
                   text(x(10.0 ** power), HEIGHT - BOTTOM + 16, _power(power), "quiet mid")]
    for power in range(y_low, y_high + 1):
        shapes += [line(LEFT, y(10.0 ** power), WIDTH - RIGHT, y(10.0 ** power), "tick"),
                   text(LEFT - 7, y(10.0 ** power) + 4, _power(power), "quiet end")]
    shapes += [text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, "MACs for each byte on the busier link", "mid"),
               element("text", "MACs a cycle", transform=f"translate(14 {HEIGHT / 2:.0f}) rotate(-90)",
                       class_="mid")]
    if board is not None and board.multipliers > peak:
        shapes.append(_roof(x, y, board.multipliers, (x_low, x_high, y_low), "limit"))
        shapes.append(text(WIDTH - RIGHT - 6, y(board.multipliers) - 6,
                           f"all {count(board.multipliers)} multipliers of the board", "quiet end"))
    shapes.append(_roof(x, y, peak, (x_low, x_high, y_low), "roof"))
    below = board is not None and peak < board.multipliers < 2 * peak
    shapes.append(text(WIDTH - RIGHT - 6, y(peak) + (16 if below else -6),
                       f"{count(peak)} array multipliers", "strong end"))
    bound = min(peak, intensity * LINK)
    shapes += [line(x(intensity), y(bound), x(intensity), y(attained), "guide"),
               element("circle", cx=x(intensity), cy=y(attained), r=6, class_="used"),
               text(x(intensity) + 12, y(attained) + 5, f"{attained:.2f} MACs a cycle", "strong")]
    return picture(WIDTH, HEIGHT, "Roofline plot", *shapes, least=480)


def _decades(low: float, high: float) -> tuple[int, int]:
    return math.floor(math.log10(low)), math.ceil(math.log10(high))


def _power(power: int) -> str:
    return count(10 ** power) if power >= 0 else f"{10.0 ** power:.{-power}f}"


def _roof(x: Axis, y: Axis, peak: int, limits: tuple[int, int, int], class_: str) -> Markup:
    """The slope of the links up to the ridge, then the level of the multipliers."""
    x_low, x_high, y_low = limits
    start = max(10.0 ** x_low, 10.0 ** y_low / LINK)
    corners = [(start, start * LINK), (peak / LINK, peak), (10.0 ** x_high, peak)]
    return element("polyline", points=" ".join(f"{x(a):.1f},{y(b):.1f}" for a, b in corners), class_=class_)
