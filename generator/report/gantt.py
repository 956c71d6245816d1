"""Gantt: bars on one lane for each engine and link, frames above, over a ruler of cycles."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ..planner.explanation import place
from .facts import Facts
from .markup import Markup, join
from .numbers import count
from .svg import box, line, nice_steps, picture, text, width_of
from .timeline import Bar, FrameSpan, History, bars

__all__ = ["gantt"]

LEFT, RIGHT, PLOT = 104, 12, 1004
LANE, LANE_GAP, SPAN, RULER = 24, 6, 17, 20
# Pixels below which jobs are drawn as one, and above which they are parted by a seam.
RESOLUTION, SEAM = 3.0, 5.0


def gantt(facts: Facts, past: History, window: tuple[int, int], label: str) -> Markup:
    """The jobs of ``past`` in ``window``. Every other frame is pale, so that frames can be told apart."""
    scale = PLOT / (window[1] - window[0])
    actors = [actor.name for actor in facts.schedule.actors]
    frames = [frame for frame in past.frames if frame.start < window[1] and frame.stop > window[0]]
    rows = _stack(frames)
    top = 4 + SPAN * (max(rows.values(), default=0) + 1) + 8
    lanes = {name: top + index * (LANE + LANE_GAP) for index, name in enumerate(actors)}
    bottom = top + len(actors) * (LANE + LANE_GAP)

    def at(cycle: float) -> float:
        return LEFT + (min(max(cycle, window[0]), window[1]) - window[0]) * scale

    shapes = [text(0, 15, "frames", "quiet")]
    shapes += [_frame(frame, at(frame.start), at(frame.stop), 4 + SPAN * rows[frame.frame])
               for frame in frames]
    for cycle in nice_steps(window[0], window[1], 10):
        shapes += [line(at(cycle), top - 3, at(cycle), bottom, "tick"),
                   text(at(cycle), bottom + 14, count(cycle), _anchor(at(cycle)))]
    for name, y in lanes.items():
        shapes += [text(0, y + LANE / 2 + 4, place(name), room=LEFT - 6),
                   box(LEFT, y, PLOT, LANE, "lane")]
    for bar in bars(past.jobs, window, RESOLUTION / scale):
        shapes.append(_bar(facts, bar, at(bar.start), at(bar.stop), lanes[bar.actor], past.rows))
    for frame in frames:
        if window[0] < frame.stop <= window[1]:
            shapes.append(line(at(frame.stop), top - 8, at(frame.stop), bottom, "frame"))
    shapes.append(text(LEFT + PLOT, bottom + 14 + RULER - 4, "cycles since reset", "quiet end"))
    return picture(LEFT + PLOT + RIGHT, bottom + 14 + RULER, label, *shapes, least=820)


def _anchor(x: float) -> str:
    """Labels at the edges stay inside."""
    return "quiet" if x < LEFT + 12 else "quiet end" if x > LEFT + PLOT - 12 else "quiet mid"


def _stack(frames: Sequence[FrameSpan]) -> Mapping[int, int]:
    """A row for each frame, so that those under way at the same time stand below each other."""
    ends: list[int] = []
    rows = {}
    for frame in frames:
        row = next((index for index, end in enumerate(ends) if end <= frame.start), len(ends))
        ends[row:row + 1] = [frame.stop]
        rows[frame.frame] = row
    return rows


def _frame(frame: FrameSpan, x1: float, x2: float, y: float) -> Markup:
    name, odd = f"frame {frame.frame + 1}", " odd" * (frame.frame % 2)
    title = (f"{name}: first byte in at cycle {count(frame.start)}, last byte out at {count(frame.stop - 1)} "
             f"({count(frame.stop - frame.start)} cycles)")
    shapes = [box(x1, y, max(x2 - x1, 1), SPAN - 3, f"bar plain{odd}", title=title, radius=2)]
    if x2 - x1 > width_of(name):
        shapes.append(text(x1 + 5, y + 11, name, f"on{odd}"))
    return join(shapes)


def _bar(facts: Facts, bar: Bar, x1: float, x2: float, y: float, rows: Mapping[str, int]) -> Markup:
    of = rows[bar.layer]
    which = (f"row {bar.first_row + 1} of {of}" if bar.jobs == 1
             else f"rows {bar.first_row + 1} to {bar.last_row + 1} of {of}")
    title = (f"{place(bar.layer)}, frame {bar.frame + 1}, {which}: cycles {count(bar.start)} to "
             f"{count(bar.stop - 1)} ({count(bar.stop - bar.start)})")
    odd = " odd" * (bar.frame % 2)
    # A seam, drawn as a gap, lets adjacent jobs be told apart.
    width = x2 - x1 - (0.8 if x2 - x1 > SEAM else 0)
    shapes = [box(x1, y + 2, max(width, 1.2), LANE - 4, f"bar {facts.colour(bar.layer)}{odd}", title=title)]
    rows_text = str(bar.first_row + 1) if bar.jobs == 1 else f"{bar.first_row + 1}-{bar.last_row + 1}"
    full = f"{bar.layer} {rows_text}" if bar.layer in facts.colours else rows_text
    for content in (full, rows_text):
        if width > width_of(content) + 4:
            shapes.append(text(x1 + width / 2, y + LANE / 2 + 4, content, f"on mid{odd}"))
            break
    return join(shapes)
