"""Loop nests: what an engine does for a layer, from the job down to the cycle, as indented text."""

from __future__ import annotations

from collections.abc import Iterator

from ..operators.operand import Operand
from ..planner.numbers import used_channels
from ..planner.work import LayerWork
from .numbers import count, times

__all__ = ["loop_nest"]

# What a channel array does in one cycle, for each of its lanes.
PER_CHANNEL = {"sum": "addition", "max": "comparison", "multiply": "product", "lookup": "table entry",
               "product": "factor"}

# How deep it is indented, what it says, and what there is to remark.
_Line = tuple[int, str, str]


def loop_nest(work: LayerWork) -> str:
    """The loops of one frame of a layer, with the cycles below each of them."""
    dot = work.hold + work.dot_taps
    lines: list[_Line] = [
        (0, f"for row in {work.jobs}", f"{count(work.cycles)} cycles a frame; each row is one job"),
        (1, f"for column in {work.columns}", f"{count(work.job_cycles)} cycles a job"),
        (2, f"for block of {_channels(work.engine.columns)} in {work.blocks}",
         f"{count(dot)} cycles a block; "
         + _filled(work.window.out_channels, work.blocks * work.engine.columns, "output")),
    ]
    if work.hold:
        # Beside the loops that follow, not around them.
        lines.append((3, "hold", f"{count(work.hold)} cycles, so that results do not meet on their way out"))
    operands = list(zip(work.layer.inputs, work.window.operands, work.words, strict=True))
    for tensor, operand, words in operands:
        depth = 3
        if len(operands) > 1:
            cycles = operand.taps * words
            lines.append((depth, f"of {tensor}", f"{count(cycles)} cycle{'s' * (cycles != 1)}"))
            depth += 1
        lines += _taps(work, operand, words, depth)
    loops = ["  " * level + loop for level, loop, _ in lines]
    width = max(map(len, loops))
    return "\n".join(f"{loop:<{width}}  {remark}".rstrip()
                     for loop, (_, _, remark) in zip(loops, lines, strict=True))


def _taps(work: LayerWork, operand: Operand, words: int, depth: int) -> Iterator[_Line]:
    """The loops over one operand."""
    engine, window = work.engine, work.window
    yield depth, f"for kernel row in {operand.kernel[0]}", ""
    yield depth + 1, f"for kernel column in {operand.kernel[1]}", ""
    if window.operation == "dot":
        first, last = used_channels(operand)
        yield (depth + 2, f"for word of {_channels(engine.lanes)} in {words}",
               _filled(last - first + 1, words * engine.lanes, "input"))
        yield depth + 3, "one cycle", f"{times(engine.lanes, engine.columns)} products"
    else:
        what = PER_CHANNEL[window.operation]
        plural = what.replace("entry", "entries") if "entry" in what else f"{what}s"
        yield (depth + 2, "one cycle",
               f"{engine.lanes} {plural}, one a channel" if engine.lanes != 1 else f"1 {what}")


def _channels(number: int) -> str:
    return f"{number} channel{'s' * (number != 1)}"


def _filled(channels: int, room: int, which: str) -> str:
    """How well channels fill the places that there are for them."""
    empty = room - channels
    text = f"{channels} {which} channel{'s' * (channels != 1)}"
    return f"{text}, {empty} of {room} places empty" if empty else text
