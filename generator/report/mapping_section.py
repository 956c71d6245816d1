"""What runs where: engines and their layers, the loops of each layer, the feature memories between."""

from __future__ import annotations

from ..planner.explanation import place
from ..planner.work import EngineWork
from .engine_graph import engine_graph
from .facts import Facts
from .legend import named
from .loop_nest import loop_nest
from .markup import Markup, element, join, table
from .numbers import CELLS, TIMES, bits, count, percent, times

__all__ = ["mapping_section"]

# With more layers than these the loop nests start folded.
OPEN = 12


def mapping_section(facts: Facts) -> Markup:
    """Picture, table of engines, table of memories, loop nests."""
    return element(
        "section", element("h2", "What runs where"),
        element("p", "A job computes one output row of one layer. Each engine runs one job after the other, "
                     "the ready job of its latest layer first. Rows wait in the feature memories between."),
        element("figure", engine_graph(facts), element(
            "figcaption", "Arrows are feature memories; their numbers are those of the table below.")),
        element("h3", "Engines"), _engines(facts),
        element("h3", "Feature memories"), _memories(facts),
        element("p", "For each tensor a memory holds a ring of rows, as many as the planner found necessary.",
                class_="quiet"),
        element("h3", "Loops"), _loops(facts),
        id="mapping")


def _engines(facts: Facts) -> Markup:
    rows = []
    for work in facts.engines:
        engine = work.engine
        size = times(engine.lanes, engine.columns) if engine.kind == "systolic" else str(engine.lanes)
        layers = [named(facts.colour(layer.layer.name), layer.layer.name) for layer in work.layers]
        rows.append([engine.name, engine.kind, join(layers, ", "), size, str(engine.group),
                     count(facts.cells[engine.name].multipliers), count(_job_cycles(work)),
                     percent(work.issuing / facts.cycles)])
    return table(["Engine", "Kind", "Layers", f"Lanes {TIMES} columns", "Group", "Multipliers",
                  "Cycles a frame", "Busy"], rows, text_columns=3)


def _job_cycles(work: EngineWork) -> int:
    return sum(layer.cycles for layer in work.layers)


def _memories(facts: Facts) -> Markup:
    rows = []
    for number, memory in enumerate(facts.memories, start=1):
        size = bits(8 * memory.params.words * memory.params.word_bytes)
        for tensor, region in memory.regions.items():
            height, width, channels = facts.plan.network.tensors[tensor].shape
            rows.append([
                str(number), f"{place(memory.writer)} → {place(memory.reader)}",
                tensor, count(region.rows), count(height), times(width, channels),
                count(region.rows * region.row_words * memory.params.word_bytes),
                f"{count(memory.params.words)} {TIMES} {8 * memory.params.word_bytes} bits, {size} in "
                f"{CELLS[memory.params.kind]}"
                if tensor == next(iter(memory.regions)) else "same memory"])
    return table(["No.", "From → to", "Tensor", "Rows held", "Rows a frame", "Row", "Bytes", "Memory"], rows,
                 text_columns=3)


def _loops(facts: Facts) -> Markup:
    layers = sum(len(work.layers) for work in facts.engines)
    return join(_engine_loops(facts, work, "" if layers <= OPEN else None) for work in facts.engines)


def _engine_loops(facts: Facts, work: EngineWork, open_: str | None) -> Markup:
    nests = [element("pre", element("strong", named(facts.colour(layer.layer.name), layer.layer.name)), "\n",
                     loop_nest(layer)) for layer in work.layers]
    cycles = element("span", f": {count(_job_cycles(work))} cycles of jobs a frame")
    summary = element("summary", work.engine.name, cycles)
    return element("details", summary, *nests, open=open_)
