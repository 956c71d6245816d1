"""Outputs against those that should have come: how many values differ, and which one first."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .operators.operator import Int8

__all__ = ["Comparison", "accuracy", "compare"]


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """How many of ``values`` outputs differ from ``reference`` (its name), and where the first one is."""

    reference: str
    values: int
    mismatches: int
    first: tuple[int, int, int, int] | None = None
    """Frame, row, column, channel."""
    found: int = 0
    expected: int = 0

    def __str__(self) -> str:
        if self.first is None:
            return f"all {self.values} output values equal {self.reference}"
        frame, row, column, channel = self.first
        return (f"{self.mismatches} of {self.values} output values differ from {self.reference}; the first "
                f"is frame {frame}, row {row}, column {column}, channel {channel}: "
                f"{self.found} instead of {self.expected}")


def compare(outputs: Int8, expected: Int8, reference: str) -> Comparison:
    """Compare two int8 arrays ``[n, h, w, c]`` value by value."""
    differs = outputs != expected
    mismatches = int(np.count_nonzero(differs))
    if not mismatches:
        return Comparison(reference=reference, values=outputs.size, mismatches=0)
    frame, row, column, channel = map(int, np.argwhere(differs)[0])
    first = frame, row, column, channel
    return Comparison(reference=reference, values=outputs.size, mismatches=mismatches, first=first,
                      found=int(outputs[first]), expected=int(expected[first]))


def accuracy(outputs: Int8, labels: npt.NDArray[np.int64]) -> float:
    """Share of frames whose largest output is the one of their label; of equal ones the first counts."""
    return float(np.mean(outputs.reshape(len(outputs), -1).argmax(axis=1) == labels))
