"""The command line: arguments in, one outcome out, errors as one sentence and an exit code."""

from __future__ import annotations

import gc
import json
import os
import signal
import sys
import traceback
import warnings
from argparse import ArgumentParser, HelpFormatter, Namespace
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from importlib import metadata
from types import FrameType
from typing import NoReturn

from amaranth.hdl import UnusedElaboratable

from . import console
from .commands import COMMANDS
from .errors import CheckError, GatecastError, InputError
from .hints import did_you_mean

__all__ = ["main"]

DONE, FAILED, INTERRUPTED = 0, CheckError.exit_code, 130


class _Parser(ArgumentParser):
    """A parser whose refusals are ``InputError`` like all others, and which takes no abbreviations."""

    def __init__(self, **options: object) -> None:
        super().__init__(allow_abbrev=False, formatter_class=_formatter, **options)  # type: ignore[arg-type]

    def error(self, message: str) -> NoReturn:
        raise InputError(f"{message}; see `{self.prog} --help`")


def _formatter(prog: str) -> HelpFormatter:
    return HelpFormatter(prog, max_help_position=30)


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return 0 when done, 1 if a check failed, 2 for refused input, 130 when interrupted."""
    with warnings.catch_warnings():
        # Hardware that was described and then not used, because an error came first, is nobody's mistake.
        warnings.simplefilter("ignore", UnusedElaboratable)
        code = _guarded(sys.argv[1:] if argv is None else list(argv))
        if code:
            gc.collect()
    return code


def _guarded(arguments: list[str]) -> int:
    """Run one command, and turn whatever it raises into a sentence and an exit code."""
    as_json = "--json" in arguments
    try:
        with _terminable():
            return _run(_parse(arguments), as_json)
    except GatecastError as error:
        return _failed(str(error), error.exit_code, as_json)
    except KeyboardInterrupt:
        return _failed("interrupted", INTERRUPTED, as_json)
    except BrokenPipeError:
        # Who read our output has seen enough; keep Python from flushing the rest at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return FAILED
    except Exception as error:
        if "--debug" in arguments:
            traceback.print_exc()
        # A full disk and the like are nobody's mistake here.
        blame = ("the system refused" if isinstance(error, OSError) else
                 f"this should not happen, please report it: {type(error).__name__}")
        return _failed(f"{blame}: {error}; --debug shows where", FAILED, as_json)


def _parse(arguments: list[str]) -> Namespace:
    parser = _Parser(prog="gatecast", description="Casts a trained, quantized neural network into a verified "
                                                  "FPGA accelerator.")
    parser.add_argument("--version", action="version", version=f"gatecast {metadata.version('gatecast')}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, dest="command")
    for command in COMMANDS:
        sub = commands.add_parser(command.name, help=command.help, description=_sentence(command.help))
        command.add(sub)
        sub.add_argument("--json", action="store_true", help="print one JSON object instead of tables")
        sub.add_argument("--debug", action="store_true", help="show where an internal error comes from")
        sub.set_defaults(run=command.run)
    names = [command.name for command in COMMANDS]
    if not arguments:
        parser.print_help(sys.stderr)
        raise InputError(f"found no command, allowed: {', '.join(names)}")
    if not arguments[0].startswith("-") and arguments[0] not in names:
        raise InputError(f"found the command '{arguments[0]}'{did_you_mean(arguments[0], names)}, "
                         f"allowed: {', '.join(names)}")
    return parser.parse_args(arguments)


def _sentence(help_text: str) -> str:
    return f"{help_text[0].upper()}{help_text[1:]}."


def _run(arguments: Namespace, as_json: bool) -> int:
    outcome = arguments.run(arguments)
    if as_json:
        failure = {} if outcome.failure is None else {"error": outcome.failure}
        print(json.dumps({**outcome.result, **failure}, indent=2), flush=True)
    else:
        stdout = console.output()
        for part in outcome.shown:
            stdout.print(part)
    if outcome.failure is not None:
        print(f"gatecast: {outcome.failure}", file=sys.stderr)
        return FAILED
    return DONE


def _failed(sentence: str, code: int, as_json: bool) -> int:
    if as_json:
        # Where even that cannot be printed, the sentence below still says why.
        with suppress(OSError):
            print(json.dumps({"error": sentence}), flush=True)
    print(f"gatecast: {sentence}", file=sys.stderr)
    return code


@contextmanager
def _terminable() -> Iterator[None]:
    """Let SIGTERM clean up as Ctrl-C does; only the main thread may decide that."""
    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    try:
        previous = signal.signal(signal.SIGTERM, interrupt)
    except ValueError:
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, previous)
