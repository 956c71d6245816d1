"""What it takes: multipliers, logic and memory, against what the board offers."""

from __future__ import annotations

from dataclasses import dataclass

from ..planner.dsps import EXACT_FAMILIES
from ..planner.explanation import place
from ..planner.logic import error_sentence
from ..planner.storages import Storage
from .facts import Facts
from .legend import legend
from .markup import Markup, element, table
from .numbers import CELLS, TIMES, bits, count, percent, quotient
from .svg import box, picture, text

__all__ = ["resources_section"]

LABEL, PLOT, VALUE, ROW = 190, 520, 250, 34


@dataclass(frozen=True)
class _Use:
    """One bar: parts that add up, and what there is of it (none if no board is known)."""

    name: str
    parts: tuple[tuple[str, str, float], ...]
    """Colour, meaning, amount."""
    available: int | None
    shown: str

    @property
    def used(self) -> float:
        return sum(amount for _, _, amount in self.parts)


def resources_section(facts: Facts) -> Markup:
    """Bars, the split of the memory, and a table of memories."""
    inputs, used = facts.inputs, facts.inputs.resources
    parts = [element("h2", "Resources")]
    board = inputs.board
    where = "No board was named, so there is nothing to compare with." if board is None else (
        f"{board.title}: {count(board.multipliers)} multipliers, {count(board.block_rams)} block RAMs of "
        f"{bits(board.block_ram_bits)}, {count(board.luts)} LUTs, {count(board.ffs)} flip-flops.")
    exact = ("DSPs and block RAMs are exact" if inputs.family in EXACT_FAMILIES else
             "Block RAMs are exact, DSPs at most so many")
    state = (f"Nothing was synthesized yet. {exact}. {error_sentence(inputs.family)}."
             if inputs.build is None else
             "Measured means after placement and routing, with what the board needs around the accelerator.")
    parts += [element("p", f"{where} {state}")]
    parts += [legend([("used", "of arrays"), ("more", "of requantizers"), ("plain", "predicted"),
                      ("third", "measured")]), _bars(_uses(facts)),
              element("h3", "Multipliers"), _multiplier_table(facts)]
    parts += [element("h3", "Memory"),
              legend([("used", "weights and tables"), ("more", "requantizer parameters"),
                      ("third", "feature memories")]),
              _bars([_Use("Memory bits", (("used", "weights and tables", used.weight_bits),
                                          ("more", "requantizer parameters", used.parameter_bits),
                                          ("third", "feature memories", used.feature_bits)),
                          used.memory_bits, bits(used.memory_bits))]),
              _memory_table(facts)]
    return element("section", *parts, id="resources")


def _uses(facts: Facts) -> list[_Use]:
    used, board, build = facts.inputs.resources, facts.inputs.board, facts.inputs.build

    def against(amount: float, available: int | None) -> str:
        if available is None:
            return count(amount)
        share = f" ({percent(amount / available)})" if available else ""
        return f"{count(amount)} of {count(available)}{share}"

    cells = [(engine, facts.cells[engine.name]) for engine in facts.plan.engines]
    arrays = sum(cell.array_dsps for _, cell in cells)
    in_luts = [sum(cell.multipliers for engine, cell in cells if engine.array_in == "lut"),
               sum(cell.requantizer_multipliers for engine, cell in cells if engine.requantizer_in == "lut")]
    offered = None if board is None else board.multipliers
    uses = [_Use("DSPs, predicted", (("used", "arrays", arrays),
                                     ("more", "requantizers", used.dsps - arrays)),
                 offered, against(used.dsps, offered))]
    if any(in_luts):
        uses.append(_Use("Multipliers in LUTs", (("used", "arrays", in_luts[0]),
                                                 ("more", "requantizers", in_luts[1])),
                         None, count(sum(in_luts))))
    if build is not None:
        uses.append(_Use("DSPs, measured", (("third", "DSPs", build.dsps),), offered,
                         against(build.dsps, offered)))
    logic = (("Block RAMs, predicted", used.block_rams, None if board is None else board.block_rams),
             ("LUTs, estimate", used.luts, None if board is None else board.luts),
             ("Flip-flops, estimate", used.ffs, None if board is None else board.ffs))
    # What was measured needs no estimate beside it.
    for name, amount, available in logic if build is None else logic[:1]:
        uses.append(_Use(name, (("plain", name, amount),), available, against(amount, available)))
    if build is not None:
        for name, amount, available in (
                ("Block RAMs, measured", build.brams, None if board is None else board.block_rams),
                ("LUTs, measured", build.luts, None if board is None else board.luts),
                ("Flip-flops, measured", build.ffs, None if board is None else board.ffs)):
            uses.append(_Use(name, (("third", name, amount),), available, against(amount, available)))
    return uses


def _bars(uses: list[_Use]) -> Markup:
    shapes = []
    for index, use in enumerate(uses):
        y = 4 + index * ROW
        whole = use.available or use.used
        scale = PLOT / max(whole, use.used, 1)
        shapes += [text(0, y + 16, use.name), box(LABEL, y + 3, PLOT, 18, "lane", radius=3)]
        x = float(LABEL)
        over = use.available is not None and use.used > use.available
        for colour, meaning, amount in use.parts:
            width = amount * scale
            shapes.append(box(x, y + 3, width, 18, "over" if over else colour,
                              title=f"{meaning}: {count(amount)} ({percent(quotient(amount, whole))})"))
            x += width
        shapes.append(text(LABEL + PLOT + 12, y + 16, use.shown, "strong" if over else None))
    height = 4 + len(uses) * ROW
    return element("figure", picture(LABEL + PLOT + VALUE, height, "Resources", *shapes, least=700))


def _memory_table(facts: Facts) -> Markup:
    """All memories; those of an engine that hold the same kind of thing in one line."""
    where = {memory.name: f"{place(memory.writer)} → {place(memory.reader)}" for memory in facts.memories}
    lines: dict[tuple[str, str], list[Storage]] = {}
    for storage in facts.storages:
        lines.setdefault((storage.what, storage.owner), []).append(storage)
    rows = []
    for (what, owner), stored in lines.items():
        width = sum(storage.width * storage.copies for storage in stored)
        blocks = sum(map(facts.block_rams, stored))
        rows.append([what, where.get(owner, owner),
                     CELLS[stored[0].kind] if blocks or stored[0].kind == "lut" else "logic",
                     f"{count(stored[0].depth)} {TIMES} {count(width)} bits",
                     bits(sum(storage.bits for storage in stored)),
                     count(blocks)])
    return table(["What", "Where", "In", "Words", "Size", "Block RAMs"], rows, text_columns=3,
                 foot=["All", "", "", "", bits(sum(storage.bits for storage in facts.storages)),
                       count(facts.inputs.resources.block_rams)])


def _multiplier_table(facts: Facts) -> Markup:
    """Where the multipliers of each engine are."""
    def where(number: int, kind: str) -> str:
        return CELLS[kind] if number else "none"

    rows = []
    for engine in facts.plan.engines:
        cells = facts.cells[engine.name]
        rows.append([engine.name, where(cells.multipliers, engine.array_in),
                     where(cells.requantizer_multipliers, engine.requantizer_in), count(cells.multipliers),
                     count(cells.requantizer_multipliers), count(cells.dsps)])
    used = facts.inputs.resources
    sums = used.multipliers, used.requantizer_multipliers, used.dsps
    return table(["Engine", "Array in", "Requantizer in", "Array multipliers", "Requantizer multipliers",
                  "DSPs"], rows, text_columns=3, foot=["All", "", "", *map(count, sums)])
