"""What operators have in common that only the host runs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from .operator import Operator, Shape
from .window import Window

__all__ = ["HostOperator"]


@dataclass(frozen=True, kw_only=True, eq=False)
class HostOperator(Operator):
    """An operator of the host half, before the chip or after it."""

    place: ClassVar[str] = "last"
    """Where in a network it may stand: first, last, or first or last."""

    def lower(self, inputs: Sequence[Shape]) -> Window:
        """Never."""
        raise ValueError(f"{self.kind} runs on the host only; make it the {self.place} operator of the "
                         f"network")
