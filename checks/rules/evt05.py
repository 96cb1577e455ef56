"""Consumers work through the inbox.

Harm: the bus delivers at least once: without a row in the effect's own transaction, an effect happens twice.
Rule: a service with PostgreSQL registers handlers with `with_consumer(db, …)`; nobody makes a `Consumer` by itself.
`with_raw_consumer` is for a store without transactions, whose writes are idempotent by event id. A class derived from
`Consumer` is one, under whatever name; so is whoever reads streams or channels itself (`xreadgroup`, `subscribe` …).
Not seen: a command whose name is only known when it runs.
Fix: `with_consumer(db, {"type": handler})`.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.commands import is_connection, sent
from checks.facts import FileView
from checks.facts.imports import circumstances
from checks.model import Finding, Tier
from checks.project import Project
from checks.resolution import is_ours
from checks.rule import Rule
from checks.sources import Source

CONSUMER = "services.chassis.bus.Consumer"
READING = frozenset({"xreadgroup", "xread", "xautoclaim", "xclaim", "blpop", "brpop", "blmpop", "brpoplpush"})
LISTENING = frozenset({"subscribe", "psubscribe", "ssubscribe"})


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
        return {
            ast.Call: self.call,
            ast.Attribute: self.attribute,
            ast.ClassDef: self.subclass,
            ast.ImportFrom: self.imported,
        }

    def call(self, node: ast.Call, view: FileView) -> None:
        """Note how events are consumed."""
        method = node.func.attr if isinstance(node.func, ast.Attribute) else ""
        name = view.names.called(node)
        if method in ("with_consumer", "with_raw_consumer"):
            view.note({"line": node.end_lineno or node.lineno, "service": view.service, "how": method})
        elif name == "Consumer":  # imported from nobody knows where
            view.note({"line": node.lineno, "service": view.service, "how": "Consumer", "name": CONSUMER})
        elif is_ours(name) and name.rpartition(".")[2][:1].isupper():
            view.note({"line": node.lineno, "service": view.service, "how": "Consumer", "name": name})
        for command in sent(node, view, READING):
            if command in READING | LISTENING:
                view.note({"line": node.lineno, "service": view.service, "how": command})

    def attribute(self, node: ast.Attribute, view: FileView) -> None:
        """Note a method that reads a stream or a channel."""
        for command in sent(node, view, READING | LISTENING):
            if command in READING or is_connection(node, view):
                view.note({"line": node.lineno, "service": view.service, "how": command})

    def subclass(self, node: ast.ClassDef, view: FileView) -> None:
        """Note what a class is derived from."""
        for base in node.bases:
            name = view.full_name(base)
            if is_ours(name):
                view.note({"line": node.lineno, "service": view.service, "how": "Consumer", "name": name})

    def imported(self, node: ast.ImportFrom, view: FileView) -> None:
        """Note that `Consumer` is imported: a service has no other use for it than to make one."""
        typing_only, _ = circumstances(view)
        for each in node.names if not typing_only else ():
            if f"{node.module}.{each.name}" == CONSUMER:
                view.note({"line": node.lineno, "service": view.service, "how": "import", "name": CONSUMER})

    def judge(self, project: Project) -> Iterator[Finding]:
        notes = [(path, note) for path, note in project.notes(self.code)]
        named = [(path, note) for path, note in notes if note["how"] == "Consumer"]
        made = [(path, note) for path, note in named if project.names.name(note["name"]) == CONSUMER]
        told = {path for path, _ in made}
        made += [(path, note) for path, note in notes if note["how"] == "import" and path not in told]
        for path, note in made:
            yield self.finding(path, note["line"], "a Consumer made by hand has no inbox; use with_consumer(db, …)")
        project.examined(self.code, len(notes) - len(named) + len(made))
        for path, note in notes:
            spec = project.specs.get(note["service"])
            if note["how"] == "with_raw_consumer" and spec and spec.database == "postgres":
                message = f"{spec.service} has PostgreSQL: use with_consumer(db, …), where each effect happens once"
                yield self.finding(path, note["line"], message)
            elif note["how"] in READING | LISTENING:
                yield self.finding(
                    path, note["line"], f"{note['how']} reads events without inbox; use with_consumer(db, …)"
                )
