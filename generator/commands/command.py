"""What a command is, and what it leaves: numbers for a program, tables for a person, a verdict for both."""

from __future__ import annotations

from argparse import ArgumentParser, Namespace
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import RenderableType

__all__ = ["Command", "Outcome"]


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """``result`` is printed with ``--json``, ``shown`` without; ``failure`` says which check failed."""

    result: dict[str, Any]
    shown: Sequence[RenderableType]
    failure: str | None = None


@dataclass(frozen=True, kw_only=True)
class Command:
    """``gatecast NAME``: ``add`` declares its options, ``run`` does it."""

    name: str
    help: str
    add: Callable[[ArgumentParser], None]
    run: Callable[[Namespace], Outcome]
