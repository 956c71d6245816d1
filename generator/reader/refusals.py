"""What is refused, and how it is said: all that a model holds and Gatecast cannot map, in one sentence."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import InputError
from .limits import MAX_LISTED, MAX_NAME

__all__ = ["Refused", "printable", "refusal", "sizes"]


class Refused(Exception):
    """An operator that cannot be mapped; the message is ``ATTRIBUTE: found FOUND, allowed: ALLOWED``."""


def printable(text: str, most: int = MAX_NAME) -> str:
    """A name out of a file, or another text of at most so many characters, fit for a message."""
    shown = "".join(character if " " <= character <= "~" else "?" for character in text[:most])
    return shown + "..." if len(text) > most else shown


def sizes(shape: Sequence[int | str]) -> str:
    """A shape or another list of numbers out of a file, fit for a message."""
    return f"[{', '.join(map(str, shape))}]"


def refusal(file: str, problems: Sequence[str]) -> InputError:
    """The one error for all ``problems``, the first few of many."""
    if len(problems) == 1:
        return InputError(f"{file}: {problems[0]}")
    listed = "; ".join(problems[:MAX_LISTED])
    more = f"; and {len(problems) - MAX_LISTED} more" if len(problems) > MAX_LISTED else ""
    return InputError(f"{file}: {len(problems)} things are not supported: {listed}{more}")
