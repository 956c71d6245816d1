"""The benchmarks run, and write tables of Markdown: the same rows on a page as on the terminal."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tools import needs

FOLDER = Path(__file__).resolve().parents[1] / "benchmarks"
# Against hangs: far more than any of them takes, on a busy machine too.
SECONDS = 900


def run(script: str, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, str(FOLDER / script), *words], capture_output=True, text=True,
                          timeout=SECONDS, check=False)


def tables(text: str) -> list[list[dict[str, str]]]:
    """The rows of every table in a page of Markdown, by the names of its columns."""
    found: list[list[dict[str, str]]] = []
    block: list[list[str]] = []
    for line in [*text.splitlines(), ""]:
        if line.startswith("|"):
            assert line.endswith("|")
            block.append([cell.strip() for cell in line[1:-1].split("|")])
        elif block:
            head, rule, *rows = block
            assert set(rule) == {"---"} and len(rule) == len(head) == len(set(head))
            found.append([dict(zip(head, row, strict=True)) for row in rows])
            block = []
    return found


def made(tmp_path: Path, script: str, *words: str) -> list[list[dict[str, str]]]:
    """The tables on the page that a script writes; the last one is what it prints."""
    page = tmp_path / "new" / "page.md"
    done = run(script, *words, "--write", str(page))
    assert (done.returncode, done.stderr) == (0, "")
    text = page.read_text()
    found = tables(text)
    assert tables(done.stdout) == found[-1:]
    assert text.startswith("# ") and str(tmp_path) not in text
    assert f"Made by `python benchmarks/{script} {' '.join(words)}` with Python 3." in text
    return found


@needs("cxxrtl")
def test_efficiency(tmp_path: Path) -> None:
    overview, rows = made(tmp_path, "efficiency.py", "digits", "squeezenet", "--multipliers", "48")
    row, refused = rows
    assert (row["network"], row["multipliers"], row["cycles"]) == ("digits", "48", "2,304")
    assert row["RTL"].startswith("exact, ")
    assert refused["RTL"].startswith("refused: the leanest plan found for network 'squeezenet' stores ")
    assert overview == [{"network": "digits", "48": f"{row['utilization']} of {row['of at most']}"},
                        {"network": "squeezenet", "48": "refused"}]


def test_boards(tmp_path: Path) -> None:
    limits, rows = made(tmp_path, "boards.py", "digits", "squeezenet", "--jobs", "1")
    chips = [chip["chip"] for chip in limits]
    assert [(row["network"], row["chip"]) for row in rows] == [
        (network, chip) for network in ("digits", "squeezenet") for chip in chips]
    assert {board for chip in limits for board in chip["boards"].split(", ")} >= {
        "ulx3s-12f", "ulx3s-25f", "ecpix5-45f", "ulx3s-85f", "icebreaker", "hx8k-evn", "tang-nano-9k",
        "tang-primer-20k", "arty-a7-35t", "arty-a7-100t"}
    for row in rows:
        # A plan or a sentence.
        assert bool(row["cycles"]) != row["refused"].startswith(
            f"the leanest plan found for network '{row['network']}' ")
    assert {bool(row["cycles"]) for row in rows} == {True, False}


def test_external(tmp_path: Path) -> None:
    ((row,),) = made(tmp_path, "external.py", "digits=48", "--clock", "100")
    assert (row["cycles"], row["DNNBuilder's"]) == ("2,304", "")
    assert row["frames/s"] == f"{100e6 / 2304:,.1f}"


@needs("yosys", "nextpnr-ice40", "icepack")
def test_placed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("squeezenet@icebreaker", "digits@hx8k-evn@2@3", "digits@hx8k-evn@2@24", "--seeds", "1",
             "--kept", "rows")
    ((refused, missing, row),) = made(tmp_path, "placed.py", *words)
    assert refused["pack s"].startswith("refused: the leanest plan found for network 'squeezenet' stores ")
    assert missing["pack s"].startswith("not built: board hx8k-evn has no such clock: ")
    assert (row["board"], row["array multipliers"], row["MHz"]) == ("hx8k-evn", "2", "24")
    assert float(row["seeds reached MHz"]) >= 24
    cycles = float(row["cycles"].replace(",", ""))
    assert row["inferences/s"] == f"{24e6 / cycles:,.0f}"
    # Kept, with its seconds.
    ((_, _, again),) = made(tmp_path, "placed.py", *words)
    assert again | {"plan s": ""} == row | {"plan s": ""}
    assert len([*(tmp_path / "rows").iterdir()]) == 1
    assert int(row["route s"]) > 0


@pytest.mark.parametrize(("script", "words", "sentence"), [
    ("boards.py", ["no_such"], "boards: found the network 'no_such'"),
    ("efficiency.py", ["digits", "--board", "no_such"], "efficiency: found the board 'no_such'"),
    ("external.py", ["digits=48", "--write", str(FOLDER)], f"external: {FOLDER} is a folder; choose a file"),
    ("placed.py", ["digits@ulx3s-85f@many"],
     "placed: a row must be NETWORK[@BOARD[@MULTIPLIERS[@MHZ]]], with positive numbers, not "
     "'digits@ulx3s-85f@many'"),
    ("placed.py", ["digits@@@inf"], "with positive numbers, not 'digits@@@inf'"),
    ("placed.py", ["digits@@@0"], "with positive numbers, not 'digits@@@0'"),
    ("placed.py", ["digits@@-3"], "with positive numbers, not 'digits@@-3'"),
    ("placed.py", ["digits@arty-a7-35t"], "placed: found the board 'arty-a7-35t', for which there is no "),
    ("external.py", ["digits"], "must be NETWORK=MULTIPLIERS, not 'digits'"),
])
def test_refusals(script: str, words: list[str], sentence: str) -> None:
    done = run(script, *words)
    assert done.returncode == 2
    assert sentence in done.stderr and "Traceback" not in done.stderr


def test_interrupted(tmp_path: Path) -> None:
    """Ctrl-C reaches the whole group: one sentence, no page, no process left."""
    page = tmp_path / "page.md"
    process = subprocess.Popen(
        [sys.executable, str(FOLDER / "boards.py"), *["mobilenet_v1"] * 20, "--jobs", "2",
         "--write", str(page)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        start_new_session=True)
    assert process.stdout is not None
    # The head of the table: the processes are there.
    process.stdout.readline()
    time.sleep(0.3)
    os.killpg(process.pid, signal.SIGINT)
    _, error = process.communicate(timeout=SECONDS)
    assert (process.returncode, error) == (130, "boards: interrupted\n")
    assert not page.exists()
    with pytest.raises(ProcessLookupError):
        for _ in range(100):
            os.killpg(process.pid, 0)
            time.sleep(0.1)
