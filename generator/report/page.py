"""The page: all sections of a report in one self-contained HTML file."""

from __future__ import annotations

from html import escape

from .inputs import ReportInputs

__all__ = ["render"]


def render(inputs: ReportInputs) -> str:
    """One HTML document that needs no network; the same inputs give the same text."""
    name = escape(inputs.network.name)
    return (f"<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\" /><title>{name}</title></head>"
            f"<body><h1>{name}</h1></body></html>\n")
