"""Ruff, for what it already knows of asynchronous code, exceptions and dates. One run serves several rules.

What it finds in a file depends on that file alone, so it looks only at those that are not known.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from checks.cache import digest
from checks.lanes.pending import Known
from checks.model import IncompleteError
from checks.rule import Rule
from checks.sources import read
from checks.tools.process import Tool, locate

if TYPE_CHECKING:
    from checks.cache import Cache
    from checks.facts import FileView
    from checks.model import Finding
    from checks.project import Project
    from checks.sources import Entry

# Our rule → the rules of ruff that do its work.
SELECTED = {
    "RUN01": ("ASYNC210", "ASYNC212", "ASYNC220", "ASYNC221", "ASYNC222", "ASYNC230", "ASYNC250", "ASYNC251"),
    "RUN03": ("BLE001", "E722", "S110", "S112"),
    "RUN04": ("RUF006",),
    "RUN07": ("DTZ",),
}
# Those of P1 rules: what a P0 rule finds, no comment lets through, be it ours or ruff's own.
MAY_BE_EXCUSED = ("BLE001", "E722", "S110", "S112", "DTZ")
NOQA = re.compile(r"(?i)#\s*(?:(?:ruff|flake8)\s*:\s*)?noqa(?::\s*(?P<codes>[A-Z]+\d+(?:[,\s]+[A-Z]+\d+)*))?")
WHOLE_FILE = re.compile(r"(?i)\s*#\s*(?:ruff|flake8)\s*:\s*noqa")
FOLDERS = ("services/", "autional_cli/", "checks/", "migrations/")
LEFT_OUT = "services/contracts/"
MANY = 5000  # files; more arguments than that a system may refuse


@dataclass(frozen=True, slots=True)
class Violation:
    """One finding of ruff."""

    path: str
    line: int
    code: str
    message: str


def start(root: Path, entries: Sequence[Entry], cache: Cache) -> Tool[list[Violation]] | Known[list[Violation]]:
    """Start ruff on what is not known yet. The project's own selection does not matter."""
    python = [entry for entry in entries if entry.suffix == ".py" and not entry.path.startswith(LEFT_OUT)]
    ours = [entry for entry in python if entry.path.startswith(FOLDERS)] or python
    selection = ",".join(code for codes in SELECTED.values() for code in codes)
    key = f"{version()} {selection}"
    known: dict[str, Any] = cache.recall("ruff", key) or {}
    kept = {each.path: known[each.path] for each in ours if each.path in known and cache.knows(each)}
    kept = {path: value for path, value in kept.items() if value[0] == cache.hash_of(path)}
    todo = [entry.path for entry in ours if entry.path not in kept]
    if not todo:
        return Known(violations(kept))
    before = {path: digest(read(root, path).data) for path in todo}

    def merge(text: str) -> list[Violation]:
        looked: dict[str, Any] = {path: [before[path], []] for path in todo}
        for path, *found in parse(root, text):
            if path in looked:
                looked[path][1].append(found)
        # A file that was written while ruff looked is looked at again by the next run.
        sure = {path: value for path, value in looked.items() if value[0] == cache.hash_of(path)}
        cache.remember("ruff", key, kept | sure)
        return violations(kept | looked)

    arguments = ["check", "--isolated", "--ignore-noqa", "--no-cache", "--quiet", "--exit-zero"]
    arguments += [
        "--output-format",
        "json",
        "--target-version",
        "py311",
        "--extend-exclude",
        LEFT_OUT.rstrip("/"),
        "--force-exclude",
    ]
    where = todo if len(todo) < MANY else ["."]
    return Tool("ruff", [*arguments, "--select", selection, "--", *where], root, merge)


def version() -> str:
    """Return what changes when another ruff is installed; empty without one, which `Tool` reports."""
    try:
        found = Path(locate("ruff")).stat()
    except (IncompleteError, OSError):
        return ""
    return f"{found.st_size} {found.st_mtime_ns}"


def parse(root: Path, text: str) -> Iterator[tuple[str, int, str, str]]:
    """Yield path, line, code and message of what is in ruff's JSON, but for what a `noqa` comment may let through."""
    lines: dict[str, list[str]] = {}
    for each in json.loads(text or "[]"):
        path = Path(each["filename"])
        shown = path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)
        code = each["code"] or "syntax"
        if code.startswith(MAY_BE_EXCUSED):
            if shown not in lines:
                lines[shown] = read(root, shown).lines
            if is_let_through(lines[shown], each["noqa_row"] or each["location"]["row"], code):
                continue
        yield shown, each["location"]["row"], code, each["message"]


def is_let_through(lines: Sequence[str], row: int, code: str) -> bool:
    """Whether a `noqa` comment on this line, or one for the whole file, names a code of ruff, or all of them."""
    here = lines[row - 1] if 0 < row <= len(lines) else ""
    whole = [line for line in lines if WHOLE_FILE.match(line)]
    found = [match for line in (here, *whole) for match in [NOQA.search(line)] if match]
    return any(not match["codes"] or code in re.split(r"[,\s]+", match["codes"].upper()) for match in found)


def violations(known: dict[str, Any]) -> list[Violation]:
    """Return what was found, by file."""
    return [Violation(path, *found) for path, (_, all_found) in sorted(known.items()) for found in all_found]


class RuffRule(Rule):
    """A rule whose work ruff does; its subjects are the files that ruff looked at."""

    needs = ("ruff",)

    def judge(self, project: Project) -> Iterator[Finding]:
        found: list[Violation] = project.result("ruff")
        project.examined(self.code, sum(1 for path in project.files if path.endswith(".py")))
        prefixes = SELECTED[self.code]
        for one in found:
            if one.code.startswith(prefixes):
                yield self.finding(one.path, one.line, f"{one.message} [{one.code}]", symbol=one.code)


def is_excused(view: FileView, node: ast.AST, prefix: str) -> bool:
    """Whether a `noqa` comment covers a node, for P1 rules: what ruff was told to leave is left here too."""
    for number in {getattr(node, "lineno", 0), getattr(node, "end_lineno", 0)}:
        line = view.source.lines[number - 1] if 0 < number <= len(view.source.lines) else ""
        _, found, codes = line.partition("noqa")
        if found and (prefix in codes or not codes.startswith(":")):
            return True
    return False
