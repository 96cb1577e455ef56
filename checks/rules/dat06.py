"""New revisions take no long locks.

Harm: one `ALTER TABLE` that rewrites a table stops every login while it runs, and all that queue behind it.
Rule: each revision that is not in the base branch yet is read by squawk, alone: no index without CONCURRENTLY on a
table that exists, no constraint checked at once, no required column without default, no type change that rewrites, no
drop or rename that the running code still needs. Blocks (`DO`), functions and `EXECUTE` are read inside; what can only
be known when it runs is a finding.
Fix: the message has the safe recipe: add nullable, fill in batches, then constrain `NOT VALID` and validate; create
indexes concurrently in an autocommit block; drop a column one release after the code stopped reading it.
Escape: none; P0. What squawk warns of has a safe recipe, for small tables as well.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Any

from checks.facts import FileView
from checks.facts.revisions import Revision, Revisions
from checks.lanes.pending import Pending
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import Source

# What decides which statements a revision has, and which are new to a table.
ASKING = frozenset({"get_bind", "is_offline_mode", "as_sql"})
SHARED = ("migrations/", "services/chassis/", "autional_cli/migrations/")


class Dat06(Rule):
    """New revisions take no long locks."""

    code = "DAT06"
    tier = Tier.P0
    title = "new revisions take no long locks"

    def applies(self, project: Project) -> bool:
        return bool(self.new(project))

    def judge(self, project: Project) -> Iterator[Finding]:
        revisions = self.new(project)
        if not revisions:
            return
        project.examined(self.code, len(revisions))
        files = [path for path in project.files if path.startswith(SHARED)]
        new = " ".join(sorted(revisions))
        said = project.memo(self.code, files, lambda: squawked(project, list(revisions.values())), also=new)
        for path, note in project.notes(self.code):
            if path in revisions:
                message = f"{note['name']}: what runs may be other than what is written as SQL; nobody can look inside"
                yield self.finding(path, note["line"], message, symbol=note["name"])
        for path, one in revisions.items():
            for each in said.get(f"{one.service}:{one.revision}", ()):
                message = f"{each['statement']}: {each['message']} {each['help']} [{each['rule']}]".replace("  ", " ")
                yield self.finding(path, one.upgrade_line, message, symbol=f"{one.revision} {each['rule']}")

    def wants(self, source: Source) -> bool:
        return source.path.startswith("migrations/") and bool(source.service)

    def handlers(self) -> Mapping[type[ast.AST], Any]:
        return {ast.Attribute: self.attribute, ast.alias: self.alias}

    def attribute(self, node: ast.Attribute, view: FileView) -> None:
        """Note what asks for a connection, or whether there is one: without, it does nothing or something else."""
        of = node.value.func if isinstance(node.value, ast.Call) else None
        on_context = isinstance(of, ast.Attribute) and of.attr == "get_context" and node.attr in ("bind", "connection")
        if (node.attr in ASKING or on_context) and "downgrade" not in view.symbol.split("."):
            view.note({"name": node.attr, "line": node.lineno})

    def alias(self, node: ast.alias, view: FileView) -> None:
        """Note the same, imported by name."""
        if node.name in ASKING:
            view.note({"name": node.name, "line": node.lineno})

    @staticmethod
    def new(project: Project) -> dict[str, Revision]:
        """Return the revisions that the base branch does not have, by path."""
        found = project.facts(Revisions, Revision)
        return {path: one for path, one in found if path not in project.base.paths}


def squawked(project: Project, revisions: list[Revision]) -> dict[str, list[dict[str, str]]]:
    """Return what squawk says of each revision. IncompleteError when it cannot look."""
    names = tuple(f"{one.service}:{one.revision}" for one in revisions)
    lane = Pending("checks.lanes.locks", project.root, lambda answer: answer["revisions"], names)
    try:
        said: dict[str, list[dict[str, str]]] = lane.result()
    finally:
        lane.close()
    return said
