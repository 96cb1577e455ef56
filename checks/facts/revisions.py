"""Revisions: what each migration file says it is and follows."""

from __future__ import annotations

import ast
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checks.facts import FileView
from checks.facts.specs import literal, name_of
from checks.rule import Collector
from checks.sources import Source


@dataclass(frozen=True, slots=True)
class Revision:
    """One migration file. `line` is that of `down_revision`, `upgrade_line` that of `def upgrade`."""

    service: str
    line: int
    upgrade_line: int
    revision: str
    follows: list[str]


class Revisions(Collector):
    """Collects `Revision`."""

    code = "revisions"
    fact = Revision

    def wants(self, source: Source) -> bool:
        return source.path.startswith("migrations/") and bool(source.service)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Module: self.module}

    def module(self, node: ast.Module, view: FileView) -> None:
        """Note the file's revision."""
        values: dict[str, tuple[int, Any]] = {}
        upgrade = 1
        for each in node.body:
            if isinstance(each, ast.FunctionDef) and each.name == "upgrade":
                upgrade = each.lineno
            targets = each.targets if isinstance(each, ast.Assign) else [getattr(each, "target", None)]
            value = getattr(each, "value", None)
            if value is not None:
                values |= {name_of(one): (each.lineno, literal(value)) for one in targets if one is not None}
        line, follows = values.get("down_revision", (1, None))
        before = [follows] if isinstance(follows, str) else list(follows or ())
        if "revision" in values:
            view.note(Revision(view.service, line, upgrade, str(values["revision"][1]), before))
