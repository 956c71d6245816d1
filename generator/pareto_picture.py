"""The picture of the plans that no other found beats: cycles against multipliers, block RAMs and LUTs."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from .figures import count
from .planner import Point
from .report.markup import Markup, element
from .report.svg import line, text

__all__ = ["pareto_picture"]

PANEL, HEIGHT, LEFT, TOP, GAP, BOTTOM = 270, 360, 76, 46, 26, 48
# Where nothing stands on a logarithmic axis.
NOTHING = 0.5

STYLE = Markup(
    "svg { background: #ffffff; font-family: system-ui, sans-serif } text { fill: #17202c; font-size: 12px } "
    "text.quiet { fill: #566273; font-size: 11px } text.strong { font-weight: 650 } "
    "text.mid { text-anchor: middle } text.end { text-anchor: end } line { stroke: #d3d9e2 } "
    "circle { fill: #748092 } circle.best { fill: #1f66b1 } "
    "polyline { fill: none; stroke: #1f66b1; stroke-width: 1.5 }")


@dataclass(frozen=True)
class _Axis:
    """A logarithmic axis from ``low`` to ``high``, drawn from ``start`` to ``end``."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        share = math.log(max(value, NOTHING) / self.low) / math.log(self.high / self.low)
        return self.start + share * (self.end - self.start)

    @property
    def ticks(self) -> list[int]:
        """Round numbers; only powers of ten where there would be many."""
        decades = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
        found = [int(factor * 10 ** decade) for decade in decades if decade >= 0 for factor in (1, 2, 5)
                 if self.low <= factor * 10 ** decade <= self.high]
        if len(found) > 7:
            found = [tick for tick in found if str(tick).strip("0") == "1"]
        return [0, *found] if self.low <= NOTHING else found


def _axis(values: Sequence[float], start: float, end: float) -> _Axis:
    """One with some room at both ends."""
    low, high = max(min(values), NOTHING), max(*values, 1)
    return _Axis(low / 1.25 if low > NOTHING else NOTHING, high * 1.25, start, end)


def pareto_picture(name: str, points: Sequence[Point]) -> str:
    """An SVG file; in each panel the plans are joined that none beats in what it shows."""
    measures: tuple[tuple[str, Callable[[Point], int]], ...] = (
        ("array multipliers", lambda point: point.multipliers),
        ("block RAMs", lambda point: point.block_rams),
        ("LUTs (estimate)", lambda point: point.luts))
    y = _axis([point.cycles for point in points], HEIGHT - BOTTOM, TOP)
    width = LEFT + len(measures) * (PANEL + GAP)
    shapes: list[Markup] = [
        text(width / 2, 20, f"Plans for {name} that no other found beats", "strong mid"),
        element("text", "cycles an inference", transform=f"translate(16 {(TOP + HEIGHT - BOTTOM) / 2:.0f}) "
                                                         f"rotate(-90)", class_="mid")]
    shapes += [text(LEFT - 7, y(tick) + 4, count(tick), "quiet end") for tick in y.ticks]
    for number, (what, measure) in enumerate(measures):
        left = LEFT + number * (PANEL + GAP)
        shapes += _panel(points, what, measure, left, y)
    return element("svg", element("style", STYLE), *shapes, xmlns="http://www.w3.org/2000/svg", role="img",
                   aria_label=f"Cycles of the plans for {name} against what they take",
                   viewBox=f"0 0 {width} {HEIGHT}", width=width, height=HEIGHT) + "\n"


def _panel(points: Sequence[Point], what: str, measure: Callable[[Point], int], left: float,
           y: _Axis) -> list[Markup]:
    """Cycles against one measure."""
    right = left + PANEL
    x = _axis([measure(point) for point in points], left, right)
    shapes = [line(left, y(tick), right, y(tick), "tick") for tick in y.ticks]
    for tick in x.ticks:
        shapes += [line(x(tick), TOP, x(tick), HEIGHT - BOTTOM, "tick"),
                   text(x(tick), HEIGHT - BOTTOM + 16, count(tick), "quiet mid")]
    shapes.append(text(left + PANEL / 2, HEIGHT - 10, what, "mid"))
    best: list[Point] = []
    for point in sorted(points, key=lambda point: (measure(point), point.cycles)):
        if not best or point.cycles < best[-1].cycles:
            best.append(point)
    corners: list[tuple[float, float]] = []
    for point in best:
        # What lies between two plans gets no further than the smaller of them.
        if corners:
            corners.append((x(measure(point)), corners[-1][1]))
        corners.append((x(measure(point)), y(point.cycles)))
    corners.append((right, corners[-1][1]))
    shapes.append(element("polyline", points=" ".join(f"{a:.1f},{b:.1f}" for a, b in corners)))
    for point in points:
        hint = f"{count(point.cycles, 1)} cycles, {count(measure(point))} {what}"
        shapes.append(element("circle", element("title", hint), cx=x(measure(point)), cy=y(point.cycles), r=4,
                              class_="best" if point in best else None))
    return shapes
