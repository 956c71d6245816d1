"""When it runs: the jobs from reset on, a steady period, and what every multiplier does in it."""

from __future__ import annotations

from collections import Counter

from .facts import EngineWork, Facts
from .gantt import gantt
from .legend import legend
from .markup import Markup, element, table
from .numbers import TIMES, count, percent, quotient
from .svg import box, picture, text
from .timeline import History, history

__all__ = ["timeline_section"]

# Jobs on a lane above which a part of the picture is drawn again, larger, with as many as these.
CROWDED = 40

# Pixels of a bar that are room for its number.
SHOWN = 52

# Attributes of EngineWork (and classes of the style), with their meaning.
PARTS = (("useful", "useful work"), ("edges", "lanes or columns without a channel"),
         ("holds", "holds between results"), ("idle", "no job ready"))


def timeline_section(facts: Facts) -> Markup:
    """Gantt charts and the use of the multipliers."""
    past = history(facts.schedule)
    layers = [(facts.colour(layer.name), layer.name) for layer in facts.plan.network.layers]
    figures = [
        _figure(facts, past, past.beginning, "The first frames after reset",
                "The pipeline fills, then frames follow each other. Dashed lines: a frame is out."),
        _figure(facts, past, past.steady, "One period of the steady state",
                f"{count(past.steady[1] - past.steady[0])} cycles. Numbers on the bars are output rows; "
                f"the grey of a lane is time without a job."),
    ]
    start, stop = past.steady
    lanes = Counter(job.actor for job in past.jobs if start <= job.start < stop)
    crowd = max(lanes.values())
    if crowd > CROWDED:
        zoomed = start, start + max((stop - start) * CROWDED // crowd, 1)
        figures.append(_figure(facts, past, zoomed, "The beginning of that period, enlarged",
                               f"{count(zoomed[1] - zoomed[0])} cycles."))
    return element(
        "section", element("h2", "Timeline of the row jobs"),
        element("p", "From the exact cycle model, with input at every cycle and an output that never waits. "
                     "Every other frame is pale. Rest the pointer on a bar to see layer, row and cycles."),
        legend([*layers, ("plain", "links and frames")]),
        *figures,
        element("h3", "What the multipliers do"),
        element("p", "All multiplier cycles of one frame time. Taps in the padding count as useful, as "
                     "they do in the number of MACs. Lanes of channel engines count like multipliers: their "
                     "additions and comparisons are useful work here, but no MACs."),
        legend(PARTS), _use(facts), _use_table(facts),
        id="timeline")


def _figure(facts: Facts, past: History, window: tuple[int, int], title: str, caption: str) -> Markup:
    return element("figure", element("h3", title), gantt(facts, past, window, title),
                   element("figcaption", caption))


def _shares(work: EngineWork) -> list[tuple[str, str, float]]:
    return [(key, meaning, quotient(getattr(work, key), work.total)) for key, meaning in PARTS]


def _use(facts: Facts) -> Markup:
    """One bar an engine, as thick as it has multipliers."""
    left, plot = 128, 880
    most = max(work.engine.positions for work in facts.engines)
    shapes: list[Markup] = []
    y = 4.0
    for work in facts.engines:
        height = 16 + 20 * work.engine.positions / most
        shapes.append(text(0, y + height / 2 + 4, work.engine.name, room=left - 8))
        x = float(left)
        for key, meaning, share in _shares(work):
            width = plot * share
            shown = percent(share)
            shapes.append(box(x, y, width, height, key, title=f"{work.engine.name}: {shown} {meaning}"))
            if width > SHOWN:
                shapes.append(text(x + width / 2, y + height / 2 + 4, shown,
                                   "mid" if key == "idle" else "on mid"))
            x += width
        shapes.append(text(left + plot + 8, y + height / 2 + 4, f"{TIMES} {work.engine.positions}",
                           "quiet"))
        y += height + 8
    return element("figure", picture(left + plot + 48, y, "Use of the multipliers", *shapes, least=560))


def _use_table(facts: Facts) -> Markup:
    rows = [[work.engine.name, count(work.engine.positions), count(work.total, 1),
             *(percent(share) for _, _, share in _shares(work))] for work in facts.engines]
    total = sum(work.total for work in facts.engines)
    sums = [sum(getattr(work, key) for work in facts.engines) for key, _ in PARTS]
    return table(["Engine", "Multipliers", "Multiplier cycles", "Useful", "Empty places", "Holds", "Idle"],
                 rows, foot=["All", count(sum(work.engine.positions for work in facts.engines)), count(total, 1),
                             *(percent(quotient(part, total)) for part in sums)])
