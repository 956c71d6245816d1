"""Hints: what the user may have meant."""

import difflib
from collections.abc import Iterable

__all__ = ["did_you_mean"]


def did_you_mean(word: str, words: Iterable[str]) -> str:
    """A hint at the most similar of ``words``, empty where none is similar."""
    close = difflib.get_close_matches(word[:64], words, n=1)
    return f" (did you mean '{close[0]}'?)" if close else ""
