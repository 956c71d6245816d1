"""Loop nests: what an engine does for a layer, from the job down to the cycle, as indented text."""

from __future__ import annotations

from ..operators.window import Window
from .facts import LayerWork
from .numbers import count, times

__all__ = ["loop_nest"]

# What a channel array does in one cycle, for each of its lanes.
PER_CHANNEL = {"sum": "addition", "max": "comparison"}


def loop_nest(work: LayerWork) -> str:
    """The loops of one frame of a layer, with the cycles below each of them."""
    window, engine = work.window, work.engine
    dot = work.hold + window.taps * work.words
    lines: list[tuple[str, str]] = [
        (f"for row in {work.jobs}", f"{count(work.cycles)} cycles a frame; each row is one job"),
        (f"for column in {work.columns}", f"{count(work.job_cycles)} cycles a job"),
        (f"for block of {_channels(work.engine.columns)} in {work.blocks}", _fit(window, work)),
    ]
    depth = len(lines)
    if work.hold:
        lines.append(("hold", f"{count(work.hold)} cycles, so that results do not meet on their way out"))
    lines += [
        (f"for kernel row in {window.kernel[0]}", f"{count(dot)} cycles a block"),
        (f"for kernel column in {window.kernel[1]}", ""),
    ]
    if window.operation == "dot":
        lines += [
            (f"for word of {_channels(engine.lanes)} in {work.words}", _words(window, work)),
            ("one cycle", f"{times(engine.lanes, engine.columns)} products"),
        ]
    else:
        several = "s, one a channel" if engine.lanes != 1 else ""
        lines.append(("one cycle", f"{engine.lanes} {PER_CHANNEL[window.operation]}{several}"))
    # Holds stand beside the loops that follow them, not around them.
    levels = [index - (work.hold > 0 and index > depth) for index in range(len(lines))]
    loops = ["  " * level + loop for level, (loop, _) in zip(levels, lines, strict=True)]
    width = max(map(len, loops))
    return "\n".join(f"{loop:<{width}}  {remark}".rstrip()
                     for loop, (_, remark) in zip(loops, lines, strict=True))


def _channels(number: int) -> str:
    return f"{number} channel{'s' * (number != 1)}"


def _fit(window: Window, work: LayerWork) -> str:
    """How well the output channels fill the blocks."""
    return _filled(window.out_channels, work.blocks * work.engine.columns, "output")


def _words(window: Window, work: LayerWork) -> str:
    return _filled(window.in_channels, work.words * work.engine.lanes, "input")


def _filled(channels: int, room: int, which: str) -> str:
    empty = room - channels
    text = f"{channels} {which} channel{'s' * (channels != 1)}"
    return f"{text}, {empty} of {room} places empty" if empty else text
