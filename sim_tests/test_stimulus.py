"""Stimulus, schedule, record and the cache: what goes to other processes comes back as it was."""

import re
import subprocess
import time
from pathlib import Path

import numpy as np
import pytest

from gatecast.errors import CheckError, InputError
from gatecast.files import KEPT, build_once, cache_folder, written_whole
from gatecast.processes import frames_so_far, run
from gatecast.simulation import Stimulus
from gatecast.simulation.record import Fault, Record
from gatecast.simulation.stimulus import STALL_PERIOD, Schedule

NO_FRAMES = "frames must be an int8 array [n, input_bytes] with at least one value"
FRAMES = np.arange(-6, 6, dtype=np.int8).reshape(3, 4)


def test_schedule_spells_out_the_stimulus() -> None:
    schedule = Stimulus(frames=FRAMES, output_bytes=2, gaps={0: 5, 2: 7}, pauses={8: 1, 9: 2},
                        tlast_errors=frozenset({3, 4})).schedule()
    assert schedule.data.tolist() == [250, 251, 252, 253, 254, 255, 0, 1, 2, 3, 4, 5]
    assert schedule.last.tolist() == [0, 0, 0, 0, 1, 0, 0, 1, 0, 0, 0, 1]
    assert schedule.waits.tolist() == [5, 0, 0, 0, 0, 0, 0, 0, 8, 2, 0, 0, 0]
    assert (schedule.received, schedule.output_bytes, schedule.reset_after_bytes) == (6, 2, -1)
    assert schedule.deadline == 20_000 + 2_000 * (12 + 6) + 15
    assert not schedule.source_stalls.any() and not schedule.sink_stalls.any()


def test_stalls_are_as_frequent_as_asked_and_follow_the_seed() -> None:
    def stalls(seed: int) -> Schedule:
        return Stimulus(frames=FRAMES, output_bytes=2, source_stall=0.3, sink_stall=0.7, seed=seed).schedule()

    one, again, other = stalls(1), stalls(1), stalls(2)
    assert len(one.source_stalls) == len(one.sink_stalls) == STALL_PERIOD
    assert abs(one.source_stalls.mean() - 0.3) < 0.01 and abs(one.sink_stalls.mean() - 0.7) < 0.01
    assert np.array_equal(one.source_stalls, again.source_stalls)
    assert not np.array_equal(one.source_stalls, other.source_stalls)
    # Two links with the same share do not stall together.
    same = Stimulus(frames=FRAMES, output_bytes=2, source_stall=0.5, sink_stall=0.5).schedule()
    assert 0.45 < (same.source_stalls == same.sink_stalls).mean() < 0.55


def test_schedule_survives_packing() -> None:
    schedule = Stimulus(frames=FRAMES, output_bytes=2, source_stall=0.3, seed=4, sink_waits_for_valid=True,
                        gaps={1: 9}, reset_after_bytes=5, reset_delay=3, reset_cycles=2,
                        deadline=77).schedule()
    again = Schedule.unpack(schedule.pack())
    for name in ("data", "last", "waits", "source_stalls", "sink_stalls"):
        assert np.array_equal(getattr(again, name), getattr(schedule, name)), name
    for name in Schedule.SETTINGS:
        assert getattr(again, name) == getattr(schedule, name), name


def test_record_survives_packing() -> None:
    record = Record(fault=Fault.LAST_EARLY, cycle=99, prelude=True, sent=7, cycles=-1, tlast_error=True,
                    frame_cycles=(5, 2**40), outputs=b"\x80\xff\0")
    assert Record.unpack(record.pack()) == record


@pytest.mark.parametrize(("settings", "sentence"), [
    ({"frames": FRAMES.astype(np.uint8)}, NO_FRAMES),
    ({"frames": FRAMES[:0]}, NO_FRAMES),
    ({"frames": FRAMES[0]}, NO_FRAMES),
    ({"output_bytes": 0}, "output_bytes must be at least 1, not 0"),
    ({"source_stall": 1.0}, "source_stall must be in [0, 1), not 1.0"),
    ({"sink_stall": -0.1}, "sink_stall must be in [0, 1), not -0.1"),
    ({"gaps": {3: 1}}, "gaps must map 0..2 to cycles >= 0, not 3 to 1"),
    ({"pauses": {11: -1}}, "pauses must map 0..11 to cycles >= 0, not 11 to -1"),
    ({"reset_after_bytes": 13}, "reset_after_bytes must be in 0..12, not 13"),
    ({"reset_delay": -1}, "reset_delay must not be negative, not -1"),
    ({"reset_cycles": 0}, "reset_cycles must be at least 1, not 0"),
    ({"tlast_errors": frozenset({12})}, "tlast_errors must be in 0..11, not [12]"),
    ({"deadline": 0}, "deadline must be at least 1, not 0"),
])
def test_stimulus_refuses(settings: dict, sentence: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(sentence)}$"):
        Stimulus(**{"frames": FRAMES, "output_bytes": 2, **settings})


