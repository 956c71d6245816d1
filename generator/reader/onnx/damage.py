"""Files that are no models, or whose parts do not belong together."""

from __future__ import annotations

from ..refusals import printable

__all__ = ["Damaged", "first_line"]

# What is shown of a message of ONNX's own.
MAX_LINE = 160


class Damaged(Exception):
    """The message says what is wrong, and where."""


def first_line(error: Exception) -> str:
    """What ONNX says of it, fit for a message."""
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return printable(lines[0] if lines else type(error).__name__, MAX_LINE)
