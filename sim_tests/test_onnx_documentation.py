"""The table of operators in docs/onnx.md is that of the code."""

from pathlib import Path

from gatecast.reader.onnx.documentation import operator_table

PAGE = Path(__file__).parents[1] / "docs" / "onnx.md"


def test_the_page_has_the_table_of_the_code():
    """Made by ``python -m gatecast.reader.onnx.documentation``."""
    assert f"\n{operator_table()}\n" in PAGE.read_text()
