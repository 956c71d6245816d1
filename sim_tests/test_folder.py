"""Build folders appear whole or not at all and never take somebody else's place."""

from pathlib import Path

import pytest

from gatecast.errors import InputError
from gatecast.folder import check_replaceable, seal, written_folder


def write(path: Path, text: str) -> None:
    with written_folder(path) as folder:
        (folder / "design.v").write_text(text)
        seal(folder, {"gatecast": "0"})


def refusal(path: Path) -> str:
    """Why ``path`` cannot be written; what is there must stay as it is."""
    with pytest.raises(InputError) as refused:
        check_replaceable(path)
    with pytest.raises(InputError), written_folder(path):
        pytest.fail("the folder was given out")
    return str(refused.value)


def test_new_folder_with_parents(tmp_path: Path) -> None:
    write(tmp_path / "a/b/out", "one")
    assert (tmp_path / "a/b/out/design.v").read_text() == "one"
    assert [path.name for path in (tmp_path / "a/b").iterdir()] == ["out"]


def test_mode_is_that_of_other_folders(tmp_path: Path) -> None:
    (tmp_path / "usual").mkdir()
    write(tmp_path / "out", "one")
    assert (tmp_path / "out").stat().st_mode == (tmp_path / "usual").stat().st_mode


def test_own_folder_is_replaced_as_a_whole(tmp_path: Path) -> None:
    with written_folder(tmp_path / "out") as folder:
        (folder / "old.v").touch()
        seal(folder, {"gatecast": "0"})
    write(tmp_path / "out", "two")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["design.v", "plan.json"]
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_empty_folder_is_taken(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    write(tmp_path / "out", "one")
    assert (tmp_path / "out/design.v").exists()


def test_link_stays_a_link(tmp_path: Path) -> None:
    write(tmp_path / "real", "one")
    (tmp_path / "link").symlink_to("real")
    write(tmp_path / "link", "two")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real/design.v").read_text() == "two"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_error_leaves_nothing(tmp_path: Path, error: type[BaseException]) -> None:
    with pytest.raises(error), written_folder(tmp_path / "a/b/out") as folder:
        (folder / "half").touch()
        raise error
    assert list(tmp_path.iterdir()) == []


def test_error_leaves_the_old_folder(tmp_path: Path) -> None:
    write(tmp_path / "out", "one")
    with pytest.raises(KeyboardInterrupt), written_folder(tmp_path / "out") as folder:
        (folder / "design.v").write_text("two")
        raise KeyboardInterrupt
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/design.v").read_text() == "one"


def test_interruption_while_folders_change_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path / "out", "one")
    rename, calls = Path.rename, []

    def interrupted(path: Path, target: Path) -> Path:
        calls.append(target)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "out", "two")
    assert len(calls) == 3
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/design.v").read_text() == "one"


def test_somebody_moved_in_meanwhile(tmp_path: Path) -> None:
    with pytest.raises(InputError), written_folder(tmp_path / "out"):
        (tmp_path / "out").mkdir()
        (tmp_path / "out/thesis.tex").touch()
    assert [path.name for path in tmp_path.iterdir()] == ["out"]
    assert (tmp_path / "out/thesis.tex").exists()


def test_foreign_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    assert refusal(tmp_path) == (f"{tmp_path} is not empty and was not written by Gatecast; "
                                 f"choose a new or an empty folder")


@pytest.mark.parametrize("text", ["", "[]", "3", '{"files": []}', '{"gatecast": 1}',
                                  '{"gatecast": 1, "files": 1}'])
def test_foreign_plan_does_not_make_it_ours(tmp_path: Path, text: str) -> None:
    (tmp_path / "plan.json").write_text(text)
    assert "was not written by Gatecast" in refusal(tmp_path)


def test_foreign_file_in_own_folder_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "out", "one")
    (tmp_path / "out/notes.txt").touch()
    assert refusal(tmp_path / "out") == (f"{tmp_path}/out holds notes.txt, which Gatecast did not write; "
                                         f"move it away or choose another folder")


def test_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "out").touch()
    assert refusal(tmp_path / "out") == f"{tmp_path}/out is a file; choose a folder"


def test_current_folder_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    assert refusal(Path(".")) == f"{tmp_path}/in is the current folder or above it; choose a folder in it"
    assert "above it" in refusal(Path(".."))


def test_unwritable_parent(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError) as refused, written_folder(tmp_path / "file/out"):
        pytest.fail("the folder was given out")
    assert str(refused.value) == (f"{tmp_path}/file/out cannot be written (Not a directory); "
                                  f"choose another folder")
