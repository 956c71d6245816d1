"""What a command leaves: numbers for a program, tables for a person, a verdict for both."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

__all__ = ["Outcome"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``result`` is printed with ``--json``, ``shown`` without; ``failure`` says which check failed."""

    result: dict[str, Any]
    shown: Sequence[RenderableType]
    failure: str | None = None
