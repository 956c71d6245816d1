"""Keys: what a colour stands for."""

from __future__ import annotations

from collections.abc import Iterable

from .markup import Markup, element

__all__ = ["legend", "named"]


def named(colour: str, text: str) -> Markup:
    """A text behind a patch of its colour."""
    return element("span", element("span", class_=f"key {colour}"), element("span", text), class_="named")


def legend(items: Iterable[tuple[str, str]]) -> Markup:
    """A list of (colour, meaning)."""
    entries = [element("li", named(colour, meaning)) for colour, meaning in items]
    return element("ul", *entries, class_="legend")