def test_cache_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATECAST_CACHE", "/chosen")
    assert cache_folder() == Path("/chosen")
    monkeypatch.setenv("GATECAST_CACHE", "")
    monkeypatch.setenv("XDG_CACHE_HOME", "/user")
    assert cache_folder() == Path("/user/gatecast")
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "gatecast"


def test_build_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path))
    built: list[str] = []

    def build(text: str) -> Path:
        def make(folder: Path) -> Path:
            built.append(text)
            (folder / "rubbish").write_text("")
            (folder / "result").write_text(text)
            return folder / "result"
        return build_once("kind", [text, "option"], make)

    assert build("a").read_text() == build("a").read_text() == "a"
    assert build("b").read_text() == "b"
    assert built == ["a", "b"]
    for number in range(KEPT):
        build(str(number))
    # The two oldest made room, and nothing else lies about.
    assert len(list((tmp_path / "kind").iterdir())) == KEPT
    build("a")
    assert built.count("a") == 2


def test_a_failed_build_leaves_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path))

    def make(folder: Path) -> Path:
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        build_once("kind", ["text"], make)
    assert list((tmp_path / "kind").iterdir()) == []


def test_a_cache_that_cannot_be_written_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GATECAST_CACHE", str(tmp_path / "file"))
    with pytest.raises(InputError, match=(
            f"^the cache {tmp_path}/file/kind cannot be written [(]not a directory[)]; set GATECAST_CACHE to "
            f"another folder$")):
        build_once("kind", ["text"], lambda folder: folder)


def test_a_file_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "file"
    with written_whole(path) as file:
        file.write_text("first")
        assert not path.exists()
    with pytest.raises(KeyboardInterrupt), written_whole(path) as file:
        file.write_text("half of the sec")
        raise KeyboardInterrupt
    assert path.read_text() == "first"
    assert list(tmp_path.iterdir()) == [path]


def test_an_interrupted_process_takes_its_children_along(tmp_path: Path) -> None:
    def interrupt() -> None:
        if len((tmp_path / "log.txt").read_text().split()) == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        run("The sleeper", ["sh", "-c", "sleep 100 & echo $$ $!; wait"], folder=tmp_path, look=interrupt)

    def alive(pid: str) -> bool:
        # Killed processes may still wait for whoever adopts orphans here.
        stat = subprocess.run(["ps", "-o", "stat=", "-p", pid], capture_output=True, text=True, check=False)
        return stat.stdout.strip()[:1] not in ("", "Z")

    pids = (tmp_path / "log.txt").read_text().split()
    deadline = time.monotonic() + 10
    while any(map(alive, pids)) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not any(map(alive, pids))


@pytest.mark.parametrize(("script", "sentence"), [
    ("exit 3", "The tool failed with exit code 3: it printed nothing"),
    ("echo one; echo two; exit 1", "The tool failed with exit code 1: two"),
    ("echo 'x: error: this'; echo after; exit 1", "The tool failed with exit code 1: x: error: this"),
    ("echo '%Warning-LATCH: that'; echo '%Error: Exiting'; exit 1",
     "The tool failed with exit code 1: %Warning-LATCH: that"),
])
def test_a_failed_process_is_told_with_its_telling_line(tmp_path: Path, script: str, sentence: str) -> None:
    with pytest.raises(CheckError, match=f"^{re.escape(sentence)}$"):
        run("The tool", ["sh", "-c", script], folder=tmp_path)


def test_progress_file(tmp_path: Path) -> None:
    progress = tmp_path / "progress"
    assert frames_so_far(progress) == 0
    progress.write_bytes(b"\1")
    assert frames_so_far(progress) == 0
    progress.write_bytes((300).to_bytes(8, "little"))
    assert frames_so_far(progress) == 300
