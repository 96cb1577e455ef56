"""A workspace works wherever it lies, or is refused in one line: paths go into SQL, YAML, patterns, INI files, URLs."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.platform.running import ROOT, Platform

STACK = "version: 1\ndriver: embedded\nservices:\n  profile: {}\n  audit: {}\n  notification: {}\n"
ODD = "a %s %%(here)s 'q' \"d\" ü用 #?$HOME & ;*[x]{y} \\z :w@h ~"
LONG = "/".join(["x" * 100] * 3)  # longer than the address of a Unix socket


def workspace(root: Path) -> Path:
    """Make a workspace of its own at `root`."""
    for name in ("services", "migrations"):
        shutil.copytree(ROOT / name, root / name, ignore=shutil.ignore_patterns("__pycache__"))
    (root / "stacks").mkdir()
    (root / "stacks" / "full.yaml").write_text(STACK, encoding="utf-8")
    return root


@pytest.mark.parametrize("name", [ODD, LONG], ids=["odd", "long"])
def test_every_command_works_in_a_workspace_with_any_name(tmp_path: Path, name: str) -> None:
    own = Platform(
        instance=f"odd-{os.getpid()}",
        root=workspace(tmp_path / name / "w"),
        env={"XDG_CACHE_HOME": str(tmp_path / f"cache {ODD}")},
    )
    try:
        for _ in range(2):  # made anew, and from the template that was kept
            own.up()
            for command in (
                ("migrate", "status"),
                ("migrate", "rehearse"),
                ("drift",),
                ("db", "shell", "profile", "-c", "SELECT 1"),
                ("events", "tail"),
                ("logs", "-n", "1"),
                ("trace", "--errors"),
                ("why", "profile"),
                ("restart", "profile"),
            ):
                done = own.run(*command)
                assert done.returncode == 0, (command, done.stdout, done.stderr)
            own.down()
    finally:
        own.down()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[2Jb", os.fsdecode(b"a\xffb"), "/".join(["x" * 200] * 3)])
def test_a_path_that_cannot_be_carried_is_refused_in_one_line(tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    for mark in ("stacks", "services"):
        (root / mark).mkdir(parents=True)
    argv = [sys.executable, "-m", "autional_cli", "up"]
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
    done = subprocess.run(argv, cwd=root, env=clean, capture_output=True, text=True, timeout=30, check=False)
    assert done.returncode == 3, done.stderr
    first, second = done.stderr.splitlines()
    assert first.startswith("error: the workspace ")
    assert second.startswith("  next: ")
    assert "\x1b" not in done.stderr
    assert not (root / ".autional").exists()


def test_a_folder_that_was_deleted_is_said_so(tmp_path: Path) -> None:
    program = (
        "import os, sys; os.rmdir(os.getcwd()); os.execv(sys.executable, [sys.executable, '-m', 'autional_cli', 'ps'])"
    )
    here = tmp_path / "here"
    here.mkdir()
    clean = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
    argv = [sys.executable, "-c", program]
    done = subprocess.run(argv, cwd=here, env=clean, capture_output=True, text=True, timeout=30, check=False)
    assert (done.returncode, "the current folder has been deleted" in done.stderr) == (3, True), done.stderr
