"""Events leave through the outbox alone.

Harm: an event that is sent before the commit tells of what never happened; one that is sent after it may be lost.
Rule: a service publishes with `unit.publish(…)` of its unit of work; it never calls `xadd`, nor `publish` of a bus,
cache or Redis connection.
Fix: open a transaction and publish in it.
Escape: none; P0.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.specs import name_of
from checks.model import Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

DIRECT = frozenset({"xadd", "rpush", "lpush"})
CONNECTION = re.compile(r"(^|[._])(bus|redis|cache|pipeline|connection|client|stream)\w*$")


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
        return {ast.Call: self.call}

    def call(self, node: ast.Call, view: FileView) -> None:
        """Look at one call."""
        if not isinstance(node.func, ast.Attribute) or node.func.attr not in DIRECT | {"publish"}:
            return
        view.examined()
        receiver = name_of(node.func.value)
        if node.func.attr in DIRECT or CONNECTION.search(receiver):
            view.report(node, f"{receiver}.{node.func.attr} goes past the outbox; use unit.publish(…)")
