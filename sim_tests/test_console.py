"""Progress where nothing can move: few lines, and none for what is quick."""

from __future__ import annotations

import io
import time
from contextlib import redirect_stderr

import pytest

from gatecast import console


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "QUIET_SECONDS", 0.05)


def after_a_while(err: io.StringIO) -> str:
    """What is said within ten seconds."""
    deadline = time.monotonic() + 10
    while not err.getvalue().endswith("\n") and time.monotonic() < deadline:
        time.sleep(0.01)
    return err.getvalue()


@pytest.mark.usefixtures("hasty")
def test_what_lasts_is_said_once() -> None:
    with redirect_stderr(io.StringIO()) as err, console.working("planning tiny"):
        assert err.getvalue() == ""
        assert after_a_while(err) == "planning tiny\n"
        time.sleep(0.1)
    assert err.getvalue() == "planning tiny\n"


def test_what_is_quick_is_not_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "QUIET_SECONDS", 1.0)
    with redirect_stderr(io.StringIO()) as err:
        with console.working("planning tiny"):
            pass
        with console.counting("simulating tiny", 9) as tell:
            tell(9)
        time.sleep(1.2)
    assert err.getvalue() == ""


@pytest.mark.usefixtures("hasty")
@pytest.mark.parametrize(("every", "lines"), [(0.0, [1, 2, 3]), (3600.0, [])])
def test_counting(every: float, lines: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(console, "LINE_SECONDS", every)
    with (redirect_stderr(io.StringIO()) as err,
          console.counting("simulating tiny", 3, before="building the simulator") as tell):
        after_a_while(err)
        for done in 1, 2, 3:
            tell(done)
    assert err.getvalue().splitlines() == [
        "building the simulator", *(f"simulating tiny: {done} of 3" for done in lines)]


def test_steps() -> None:
    long = "tiny" * 50
    with redirect_stderr(io.StringIO()) as err, console.steps(f"building {long}") as tell:
        tell("Verilog")
        tell("report")
    assert err.getvalue() == f"building {long}: Verilog\nbuilding {long}: report\n"
