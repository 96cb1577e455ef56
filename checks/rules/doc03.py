"""No dead path, link or command in the documents.

Harm: the first thing a newcomer tries does not work.
Rule: in Markdown (but not in decisions, which are history), a path in backticks below a folder of the workspace exists,
a relative link leads somewhere, `autional x` is a command, `make x` a target.
Fix: write what is true now. A pattern (`services/<name>/…`, `*.py`) is no path.
Escape: `autional: ignore[DOC03] reason="…" until=…` in an HTML comment on the line.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePosixPath

from checks.facts.specs import name_of
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

TICKED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"(?<!!)\[[^\]\n]*\]\(([^)\s]+)\)")
PATH = re.compile(r"^[\w.-]+(/[\w.-]+)*/?$")
COMMAND = re.compile(r"(?:^|[\s`$(])(autional|make) ([a-z][\w-]*)")
TARGET = re.compile(r"^([a-zA-Z][\w-]*):", re.MULTILINE)
HISTORY = "docs/adr/"
FENCE = "```"


class Doc03(Rule):
    """Documents point at what exists."""

    code = "DOC03"
    tier = Tier.P1
    title = "no dead path, link or command in documents"

    def applies(self, project: Project) -> bool:
        return any(path.endswith(".md") for path in project.files)

    def judge(self, project: Project) -> Iterator[Finding]:
        known = set(project.files) | {entry for folder in folders(project) for entry in (folder, *parents(folder))}
        tops = {path.partition("/")[0] for path in known if "/" in path}
        commands, targets = commands_of(project), targets_of(project)
        for path in project.files:
            if not path.endswith(".md") or path.startswith(HISTORY):
                continue
            source = project.source(path)
            for number, text, is_code in marked(source):
                project.examined(self.code)
                for dead in dead_paths(path, text, known, tops) if not is_code else ():
                    if not (project.root / dead).exists():
                        yield self.finding(path, number, f"{dead} is not there", symbol=dead)
                for tool, word in commands_in(text, is_code):
                    if word not in (commands if tool == "autional" else targets):
                        yield self.finding(path, number, f"{tool} has no {word}", symbol=f"{tool} {word}")


def folders(project: Project) -> set[str]:
    """Return the folders that hold files."""
    return {path.rpartition("/")[0] for path in project.files if "/" in path}


def parents(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in."""
    yield from (str(each) for each in PurePosixPath(path).parents if str(each) != ".")


def marked(source: Source) -> Iterator[tuple[int, str, bool]]:
    """Yield number, text and whether it is code, of each line."""
    inside = False
    for number, text in enumerate(source.lines, 1):
        if text.lstrip().startswith(FENCE):
            inside = not inside
        else:
            yield number, text, inside


def dead_paths(place: str, text: str, known: set[str], tops: set[str]) -> Iterator[str]:
    """Yield what a line of prose points at and is not there: paths in backticks, and relative links."""
    for ticked in TICKED.findall(text):
        path = ticked.split()[0].rstrip("/").split(":")[0] if ticked.split() else ""
        inside = "/" in path and PATH.match(path) and path.partition("/")[0] in tops
        if inside and not {path, f"{path}.py"} & known:
            yield path
    for target in LINK.findall(text):
        path = target.partition("#")[0]
        if path and "://" not in path and not path.startswith(("mailto:", "/")):
            parts: list[str] = []
            for part in (PurePosixPath(place).parent / path).parts:
                parts = parts[:-1] if part == ".." else [*parts, part]
            full = "/".join(parts)
            if full not in known:
                yield full


def commands_in(text: str, is_code: bool) -> Iterator[tuple[str, str]]:
    """Yield `(tool, word)` of the commands that a line shows, in code or backticks; not in prose."""
    for part in [text] if is_code else TICKED.findall(text):
        shown = part.partition("#")[0] if is_code else part
        yield from COMMAND.findall(shown)


def commands_of(project: Project) -> set[str]:
    """Return the commands of the command line, from the table in its main module."""
    place = "autional_cli/main.py"
    if place not in project.files:
        return set()
    for node in project.tree(place).body:
        if isinstance(node, ast.AnnAssign) and name_of(node.target) == "COMMANDS" and isinstance(node.value, ast.Dict):
            return {str(key.value) for key in node.value.keys if isinstance(key, ast.Constant)}
    return set()


def targets_of(project: Project) -> set[str]:
    """Return the targets of the Makefile."""
    return set(TARGET.findall(project.source("Makefile").text)) if "Makefile" in project.files else set()
