"""Ruff, for what it already knows of asynchronous code, exceptions and dates. One run serves several rules."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from checks.tools.process import Tool

if TYPE_CHECKING:
    from checks.model import Finding
    from checks.project import Project
    from checks.rule import Rule

# Our rule → the rules of ruff that do its work.
SELECTED = {
    "RUN01": ("ASYNC210", "ASYNC212", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC250", "ASYNC251"),
    "RUN03": ("BLE001", "E722", "S110", "S112"),
    "RUN04": ("RUF006",),
    "RUN07": ("DTZ",),
}
FOLDERS = ("services", "autional_cli", "checks", "migrations")


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding of ruff."""

    path: str
    line: int
    code: str
    message: str


def start(root: Path) -> Tool[list[Violation]]:
    """Start ruff on a workspace. The project's own selection does not matter; its `noqa` comments do."""
    folders = [name for name in FOLDERS if (root / name).is_dir()]
    selection = ",".join(code for codes in SELECTED.values() for code in codes)
    arguments = ["check", "--isolated", "--no-cache", "--quiet", "--exit-zero", "--output-format", "json"]
    arguments += ["--target-version", "py311", "--extend-exclude", "services/contracts"]
    return Tool("ruff", [*arguments, "--select", selection, *(folders or ["."])], root, lambda text: read(root, text))


def read(root: Path, text: str) -> list[Violation]:
    """Return the findings in ruff's JSON."""
    found = []
    for each in json.loads(text or "[]"):
        path = Path(each["filename"])
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        found.append(Violation(shown, each["location"]["row"], each["code"] or "syntax", each["message"]))
    return found


def judge(rule: Rule, project: Project) -> Iterator[Finding]:
    """Yield the findings of ruff that are those of one of our rules; its subjects are the files ruff looked at."""
    violations: list[Violation] = project.result("ruff")
    project.examined(rule.code, sum(1 for path in project.files if path.endswith(".py")))
    prefixes = SELECTED[rule.code]
    for one in violations:
        if one.code.startswith(prefixes):
            yield rule.finding(one.path, one.line, f"{one.message} [{one.code}]", symbol=one.code)
