"""Changes: all or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.scaffold.change import Change, write
from tests.scaffold.workspaces import contents


def test_files_are_created_with_their_folders_and_edited_in_place(tmp_path: Path) -> None:
    edited = tmp_path / "run.sh"
    edited.write_text("old\n")
    edited.chmod(0o750)
    write(tmp_path, [Change("a/b/new.py", "new\n"), Change("run.sh", "fresh\n", "old\n")])
    assert (tmp_path / "a/b/new.py").read_text() == "new\n"
    assert edited.read_text() == "fresh\n"
    assert edited.stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize(
    "failing",
    [
        Change("taken/inner/file.py", "x"),  # `taken` is a file
        Change("edited.txt", "mine\n", "what it no longer holds\n"),
        Change("there.txt", "x"),
        Change("missing.txt", "x", "was here\n"),
    ],
    ids=["no-folder-possible", "edited-meanwhile", "created-meanwhile", "removed-meanwhile"],
)
def test_when_one_change_fails_those_before_it_are_undone(tmp_path: Path, failing: Change) -> None:
    for name in ("taken", "edited.txt", "there.txt", "first.txt"):
        (tmp_path / name).write_text("as it was\r\n", newline="")
    before = contents(tmp_path)
    earlier = [Change("new/deep/file.py", "x"), Change("first.txt", "changed\n", "as it was\r\n")]
    with pytest.raises(AutionalError, match="nothing was changed") as refused:
        write(tmp_path, [*earlier, failing])
    assert refused.value.exit_code == ExitCode.CONFIGURATION
    assert contents(tmp_path) == before


def test_an_interrupt_in_the_middle_undoes_as_well(tmp_path: Path) -> None:
    def interrupted() -> object:
        yield Change("new/file.py", "x")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(tmp_path, interrupted())  # type: ignore[arg-type]
    assert contents(tmp_path) == {}


def test_a_diff_shows_a_new_file_as_one() -> None:
    assert Change("a.py", "x\n").diff().startswith("--- /dev/null\n+++ b/a.py\n")
