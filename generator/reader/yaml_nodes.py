"""YAML text as a tree of scalars, lists and mappings that remember their lines; nothing is interpreted.

Scalars stay text: what a number or a word is, each field decides itself, so that ``010``, ``1_000``, ``yes``
and ``.inf`` mean nothing special anywhere. Anchors, aliases and tags are refused, size and depth are limited.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from yaml import events
from yaml.reader import ReaderError

from ..errors import InputError

__all__ = ["Node", "YamlList", "YamlMapping", "YamlScalar", "parse", "read_text", "shown"]

# A thousand layers take about 150 KB; PyYAML reads some 100 KB a second.
MAX_BYTES = 256 * 1024
MAX_DEPTH = 16
# Found values longer than this are cut in messages.
MAX_SHOWN = 40
# What a list may hold to be shown whole.
SHORT = re.compile(r"[!-~]{1,10}")


@dataclass(frozen=True)
class YamlScalar:
    """One value; ``plain`` where it is written without quotes."""

    text: str
    line: int
    plain: bool


@dataclass(frozen=True)
class YamlList:
    """A list."""

    items: tuple[Node, ...]
    line: int


@dataclass(frozen=True)
class YamlMapping:
    """Keys and values in order; keys as written, so any of them may come twice."""

    entries: tuple[tuple[Node, Node], ...]
    line: int


Node = YamlScalar | YamlList | YamlMapping


def read_text(path: Path) -> str:
    """The text of a description, at most ``MAX_BYTES`` of UTF-8; else :class:`InputError`."""
    try:
        if not path.is_file():
            raise InputError(f"{path}: found {'something else than a file' if path.exists() else 'no file'}, "
                             f"allowed: the path of a YAML description")
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path}: found a file that cannot be read ({error.strerror}), "
                         f"allowed: the path of a readable YAML description") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path.name}: found more than {MAX_BYTES} bytes, allowed: at most that")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[:error.start].count(b"\n") + 1
        raise InputError(f"{path.name}:{line}: found the byte 0x{data[error.start]:02x}, "
                         f"allowed: text in UTF-8") from error


def parse(text: str, file: str) -> Node:
    """The tree of the only document in ``text``, whose name in messages is ``file``."""
    try:
        loader = yaml.SafeLoader(text)
    except ReaderError as error:
        line = text[:error.position].count("\n") + 1
        raise InputError(f"{file}:{line}: found the character U+{_code(error.character):04X}, "
                         f"allowed: printable text") from error
    try:
        return _document(_events(loader), file)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"{file}:{line}: not YAML: {error.problem}; look at the indentation, the colons "
                         f"and the brackets there and just above") from error
    except (ValueError, OverflowError) as error:
        # PyYAML does not check these numbers.
        raise InputError(f"{file}:{loader.line + 1}: not YAML: found an impossible number in an escape "
                         f"(\\U...) or a %YAML directive, allowed: characters and versions that exist"
                         ) from error


def shown(node: Node) -> str:
    """``node`` as it is named in a message, short and printable."""
    match node:
        case YamlScalar(text="", plain=True):
            return "nothing"
        case YamlScalar(text=text, plain=plain):
            quoted = repr(text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "...")
            return quoted if plain else f"the text {quoted}"
        case YamlList(items=items):
            texts = [item.text for item in items if isinstance(item, YamlScalar)]
            short = len(texts) == len(items) <= 6 and all(map(SHORT.fullmatch, texts))
            return f"[{', '.join(texts)}]" if short else f"a list of {len(items)}"
        case YamlMapping():
            return "a mapping"


def _code(character: str | bytes | int) -> int:
    """The number of a character; PyYAML's stub and its code disagree about the type."""
    if isinstance(character, int):
        return character
    return ord(character)


def _events(loader: Any) -> Iterator[events.Event]:  # typeshed leaves the loader's methods untyped
    while loader.check_event():
        yield loader.get_event()


def _document(stream: Iterator[events.Event], file: str) -> Node:
    """The tree of a stream of events that holds one document."""
    root: Node = YamlScalar("", 1, True)
    documents = 0
    for event in stream:
        if isinstance(event, events.DocumentStartEvent):
            documents += 1
            if documents > 1:
                raise InputError(f"{file}:{_line(event)}: found a second document ('---'), allowed: one")
        elif isinstance(event, events.NodeEvent):
            root = _node(event, stream, file, 1)
    return root


def _node(event: events.Event, stream: Iterator[events.Event], file: str, depth: int) -> Node:
    """The node that ``event`` opens, its inner events taken from ``stream``."""
    line = _line(event)
    if isinstance(event, events.AliasEvent) or getattr(event, "anchor", None) is not None:
        raise InputError(f"{file}:{line}: found an anchor or alias ('{_anchor(event)}'), "
                         f"allowed: every value written where it is used")
    if (tag := getattr(event, "tag", None)) is not None:
        tag = str(tag).replace("tag:yaml.org,2002:", "!!")[:MAX_SHOWN]
        raise InputError(f"{file}:{line}: found the tag {tag!r}, allowed: values without tags")
    if depth > MAX_DEPTH:
        raise InputError(f"{file}:{line}: found lists or mappings nested {depth} deep, "
                         f"allowed: at most {MAX_DEPTH}")
    if isinstance(event, events.ScalarEvent):
        return YamlScalar(event.value, line, event.style is None)
    items: list[Node] = []
    for inner in stream:
        if isinstance(inner, events.CollectionEndEvent):
            break
        items.append(_node(inner, stream, file, depth + 1))
    if isinstance(event, events.SequenceStartEvent):
        return YamlList(tuple(items), line)
    return YamlMapping(tuple(zip(items[::2], items[1::2], strict=True)), line)


def _line(event: events.Event) -> int:
    return event.start_mark.line + 1 if event.start_mark else 1


def _anchor(event: events.Event) -> str:
    sign = "*" if isinstance(event, events.AliasEvent) else "&"
    return sign + str(getattr(event, "anchor", ""))[:MAX_SHOWN]
