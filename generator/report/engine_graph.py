"""The accelerator as a picture: links and engines, and the feature memories between them."""

from __future__ import annotations

from ..planner.plan import SINK, SOURCE
from ..planner.work import EngineWork
from .facts import Facts
from .markup import Markup, element, join
from .numbers import CELLS, bits, times
from .svg import arrow, box, picture, route, text

__all__ = ["engine_graph"]

LINK_WIDTH, WIDTH, GAP = 92, 168, 64
# Of layers that an engine's box names; more are counted.
NAMED = 6
# Height of a layer's line, and of a level of arrows.
LAYER, STEP = 17, 24


def engine_graph(facts: Facts) -> Markup:
    """Engines in the order of the plan; memories are arrows with the numbers that the table has."""
    order = [SOURCE, *(work.engine.name for work in facts.engines), SINK]
    height = 66 + LAYER * max(min(len(work.layers), NAMED + 1) for work in facts.engines)
    spans = [(order.index(memory.writer), order.index(memory.reader)) for memory in facts.memories]
    over = _levels({span for span in spans if span[1] >= span[0] and span[1] != span[0] + 1})
    under = _levels({span for span in spans if span[1] < span[0]})
    top = 14 + STEP * max(over.values(), default=0)
    left = 2
    places: dict[str, tuple[int, int]] = {}
    for name in order:
        width = LINK_WIDTH if name in (SOURCE, SINK) else WIDTH
        places[name] = (left, width)
        left += width + GAP
    shapes = [_link(places[SOURCE][0], top, height, "input", facts.network.input),
              _link(places[SINK][0], top, height, "output", facts.network.output)]
    shapes += [_engine(facts, work, places[work.engine.name][0], top, height) for work in facts.engines]
    for number, (memory, span) in enumerate(zip(facts.memories, spans, strict=True), start=1):
        size = bits(8 * memory.params.words * memory.params.word_bytes)
        title = f"memory {number}: {', '.join(memory.regions)}; {size} in {CELLS[memory.params.kind]}"
        writer, reader = places[memory.writer], places[memory.reader]
        if span in over:
            shapes.append(_around(number, title, writer, reader, top, -STEP * over[span]))
        elif span in under:
            shapes.append(_around(number, title, writer, reader, top + height, STEP * under[span]))
        else:
            shapes.append(_straight(number, title, writer, reader, top + height / 2))
    width = left - GAP + 2
    return picture(width, top + height + 14 + STEP * max(under.values(), default=0),
                   "Engines and the feature memories between them", *shapes, least=width * 0.72)


def _levels(spans: set[tuple[int, int]]) -> dict[tuple[int, int], int]:
    """Levels from 1 for arrows from column to column, short ones inside, so that none lies on another."""
    levels: dict[tuple[int, int], int] = {}
    for span in sorted(spans, key=lambda span: (abs(span[1] - span[0]), span)):
        met = [level for other, level in levels.items()
               if min(other) <= max(span) and min(span) <= max(other)]
        levels[span] = max(met, default=0) + 1
    return levels


def _link(x: float, top: float, height: float, name: str, tensor: str) -> Markup:
    return join([
        box(x, top, LINK_WIDTH, height, "panel", radius=20),
        text(x + LINK_WIDTH / 2, top + height / 2 - 4, name, "strong mid"),
        text(x + LINK_WIDTH / 2, top + height / 2 + 13, tensor, "quiet mid", room=LINK_WIDTH - 8)])


def _engine(facts: Facts, work: EngineWork, x: float, top: float, height: float) -> Markup:
    engine = work.engine
    size = (f"{times(engine.lanes, engine.columns)} array, group {engine.group}" if engine.kind == "systolic"
            else f"{engine.lanes} channel lane{'s' * (engine.lanes != 1)}")
    shapes = [box(x, top, WIDTH, height, "panel", radius=6),
              text(x + 12, top + 22, engine.name, "strong", room=WIDTH - 18),
              text(x + 12, top + 38, size, "quiet", room=WIDTH - 18)]
    shown = work.layers if len(work.layers) <= NAMED + 1 else work.layers[:NAMED]
    y = top + 60
    for layer in shown:
        shapes += [box(x + 12, y - 9, 10, 10, facts.colour(layer.layer.name), radius=2),
                   text(x + 28, y, layer.layer.name, room=WIDTH - 36)]
        y += LAYER
    if len(shown) < len(work.layers):
        shapes.append(text(x + 28, y, f"and {len(work.layers) - len(shown)} more", "quiet"))
    return join(shapes)


def _straight(number: int, title: str, writer: tuple[int, int], reader: tuple[int, int], y: float) -> Markup:
    """To the neighbour on the right."""
    x1, x2 = writer[0] + writer[1], reader[0]
    return join([route((x1, y), (x2, y)), arrow(x2, y), _badge((x1 + x2) / 2 - 4, y, number, title)])


def _around(number: int, title: str, writer: tuple[int, int], reader: tuple[int, int], edge: float,
            reach: float) -> Markup:
    """Out of one edge of the boxes, over (or under) what is between, and in again."""
    if writer == reader:
        share, back = 0.62, 0.38
    else:
        # Out on the side towards the reader, in on the side towards the writer, so arrows keep apart.
        share, back = (0.8, 0.2) if reach < 0 else (0.2, 0.8)
    x1, x2, y = writer[0] + writer[1] * share, reader[0] + reader[1] * back, edge + reach
    return join([route((x1, edge), (x1, y), (x2, y), (x2, edge)), arrow(x2, edge, 90 if reach < 0 else -90),
                 _badge((x1 + x2) / 2, y, number, title)])


def _badge(x: float, y: float, number: int, title: str) -> Markup:
    circle = element("circle", element("title", title), cx=x, cy=y, r=10, class_="badge")
    return join([circle, text(x, y + 4, str(number), "mid")])
