"""What to use instead of operators that are not read."""

from __future__ import annotations

from collections.abc import Mapping

__all__ = ["nearest"]

RECURRENT = ("LSTM", "RNN", "GRU", "SVDF")


def nearest(name: str, known: Mapping[str, str], convolution: str, page: str) -> str:
    """What ``known`` says of ``name``; of recurrent operators ``convolution``, else the list in ``page``."""
    if name in known:
        return known[name]
    if any(word in name for word in RECURRENT):
        return f"{convolution} over time, recurrent layers are not read yet"
    return f"the operators in {page}"
