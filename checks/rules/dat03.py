"""CHECK bodies, indexes and server defaults agree.

Harm: a constraint whose body was changed in one place lets in what the other forbids; a lost index is a slow page.
Rule: bodies of CHECK constraints, columns, order, uniqueness and predicate of indexes, and server defaults are those of
the models, as PostgreSQL itself prints both.
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.drift import differences
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Dat03(Rule):
    """CHECK bodies, indexes and server defaults agree."""

    code = "DAT03"
    tier = Tier.P1
    title = "CHECK bodies, indexes and server defaults agree"
    lane = Lane.DATA
    aliases = ("check-db-schema",)

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        yield from differences(self, project, {"check_": True, "index_": True, "column_default": True})
