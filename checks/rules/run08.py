"""What is acquired is released, by name.

Harm: a pool that nobody closes holds connections past the deploy, and the drain report says all is well.
Rule: what `build()` of a service makes of a class with `close`, `aclose` or `stop` is handed to `with_database`,
`with_server`, or has that method registered with `with_cleanup`.
Fix: `.with_cleanup("name", thing.close)`; cleanups run in reverse order, each with its own time limit.
Escape: `autional: ignore[RUN08] reason="…" until=…` on the line that makes it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

CLOSERS = frozenset({"close", "aclose", "stop"})
TAKERS = frozenset({"with_database", "with_server"})
# Of libraries, which the walk does not see into.
FOREIGN = frozenset({"ClientSession", "AsyncMongoClient", "ThreadPoolExecutor", "ProcessPoolExecutor"})


class Run08(Rule):
    """Resources have named cleanups."""

    code = "RUN08"
    tier = Tier.P1
    title = "a resource has a named cleanup"

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def applies(self, project: Project) -> bool:
        return any("made" in note for _, note in project.notes(self.code))

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.ClassDef: self.closeable, ast.FunctionDef: self.build}

    def closeable(self, node: ast.ClassDef, view: FileView) -> None:
        """Note a class that has something to close."""
        if any(isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef) and each.name in CLOSERS for each in node.body):
            view.note({"class": node.name})

    def build(self, node: ast.FunctionDef, view: FileView) -> None:
        """Note what `build` makes, and whether it is released."""
        if node.name != "build" or not view.path.endswith("/service.py"):
            return
        released = set(released_names(node))
        for each in ast.walk(node):
            if (
                isinstance(each, ast.Assign)
                and isinstance(each.value, ast.Call)
                and isinstance(each.targets[0], ast.Name)
            ):
                name, made = each.targets[0].id, name_of(each.value.func).rpartition(".")[2]
                view.note({"made": made, "name": name, "line": each.lineno, "released": name in released})

    def judge(self, project: Project) -> Iterator[Finding]:
        notes = list(project.notes(self.code))
        closeable = FOREIGN | {note["class"] for _, note in notes if "class" in note}
        for path, note in notes:
            if "made" in note:
                project.examined(self.code)
                if note["made"] in closeable and not note["released"]:
                    message = f"{note['name']} = {note['made']}(…) is never closed; add .with_cleanup(…)"
                    yield self.finding(path, note["line"], message, symbol=note["name"])


def released_names(function: ast.FunctionDef) -> Iterator[str]:
    """Yield the names that are handed over, or whose closing method is registered."""
    for node in ast.walk(function):
        if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
            continue
        for argument in (*node.args, *(word.value for word in node.keywords)):
            if node.func.attr in TAKERS and isinstance(argument, ast.Name):
                yield argument.id
            if node.func.attr == "with_cleanup" and isinstance(argument, ast.Attribute) and argument.attr in CLOSERS:
                yield name_of(argument.value)
