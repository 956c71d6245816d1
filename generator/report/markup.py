"""Markup: elements of HTML and SVG that escape whatever is not markup already."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence
from html import escape

__all__ = ["EMPTY", "Markup", "document", "element", "join", "safe", "shorten", "table"]

# Elements that have no content and so no end tag; every other one gets one, which suits HTML and XML alike.
VOID = {"meta", "br", "hr", "rect", "line", "path", "circle", "polyline", "polygon"}
# Controls, lone surrogates, and formats, which change the direction of the text after them.
UNSHOWABLE = {"Cc", "Cf", "Cs"}
# Code points that are no characters end in these, and XML takes none of them.
NO_CHARACTERS = {0xFFFE, 0xFFFF}


class Markup(str):
    """Text that is markup already. Everything else is escaped before it becomes part of one."""

    __slots__ = ()


EMPTY = Markup()
# Nothing is loaded and nothing runs, whatever the names in the network are.
POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def safe(text: str) -> Markup:
    """``text`` as it may stand in an element or an attribute; what cannot be shown becomes U+FFFD."""
    if isinstance(text, Markup):
        return text
    return Markup(escape("".join(c if _showable(c) else "\N{REPLACEMENT CHARACTER}" for c in text)))


def _showable(character: str) -> bool:
    return character == "\n" or (
            unicodedata.category(character) not in UNSHOWABLE
            and ord(character) & 0xFFFF not in NO_CHARACTERS)


def shorten(text: str, length: int) -> str:
    """``text`` in at most ``length`` characters."""
    return text if len(text) <= length else text[:max(length - 1, 1)] + "…"


def join(parts: Iterable[str], separator: str = "") -> Markup:
    """All parts one after the other, escaped where they are not markup."""
    return Markup(separator.join(safe(part) for part in parts))


def element(tag: str, /, *children: str, **attributes: str | float | None) -> Markup:
    """One element. ``class_`` is the attribute class, ``_`` in names becomes ``-``; None leaves one out."""
    written = "".join(f' {name.rstrip("_").replace("_", "-")}="{safe(_value(value))}"'
                      for name, value in attributes.items() if value is not None)
    if tag in VOID and not children:
        return Markup(f"<{tag}{written} />")
    return Markup(f"<{tag}{written}>{join(children)}</{tag}>")


def _value(value: str | float) -> str:
    if isinstance(value, str):
        return value
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, text_columns: int = 1,
          foot: Sequence[str] | None = None) -> Markup:
    """A table that scrolls sideways where it is wider than the page; numbers stand right.

    The first ``text_columns`` columns hold text.
    """
    def row(cells: Sequence[str], tag: str) -> Markup:
        return element("tr", *(
            element("th" if tag == "td" and index == 0 else tag, cell,
                    class_=None if index < text_columns else "number",
                    scope="col" if tag == "th" else "row" if index == 0 else None)
            for index, cell in enumerate(cells)))

    parts = [element("thead", row(head, "th")), element("tbody", *(row(cells, "td") for cells in rows))]
    if foot is not None:
        parts.append(element("tfoot", row(foot, "td")))
    return element("div", element("table", *parts), class_="scroll", tabindex=0)


def document(title: str, style: str, body: Markup) -> str:
    """A whole page around ``body``."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(style)))
    return f"<!DOCTYPE html>\n{element('html', head, element('body', body), lang='en')}\n"
