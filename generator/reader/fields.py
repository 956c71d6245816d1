"""The fields of a mapping, each read as what it has to be, each refusal with its place.

A refusal is one sentence: ``FILE:LINE: layer 'NAME': FIELD: found FOUND, allowed: ALLOWED``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import numpy as np

from ..errors import InputError
from ..hints import did_you_mean
from .yaml_nodes import Node, YamlList, YamlMapping, YamlScalar, shown

__all__ = ["FILE", "KEY", "NAME", "SCALE", "Fields", "Kind", "Place", "choice", "integer", "integers",
           "listed", "names", "pair"]

T = TypeVar("T")

INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,9})")
DECIMAL = re.compile(r"[0-9]{1,30}(\.[0-9]{0,40})?([eE][-+]?[0-9]{1,3})?")
SMALLEST_SCALE, LARGEST_SCALE = 1e-30, 1e30
# More names than this are cut in messages.
MAX_LISTED = 12


@dataclass(frozen=True)
class Kind(Generic[T]):
    """What a field may hold: in words, and as a function that gives None for anything else."""

    allowed: str
    parse: Callable[[Node], T | None]
    words: tuple[str, ...] = ()


@dataclass(frozen=True)
class Place:
    """Where something is: a file, a line of it and, inside a layer, the layer."""

    file: str
    line: int
    context: str = ""

    def refusal(self, sentence: str, line: int | None = None) -> InputError:
        """The error for ``sentence`` here, or in ``line`` of the same file and layer."""
        place = f"{self.file}:{self.line if line is None else line}"
        return InputError(": ".join(filter(None, [place, self.context, sentence])))


class Fields:
    """The keys of one mapping. Keys must be words and come once; :meth:`only` says which there are.

    ``allowed`` says in words what the mapping is; ``prefix`` (``quantization.``) is put before the name of
    every field in messages.
    """

    def __init__(self, node: Node, place: Place, allowed: str, prefix: str = "") -> None:
        self.place = replace(place, line=node.line)
        self._prefix = prefix
        self._values: dict[str, tuple[Node, int]] = {}
        if not isinstance(node, YamlMapping):
            field = f"{prefix[:-1]}: " if prefix else ""
            raise self.place.refusal(f"{field}found {shown(node)}, allowed: {allowed}")
        for key, value in node.entries:
            if not isinstance(key, YamlScalar):
                raise self.place.refusal(f"found {shown(key)} as a key, allowed: a word", key.line)
            if key.text in self._values:
                raise self.place.refusal(f"found the key {_quoted(prefix + key.text)} twice, allowed: once "
                                         f"(first in line {self._values[key.text][1]})", key.line)
            self._values[key.text] = value, key.line

    def only(self, keys: Iterable[str], of: str = "") -> None:
        """Refuse every key that is not among ``keys``, which are those ``of`` something."""
        keys = tuple(keys)
        for key, (_, line) in self._values.items():
            if key not in keys:
                raise self.place.refusal(f"found the unknown key {_quoted(self._prefix + key)}"
                                         f"{did_you_mean(key, keys)}, allowed{of}: {', '.join(keys)}", line)

    def __contains__(self, key: str) -> bool:
        return key in self._values

    def line(self, key: str) -> int:
        """Where ``key`` is written; where the mapping begins if it is not."""
        return self._values[key][1] if key in self._values else self.place.line

    def refusal(self, key: str, sentence: str) -> InputError:
        """The error for ``sentence`` at ``key``."""
        return self.place.refusal(f"{self._prefix}{key}: {sentence}", self.line(key))

    def node(self, key: str, allowed: str) -> Node:
        """What ``key`` holds; refused where it is missing."""
        if key not in self._values:
            raise self.refusal(key, f"found nothing, allowed: {allowed}")
        return self._values[key][0]

    def get(self, key: str, kind: Kind[T]) -> T:
        """``key`` read as ``kind``; refused where it is missing or anything else."""
        node = self.node(key, kind.allowed)
        value = kind.parse(node)
        if value is None:
            hint = did_you_mean(node.text, kind.words) if isinstance(node, YamlScalar) else ""
            raise self.refusal(key, f"found {shown(node)}{hint}, allowed: {kind.allowed}")
        return value

    def get_or(self, key: str, kind: Kind[T], default: T) -> T:
        """``key`` read as ``kind``, ``default`` where it is missing."""
        return self.get(key, kind) if key in self._values else default

    def inner(self, key: str, allowed: str) -> Fields:
        """The mapping that ``key`` holds."""
        return Fields(self.node(key, allowed), self.place, allowed, f"{self._prefix}{key}.")



def listed(names: Iterable[str]) -> str:
    """Names for a message, the first few where they are many."""
    names = tuple(names)
    return ", ".join(names[:MAX_LISTED]) + (f", ... ({len(names)} in all)" if len(names) > MAX_LISTED else "")


def integer(low: int, high: int) -> Kind[int]:
    """A decimal integer in ``[low, high]``, without quotes, leading zeros or underscores."""
    def parse(node: Node) -> int | None:
        if isinstance(node, YamlScalar) and node.plain and INTEGER.fullmatch(node.text):
            value = int(node.text)
            return value if low <= value <= high else None
        return None

    return Kind(f"an integer from {low} to {high}", parse)


def integers(names: str, low: int, high: int) -> Kind[tuple[int, ...]]:
    """A list of integers, one for each name in ``names`` (``height, width``)."""
    one = integer(low, high)
    count = names.count(",") + 1

    def parse(node: Node) -> tuple[int, ...] | None:
        if not isinstance(node, YamlList) or len(node.items) != count:
            return None
        values = [value for value in map(one.parse, node.items) if value is not None]
        return tuple(values) if len(values) == count else None

    return Kind(f"[{names}] of integers from {low} to {high}", parse)


def pair(low: int, high: int) -> Kind[tuple[int, int]]:
    """An integer for height and width alike, or a list of the two."""
    one, two = integer(low, high), integers("height, width", low, high)

    def parse(node: Node) -> tuple[int, int] | None:
        if isinstance(node, YamlList):
            values = two.parse(node)
            return None if values is None else (values[0], values[1])
        value = one.parse(node)
        return None if value is None else (value, value)

    return Kind(f"an integer or {two.allowed}", parse)


def names(least: int, most: int) -> Kind[tuple[str, ...]]:
    """A list of ``least`` to ``most`` names."""
    def parse(node: Node) -> tuple[str, ...] | None:
        if not isinstance(node, YamlList) or not least <= len(node.items) <= most:
            return None
        found = [name for name in map(NAME.parse, node.items) if name is not None]
        return tuple(found) if len(found) == len(node.items) else None

    return Kind(f"a list of {least} names" if least == most else f"a list of {least} to {most} names", parse)


def choice(*words: str) -> Kind[str]:
    """One of ``words``."""
    def parse(node: Node) -> str | None:
        return node.text if isinstance(node, YamlScalar) and node.text in words else None

    return Kind(", ".join(words[:-1]) + f" or {words[-1]}" if len(words) > 1 else words[0], parse, words)


def _text(pattern: re.Pattern[str]) -> Callable[[Node], str | None]:
    return lambda node: node.text if isinstance(node, YamlScalar) and pattern.fullmatch(node.text) else None


def _scale(node: Node) -> float | None:
    if isinstance(node, YamlScalar) and node.plain and DECIMAL.fullmatch(node.text):
        value = float(node.text)
        if SMALLEST_SCALE <= value <= LARGEST_SCALE:
            # Scales are float32 in the arithmetic that networks are quantized for.
            return float(np.float32(value))
    return None


def _quoted(key: str) -> str:
    return shown(YamlScalar(key, 0, True)) if key else "''"


NAME = Kind("a name of at most 64 letters, digits and underscores that begins with a letter",
            _text(re.compile(r"[A-Za-z][A-Za-z0-9_]{0,63}")))
# A plain name: no folders, hence no way out of the description's own.
FILE = Kind("the name of an .npz file in the folder of the description, or {random: SEED}",
            _text(re.compile(r"[A-Za-z0-9_][A-Za-z0-9_. +-]{0,99}\.npz")))
KEY = Kind("the name of an array in the weights file", _text(re.compile(r"[ -~]{1,100}")))
SCALE = Kind(f"a positive number from {SMALLEST_SCALE} to {LARGEST_SCALE}, as in 0.0235 or 2.35e-2", _scale)
