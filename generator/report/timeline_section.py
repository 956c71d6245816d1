"""When it runs: the jobs from reset on, a steady period, and what every place of the arrays does in it."""

from __future__ import annotations

from collections import Counter

from ..planner.work import EngineWork
from .facts import Facts
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

# Classes of the style, with their meaning: the four parts of EngineWork in their order.
PARTS = (("useful", "useful work"), ("edges", "lanes or columns without a channel"),
         ("holds", "holds between results and after short jobs"), ("idle", "no job ready"))


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
        element("h3", "What the arrays do"),
        element("p", "One frame time of every place in the arrays: a multiplier, or a lane that only adds or "
                     "compares. Taps in the padding count as useful, as they do in the number of MACs; "
                     "additions and comparisons are useful work here, but no MACs."),
        legend(PARTS), _use(facts), _use_table(facts),
        id="timeline")


def _figure(facts: Facts, past: History, window: tuple[int, int], title: str, caption: str) -> Markup:
    return element("figure", element("h3", title), gantt(facts, past, window, title),
                   element("figcaption", caption))


def _parts(work: EngineWork) -> tuple[float, ...]:
    """Cycles of one frame time, as in :data:`PARTS`."""
    return work.useful_cycles, work.edge_cycles, work.hold_cycles, work.waiting_cycles


def _shares(work: EngineWork) -> list[tuple[str, str, float]]:
    return [(key, meaning, part / work.cycles)
            for (key, meaning), part in zip(PARTS, _parts(work), strict=True)]


def _use(facts: Facts) -> Markup:
    """One bar an engine, as thick as its array has places."""
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
    return element("figure", picture(left + plot + 48, y, "Use of the arrays", *shapes, least=560))


def _use_table(facts: Facts) -> Markup:
    rows = [[work.engine.name, count(work.engine.positions),
             count(facts.cells[work.engine.name].multipliers), count(work.engine.positions * work.cycles, 1),
             *(percent(share) for _, _, share in _shares(work))] for work in facts.engines]
    places = sum(work.engine.positions for work in facts.engines)
    sums = [sum(work.engine.positions * _parts(work)[part] for work in facts.engines)
            for part in range(len(PARTS))]
    return table(["Engine", "Places", "Multipliers", "Cycles of all places", "Useful", "Empty places",
                  "Holds", "Idle"], rows,
                 foot=["All", count(places), count(facts.inputs.resources.multipliers),
                       count(places * facts.cycles, 1),
                       *(percent(quotient(part, places * facts.cycles)) for part in sums)])
