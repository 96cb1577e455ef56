"""Consumers work through the inbox.

Harm: the bus delivers at least once: without a row in the effect's own transaction, an effect happens twice.
Rule: a service with PostgreSQL registers handlers with `with_consumer(db, …)`; nobody makes a `Consumer` by itself.
`with_raw_consumer` is for a store without transactions, whose writes are idempotent by event id.
Fix: `with_consumer(db, {"type": handler})`.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source


class Evt05(Rule):
    """Consumers have an inbox."""

    code = "EVT05"
    tier = Tier.P0
    title = "no consumer without inbox"

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def applies(self, project: Project) -> bool:
        return any(spec.consumes for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note how events are consumed."""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        if method in ("with_consumer", "with_raw_consumer"):
            view.note({"line": node.end_lineno or node.lineno, "service": view.service, "how": method})
        elif view.full_name(node.func) in ("services.chassis.bus.Consumer", "Consumer"):
            view.note({"line": node.lineno, "service": view.service, "how": "Consumer"})

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, note in project.notes(self.code):
            project.examined(self.code)
            spec = project.specs.get(note["service"])
            if note["how"] == "Consumer":
                yield self.finding(path, note["line"], "a Consumer made by hand has no inbox; use with_consumer(db, …)")
            elif note["how"] == "with_raw_consumer" and spec and spec.database == "postgres":
                message = f"{spec.service} has PostgreSQL: use with_consumer(db, …), where each effect happens once"
                yield self.finding(path, note["line"], message)
