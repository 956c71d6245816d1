"""Figures for people: what is not all or nothing never looks like it."""

import pytest

from gatecast.figures import count, percent


@pytest.mark.parametrize(("share", "digits", "text"), [
    (0.0, 1, "0 %"), (0.00049, 1, "<0.1 %"), (0.0005, 1, "0.1 %"), (0.125, 1, "12.5 %"), (0.5, 1, "50 %"),
    (0.9994, 1, "99.9 %"), (0.99996, 1, "99.9 %"), (1.0, 1, "100 %"), (1.5, 1, "150 %"),
    (0.989, 2, "98.90 %"), (0.99996, 2, "99.99 %"), (0.00001, 2, "<0.01 %"), (1.0, 2, "100 %"),
])
def test_percent(share: float, digits: int, text: str) -> None:
    assert percent(share, digits) == text


@pytest.mark.parametrize(("value", "digits", "text"), [
    (0, 0, "0"), (1234567, 0, "1,234,567"), (1024.0, 1, "1,024"), (1024.25, 1, "1,024.2"),
    (999.6, 0, "1,000"),
])
def test_count(value: float, digits: int, text: str) -> None:
    assert count(value, digits) == text
