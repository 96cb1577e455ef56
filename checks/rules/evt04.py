"""Events leave through the outbox alone.

Harm: an event that is sent before the commit tells of what never happened; one that is sent after it may be lost.
Rule: a service publishes with `unit.publish(…)` of its unit of work; it never calls `xadd`, nor `publish` of a bus,
cache or Redis connection, by method, by `execute_command`, by `getattr` or in a script.
Not seen: a command whose name is only known when it runs; bytes that are written to a socket.
Fix: open a transaction and publish in it.
Escape: none; P0.
"""

from __future__ import annotations

import ast
from collections.abc import Mapping
from typing import Any

from checks.commands import is_connection, sent
from checks.facts import FileView
from checks.model import Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

DIRECT = frozenset({"xadd", "rpush", "lpush", "rpushx", "lpushx", "spublish"})
BY_NAME = DIRECT | {"publish"}


class Evt04(Rule):
    """Nothing is published past the outbox."""

    code = "EVT04"
    tier = Tier.P0
    title = "no event is published outside the outbox"

    def wants(self, source: Source) -> bool:
        return bool(source.service) and source.path.startswith("services/")

    def applies(self, project: Project) -> bool:
        return any(spec.publishes for spec in project.specs.values())

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Call: self.call, ast.Attribute: self.attribute}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at a command that is sent by its name, or in a script."""
        if isinstance(node.func, ast.Attribute) and node.func.attr == "publish":
            view.examined()
        for command in sent(node, view, DIRECT):
            if command in BY_NAME:
                view.examined()
                view.report(node, f"{command} goes past the outbox; use unit.publish(…)")
                return

    def attribute(self, node: ast.Attribute, view: FileView) -> None:
        """Look at a method of a connection, called here or handed on to be called."""
        found = list(sent(node, view, BY_NAME))
        if found and (node.attr in DIRECT or is_connection(node, view)):
            view.examined()
            view.report(node, f"{ast.unparse(node)} goes past the outbox; use unit.publish(…)")
