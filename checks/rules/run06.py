"""Every setting that is read is declared, and every one that is declared is read.

Harm: a misspelt setting is an AttributeError in production; one that nothing reads is believed to do something.
Rule: `settings.x` and `options.x` are fields of the chassis' Settings or of the service's own BaseSettings; no service
reads `os.environ` by itself; each field is read somewhere in `services/`.
Fix: declare the field with type, default and unit, or remove it.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.errors import Names
from checks.facts.specs import name_of
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

HOLDERS = ("settings", "_settings", "options", "_options")
FRAMEWORK = ("model_", "settings_customise_sources")
# A dict that happens to be called options.
MAPPING = frozenset(dir(dict))


class Run06(Rule):
    """Settings are declared and read."""

    code = "RUN06"
    tier = Tier.P0
    title = "settings are declared and read"

    def wants(self, source: Source) -> bool:
        return source.path.startswith("services/")

    def applies(self, project: Project) -> bool:
        return any(note["kind"] == "field" for _, note in project.notes(self.code))

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {
            ast.ClassDef: self.declaration,
            ast.Attribute: self.reading,
            ast.Call: self.call,
            ast.Subscript: self.item,
        }

    def declaration(self, node: ast.ClassDef, view: FileView) -> None:
        """Note the fields of a settings class."""
        if any(name_of(base).rpartition(".")[2] == "BaseSettings" for base in node.bases):
            for each in node.body:
                if isinstance(each, ast.AnnAssign) and isinstance(each.target, ast.Name):
                    view.note({"kind": "field", "name": each.target.id, "line": each.lineno, "service": view.service})
                elif isinstance(each, ast.FunctionDef):
                    view.note({"kind": "method", "name": each.name, "line": each.lineno, "service": view.service})

    def reading(self, node: ast.Attribute, view: FileView) -> None:
        """Note `settings.x`."""
        holder = name_of(node.value).rpartition(".")[2]
        if holder in HOLDERS and isinstance(node.ctx, ast.Load) and node.attr not in MAPPING:
            view.note({"kind": "read", "name": node.attr, "line": node.lineno, "service": view.service})

    def call(self, node: ast.Call, view: FileView) -> None:
        """Report `os.getenv(…)` in a service."""
        if view.service and view.full_name(node.func) in ("os.getenv", "os.environ.get"):
            view.report(node, "reads the environment by itself; declare a setting")

    def item(self, node: ast.Subscript, view: FileView) -> None:
        """Report `os.environ[…]` in a service."""
        if view.service and view.full_name(node.value) == "os.environ":
            view.report(node, "reads the environment by itself; declare a setting")

    def judge(self, project: Project) -> Iterator[Finding]:
        known: dict[str, set[str]] = {}
        notes = list(project.notes(self.code))
        for _, note in notes:
            if note["kind"] != "read":
                known.setdefault(note["service"], set()).add(note["name"])
        used = {name for path, name in project.notes(Names.code) if path.startswith("services/")}
        for path, note in notes:
            project.examined(self.code)
            name, service = note["name"], note["service"]
            declared = known.get("", set()) | known.get(service, set())
            if note["kind"] == "read" and known and name not in declared and not name.startswith(FRAMEWORK):
                yield self.finding(path, note["line"], f"the setting {name} is declared nowhere", symbol=name)
            elif note["kind"] == "field" and name not in used:
                yield self.finding(path, note["line"], f"the setting {name} is read nowhere", symbol=name)
