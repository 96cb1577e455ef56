"""Small workspaces for the rules: a case is a folder of files, with what is expected marked where it is expected.

`tests/checks/cases/<id>/<kind>-<name>/…` where `kind` is `valid`, `invalid` or `near` (a near miss: valid, though it
looks like the harm). In an invalid case each line with a finding carries `expect: CODE` in a comment; where a file can
hold no comment, or the finding is of a whole file, `expect.txt` lists `path:line` (line 0 for a file) one a line. What
would upset this repository's own tools is written with the suffix `.case` (`broken.py.case`), which is taken off.
`_base/` is a Git commit made before the case's own files are put on top. `_given.json` is what the other lanes found.
`_with.txt` lists rules that run as well.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checks import registry
from checks.engine import Options, Report, run
from checks.model import Lane

CASES = Path(__file__).parent / "cases"
EXPECT = re.compile(r"expect: ([A-Z]{3}\d\d)")
TODAY = "2026-11-22"


@dataclass(frozen=True)
class Case:
    """One case of one rule."""

    code: str
    folder: Path

    @property
    def kind(self) -> str:
        """`valid`, `invalid` or `near`."""
        return self.folder.name.partition("-")[0]

    def __str__(self) -> str:
        return f"{self.code}-{self.folder.name}"


def cases() -> list[Case]:
    """Return all cases."""
    return [Case(folder.parent.name.upper(), folder) for folder in sorted(CASES.glob("*/*")) if folder.is_dir()]


def git(root: Path, *arguments: str) -> None:
    """Run git in a workspace, whoever the person at this machine is."""
    identity = ["-c", "user.name=Test", "-c", "user.email=test@example.test", "-c", "commit.gpgsign=false"]
    subprocess.run(["git", "-C", str(root), *identity, *arguments], check=True, capture_output=True, timeout=20)


def build(case: Case, root: Path) -> set[tuple[str, int]]:
    """Lay out a case's files as a workspace in Git, and return where findings are expected."""
    root.mkdir(parents=True)
    git(root, "init", "-q", "-b", "main")
    if (case.folder / "_base").is_dir():
        lay_out(case.folder / "_base", root)
        git(root, "add", "-A")
        git(root, "commit", "-q", "-m", "base")
    lay_out(case.folder, root)
    return expected(case, root)


def lay_out(folder: Path, root: Path) -> None:
    """Copy files, without the suffix `.case`."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if path.is_file() and relative.parts[0] not in ("_base", "_given.json", "_with.txt", "expect.txt"):
            target = root / relative.parent / path.name.removesuffix(".case")
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)


def expected(case: Case, root: Path) -> set[tuple[str, int]]:
    """Return path and line of each finding that the case expects."""
    found: set[tuple[str, int]] = set()
    for path in root.rglob("*"):
        if path.is_file() and ".git" not in path.parts:
            text = path.read_bytes().decode("utf-8", "replace")
            for number, line in enumerate(text.split("\n"), 1):
                if case.code in EXPECT.findall(line):
                    found.add((path.relative_to(root).as_posix(), number))
    listed = case.folder / "expect.txt"
    if listed.is_file():
        for line in listed.read_text(encoding="utf-8").split():
            name, _, place = line.rpartition(":")
            found.add((name, int(place)))
    return found


def check(case: Case, root: Path) -> Report:
    """Run the case's rule on its workspace."""
    companions = case.folder / "_with.txt"
    more = companions.read_text(encoding="utf-8").split() if companions.is_file() else []
    return look(root, [case.code, *more], given(case))


def given(case: Case) -> dict[str, Any]:
    """Return what the case says that other lanes found."""
    path = case.folder / "_given.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def look(root: Path, names: list[str], lanes: dict[str, Any] | None = None, **options: Any) -> Report:
    """Run rules on a workspace, whatever their lane."""
    import datetime

    today = datetime.date.fromisoformat(TODAY)
    return run(root, registry.pick(names), Options(frozenset(Lane), given=lanes or {}, today=today, **options))
