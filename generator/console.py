"""What a person sees: tables on standard output, progress on standard error."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from threading import Timer

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

__all__ = ["counting", "facts", "output", "steps", "table", "working"]

# For pipes and files: wide enough that no table is folded.
WIDE = 240
# Where progress is lines: how often at most, and what is too quick for one.
LINE_SECONDS, QUIET_SECONDS = 10.0, 2.0


def output() -> Console:
    """Standard output as it is now; nothing in a text is taken for markup."""
    console = Console(markup=False, emoji=False, highlight=False)
    return console if console.is_terminal else Console(markup=False, emoji=False, highlight=False, width=WIDE)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Table:
    """A table; columns whose names begin with ``>`` are aligned to the right."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold")
    for column in columns:
        made.add_column(column.removeprefix(">"), justify="right" if column.startswith(">") else "left")
    for row in rows:
        made.add_row(*map(str, row))
    return made


def facts(title: str, pairs: Iterable[tuple[str, object]]) -> Table:
    """Names and values below each other."""
    made = Table(title=title, title_justify="left", title_style="bold", show_header=False, box=None,
                 padding=(0, 2, 0, 0))
    for name, value in pairs:
        made.add_row(name, str(value))
    return made


@contextmanager
def counting(what: str, total: int, *, before: str | None = None) -> Iterator[Callable[[int], None]]:
    """Show a bar while the body runs, which calls what it gets with how much is done.

    Until the first call it says ``before`` instead of ``what``. Where nothing can move it is a line every
    ``LINE_SECONDS`` at most, the first one after ``QUIET_SECONDS``.
    """
    with (_progress(BarColumn(), MofNCompleteColumn()) as progress,
          _said_late(before or what, progress.disable)):
        task = progress.add_task(before or what, total=total)
        said = time.monotonic()

        def tell(done: int) -> None:
            nonlocal said
            progress.update(task, completed=done, description=what)
            if progress.disable and time.monotonic() >= said + LINE_SECONDS:
                said = time.monotonic()
                _say(f"{what}: {done} of {total}")

        yield tell


@contextmanager
def steps(what: str) -> Iterator[Callable[[str], None]]:
    """Show which step runs, as the body tells what it gets; a line for each where nothing can move."""
    with _progress() as progress:
        task = progress.add_task(what, total=None)

        def tell(step: str) -> None:
            progress.update(task, description=f"{what}: {step}")
            if progress.disable:
                _say(f"{what}: {step}")

        yield tell


@contextmanager
def working(what: str) -> Iterator[Callable[[str], None]]:
    """Show that the body runs, and what it does, as it tells what it gets.

    Where nothing can move it is one line, if the body takes over ``QUIET_SECONDS``.
    """
    with _progress() as progress:
        task = progress.add_task(what, total=None)
        with _said_late(what, progress.disable):
            yield lambda doing: progress.update(task, description=f"{what}: {doing}")


@contextmanager
def _said_late(line: str, wanted: bool) -> Iterator[None]:
    """Say ``line``, where it is wanted, if the body takes over ``QUIET_SECONDS``."""
    timer = Timer(QUIET_SECONDS, _say, [line])
    timer.daemon = True
    if wanted:
        timer.start()
    try:
        yield
    finally:
        timer.cancel()


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


def _progress(*columns: BarColumn | MofNCompleteColumn) -> Progress:
    console = Console(stderr=True, markup=False, emoji=False)
    return Progress(SpinnerColumn(), TextColumn("{task.description}", markup=False), *columns,
                    TimeElapsedColumn(), console=console, transient=True, disable=not console.is_terminal)
