"""SVG: the few shapes that all pictures are made of."""

from __future__ import annotations

import math

from .markup import Markup, element, shorten

__all__ = ["arrow", "box", "line", "nice_steps", "picture", "route", "text", "width_of"]

# Mean width of a character on the safe side: small as on bars, as usual, and of one that stands out.
SMALL, USUAL, STRONG = 6.4, 7.0, 7.8


def picture(width: float, height: float, label: str, *shapes: str, least: float = 0) -> Markup:
    """A drawing that fills the page up to its own width; below ``least`` pixels it scrolls.

    ``label`` says in words what the picture shows, for those who cannot see it.
    """
    size = f"max-width:{width:.0f}px" + (f";min-width:{least:.0f}px" if least else "")
    drawing = element("svg", *shapes, xmlns="http://www.w3.org/2000/svg", role="img", aria_label=label,
                      viewBox=f"0 0 {width:.0f} {height:.0f}", style=size)
    return element("div", drawing, class_="scroll", tabindex=0)


def box(x: float, y: float, width: float, height: float, class_: str, *, title: str | None = None,
        radius: float | None = None) -> Markup:
    """A rectangle; ``title`` appears when the pointer rests on it."""
    hint = () if title is None else (element("title", title),)
    return element("rect", *hint, x=x, y=y, width=width, height=height, rx=radius, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def text(x: float, y: float, content: str, class_: str | None = None, *, room: float | None = None) -> Markup:
    """Text on the baseline ``y``, shortened to ``room`` pixels; the whole text appears under the pointer."""
    classes = (class_ or "").split()
    width = STRONG if "strong" in classes else SMALL if "quiet" in classes else USUAL
    shown = content if room is None else shorten(content, max(int(room / width), 1))
    hint = () if shown == content else (element("title", content),)
    return element("text", shown, *hint, x=x, y=y, class_=class_)


def arrow(x: float, y: float, direction: float = 0) -> Markup:
    """The tip of an arrow at a point; ``direction`` in degrees, 0 to the right, 90 down."""
    points = []
    for dx, dy in ((0, 0), (-8, -4), (-8, 4)):
        angle = math.radians(direction)
        points.append(f"{x + dx * math.cos(angle) - dy * math.sin(angle):.1f},"
                      f"{y + dx * math.sin(angle) + dy * math.cos(angle):.1f}")
    return element("polygon", points=" ".join(points), class_="tip")


def width_of(content: str) -> float:
    """Room that ``content`` takes on a bar, about."""
    return len(content) * SMALL


def nice_steps(low: float, high: float, about: int) -> list[int]:
    """Round integers from ``low`` to ``high``, about as many as asked for: steps of 1, 2 or 5 tens."""
    rough = max((high - low) / about, 1)
    power = 10 ** math.floor(math.log10(rough))
    step = next(int(factor * power) for factor in (1, 2, 5, 10) if factor * power >= rough)
    return list(range(-(-math.ceil(low) // step) * step, math.floor(high) + 1, step))


def route(*points: tuple[float, float]) -> Markup:
    """Straight lines from point to point: the way of data."""
    return element("polyline", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in points), class_="edge")
