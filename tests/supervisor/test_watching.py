"""The watcher sees every edit and nothing else, whatever happens to the folders, and never ends in silence."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from autional_cli.supervisor.examine import supervisor
from autional_cli.supervisor.watch import Sources, syntax_error
from tests.supervisor.harness import Harness, eventually
from tests.supervisor.test_editing import edited, says, served, write

__all__ = ["edited"]
LEFT_BY_EDITORS = (
    "#entry.py#",
    "entry.py~",
    ".entry.py.swp",
    "4913",
    ".entry.py.kate-swp",
    ".entry.py",
    "flycheck_x.py",
)


def code(harness: Harness, name: str) -> Path:
    return harness.root / "edited_code" / name


def test_what_editors_leave_and_folders_with_the_name_of_a_file_replace_nothing(edited: Harness) -> None:
    before = edited.pids()
    folder = code(edited, "identity")
    (folder / ".#entry.py").symlink_to("somebody@host.4711:1")  # dangling, as an editor's lock is
    for name in LEFT_BY_EDITORS:
        (folder / name).write_text("def broken(:")
    (folder / "draft.py").mkdir()
    write(edited, "session", "two")
    eventually(lambda: says(edited, "session") == "two", "the later edit to arrive")
    assert edited.pids()["identity"] == before["identity"]
    write(edited, "identity", "two")
    served(edited, "two")
    assert edited.unit("identity")["restarts"] == 0
    edited.remember()


def test_a_file_that_is_replaced_by_a_rename_is_an_edit(edited: Harness) -> None:
    fresh = code(edited, "identity") / "entry.py.new"
    fresh.write_text((code(edited, "identity") / "entry.py").read_text().replace("one", "two"))
    fresh.rename(code(edited, "identity") / "entry.py")
    served(edited, "two")
    edited.remember()


def test_a_folder_that_is_deleted_and_comes_back_is_watched_again(edited: Harness) -> None:
    before = edited.pids()["identity"]
    for text in ("two", "six"):
        shutil.move(code(edited, "identity"), edited.root / "aside")
        eventually(lambda: "not there" in edited.unit("identity")["status"], "the folder to be missed")
        shutil.move(edited.root / "aside", code(edited, "identity"))
        eventually(lambda: edited.unit("identity")["status"] == "serving", "the folder to be found")
        assert edited.pids()["identity"] == before  # the same code: nothing to replace
        write(edited, "identity", text)
        served(edited, text)
        before = edited.pids()["identity"]
    write(edited, "identity", "ten")
    served(edited, "ten")
    edited.remember()


def test_watching_that_fails_says_so_everywhere_and_comes_back(edited: Harness) -> None:
    before = edited.pids()["session"]
    shutil.move(edited.root / "edited_code", edited.root / "aside")
    trouble = eventually(lambda: edited.status()["troubles"], "the trouble")[0]
    assert trouble["work"] == "watching for edits"
    assert "edited_code" in trouble["error"]
    assert edited.ask("why", service="identity")["troubles"][0]["work"] == "watching for edits"
    found = supervisor(edited.instance)
    assert (found.level, "watching for edits does not work" in found.detail) == ("warn", True)
    shutil.move(edited.root / "aside", edited.root / "edited_code")
    write(edited, "identity", "two")  # while nobody watches, perhaps
    served(edited, "two")
    eventually(lambda: not edited.status()["troubles"], "the end of the trouble")
    write(edited, "identity", "ten")
    served(edited, "ten")
    assert edited.pids()["session"] == before
    told = [
        line
        for line in (edited.instance.logs_dir / "supervisor.jsonl").read_text().splitlines()
        if "watching for edits" in line
    ]
    assert "failed and is begun again" in told[0]
    assert "works again" in told[-1]
    edited.remember()


def test_checkouts_to_and_fro_end_with_the_code_that_is_there(edited: Harness) -> None:
    def git(*words: str) -> None:
        identity = ("-c", "user.name=t", "-c", "user.email=t@t", "-c", "init.defaultBranch=one")
        subprocess.run(["git", *identity, *words], cwd=edited.root / "edited_code", check=True, capture_output=True)

    git("init")
    git("add", ".")
    git("commit", "-m", "one")
    git("checkout", "-b", "two")
    write(edited, "identity", "two")
    (code(edited, "identity") / "more").mkdir()
    (code(edited, "identity") / "more" / "x.py").touch()
    git("add", ".")
    git("commit", "-m", "two")
    served(edited, "two")
    for _ in range(6):
        git("checkout", "one")
        git("checkout", "two")
    git("checkout", "one")
    served(edited, "one")
    write(edited, "identity", "ten")
    served(edited, "ten")
    assert edited.status()["troubles"] == []
    edited.remember()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_cannot_be_read_is_said_and_taken_once_it_can(tmp_path: Path) -> None:
    path = tmp_path / "x.py"
    sources = Sources()
    sources.follow([tmp_path])
    path.touch(mode=0)
    assert sources.changed() == {path}
    assert "cannot be read" in syntax_error([path])
    path.chmod(0o600)
    assert sources.changed() == {path}
    assert syntax_error([path]) == ""


def test_changes_are_found_by_comparing(tmp_path: Path) -> None:
    folder = tmp_path / "a"
    folder.mkdir()
    kept, gone = folder / "kept.py", folder / "gone.py"
    kept.touch()
    gone.touch()
    sources = Sources()
    sources.follow([folder])
    assert sources.changed() == frozenset()
    gone.unlink()
    (folder / "__pycache__").mkdir()
    (folder / "__pycache__" / "kept.py").touch()
    (folder / "loop").symlink_to(folder)
    assert sources.changed() == {gone}
    later = tmp_path / "b"
    later.mkdir()
    (later / "x.py").touch()
    sources.follow([folder, later])
    assert sources.changed() == frozenset()
    shutil.rmtree(folder)
    assert sources.changed() == {folder}
    folder.mkdir()
    assert sources.changed() == {folder, kept}
