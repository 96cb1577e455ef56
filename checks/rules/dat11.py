"""Times have a zone, and constraints their names by convention.

Harm: a naive time is an hour wrong twice a year; a constraint whose name the server made up cannot be dropped by name.
Rule: `DateTime` is `DateTime(timezone=True)` in models and revisions; a declarative Base has
`metadata = service_metadata()`, which carries the naming convention.
Fix: `Moment` or `Created` of the chassis; `service_metadata()`.
Escape: `autional: ignore[DAT11] reason="…" until=…` on the line.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.model import Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source


class Dat11(Rule):
    """Columns of time are aware, names are conventional."""

    code = "DAT11"
    tier = Tier.P1
    title = "no naive datetime column, naming convention"

    def wants(self, source: Source) -> bool:
        return bool(source.service)

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call, ast.Name: self.name, ast.Attribute: self.name, ast.ClassDef: self.base}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at `DateTime(…)` and `TIMESTAMP(…)`."""
        if self.is_time(node.func, view):
            view.examined()
            if not any(word.arg == "timezone" and literal(word.value) is True for word in node.keywords):
                view.report(node, "a time without a zone; write DateTime(timezone=True)")

    def name(self, node: ast.Name | ast.Attribute, view: FileView) -> None:
        """Look at `DateTime` that is not called."""
        parent = view.parent
        if self.is_time(node, view) and not (isinstance(parent, ast.Call) and parent.func is node):
            view.examined()
            view.report(node, "a time without a zone; write DateTime(timezone=True)")

    @staticmethod
    def is_time(node: ast.AST, view: FileView) -> bool:
        """Whether an expression is SQLAlchemy's type of a time."""
        name = view.full_name(node)
        return name.startswith("sqlalchemy") and name.rpartition(".")[2] in ("DateTime", "TIMESTAMP")

    def base(self, node: ast.ClassDef, view: FileView) -> None:
        """Look at a declarative base."""
        if not any(name_of(base).rpartition(".")[2] == "DeclarativeBase" for base in node.bases):
            return
        view.examined()
        for each in node.body:
            if isinstance(each, ast.Assign) and any(name_of(target) == "metadata" for target in each.targets):
                made = each.value
                if isinstance(made, ast.Call) and name_of(made.func).rpartition(".")[2] == "service_metadata":
                    return
        view.report(node, f"{node.name} lacks metadata = service_metadata(), the naming convention", symbol=node.name)
