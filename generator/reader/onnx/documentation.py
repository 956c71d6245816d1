"""The table of operators in docs/onnx.md, made from the converters.

``python -m gatecast.reader.onnx.documentation`` prints it.
"""

from __future__ import annotations

import inspect

from .network_of import CONVERTERS

__all__ = ["operator_table"]


def operator_table() -> str:
    """Rows of Markdown for all operators that are read: names, and the first paragraph on their converter."""
    names: dict[str, list[str]] = {}
    for name in sorted(CONVERTERS, key=_order):
        names.setdefault(_sentence(name), []).append(name)
    rows = [f"| {', '.join(group)} | {sentence} |" for sentence, group in names.items()]
    return "\n".join(["| operator | what is read |", "|---|---|", *rows, ""])


def _order(name: str) -> tuple[bool, str]:
    """ONNX's own operators first."""
    return "." in name, name


def _sentence(name: str) -> str:
    text = inspect.getdoc(CONVERTERS[name])
    assert text is not None, name
    return text.partition("\n\n")[0].replace("\n", " ").rstrip(".")


if __name__ == "__main__":
    print(operator_table(), end="")
