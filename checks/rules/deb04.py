"""No dead code.

Harm: what nobody calls is still read, changed and kept working by everybody.
Rule: each function, method, class and property is named somewhere in the workspace besides its own definition
[vulture]. Left out are what a framework calls: routes, fixtures, methods of classes with a base, migrations, rules.
Fix: remove it; the history keeps it.
Escape: `autional: ignore[DEB04] reason="…" until=…` on the definition.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source
from checks.tools.vulture import names, visitor

KINDS = {
    "defined_funcs": "function",
    "defined_methods": "method",
    "defined_classes": "class",
    "defined_props": "property",
}
FRAMEWORKS = [f"@{name}*" for name in ("*.get", "*.post", "*.put", "*.patch", "*.delete", "*.command", "*.callback")]
FRAMEWORKS += [
    "@pytest*",
    "@*.listens_for*",
    "@field_validator*",
    "@model_validator*",
    "@*.on_event*",
    "@given*",
    "@*.dispatch_for*",
]
ENTRY_POINT = re.compile(r"\w+(\.\w+)+:\w+")
PATHS = ("services/", "autional_cli/", "checks/", "migrations/", "tests/")


class Deb04(Rule):
    """Definitions are used; vulture looks at each file, the names are compared over all."""

    code = "DEB04"
    tier = Tier.P2
    title = "no dead code"

    def wants(self, source: Source) -> bool:
        return source.path.startswith(PATHS)

    def prepare(self) -> None:
        visitor()

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Module: self.module}

    def module(self, node: ast.Module, view: FileView) -> None:
        """Note what a file defines and uses."""
        found = names(view, FRAMEWORKS)
        framework = framework_lines(view)
        defined = [
            [item.name, kind, item.first_lineno]
            for field, kind in KINDS.items()
            for item in getattr(found, field)
            if item.first_lineno not in framework
        ]
        view.note({"used": sorted(found.used_names | set(entry_points(view))), "defined": defined})

    def judge(self, project: Project) -> Iterator[Finding]:
        notes = list(project.notes(self.code))
        used = {name for _, note in notes for name in note["used"]} | set(project.config.called_by_name)
        for path, note in notes:
            if path.startswith(("tests/", "migrations/")):
                continue  # what runs them finds them by name
            for name, kind, line in note["defined"]:
                project.examined(self.code)
                if name not in used:
                    yield self.finding(path, line, f"the {kind} {name} is used nowhere", symbol=name)


def entry_points(view: FileView) -> Iterator[str]:
    """Yield the names in texts of the form `package.module:name`, by which processes are told what to run."""
    for node in view.every(ast.Constant):
        if isinstance(node.value, str) and ":" in node.value and ENTRY_POINT.fullmatch(node.value):
            yield node.value.rpartition(":")[2]


def framework_lines(view: FileView) -> set[int]:
    """Return the first lines of methods whose class has a base, and of classes that are found by their base."""
    lines: set[int] = set()
    for node in view.every(ast.ClassDef):
        if node.bases:
            if any(isinstance(base, ast.Name) and base.id.endswith("Rule") for base in node.bases):
                lines.add(first_line(node))
            lines |= {
                first_line(each) for each in node.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
            }
    return lines


def first_line(node: ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Return the line of a definition or of its first decorator, as vulture counts."""
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])
