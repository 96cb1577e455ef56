"""Enum labels in code and database agree.

Harm: a label that the database does not know fails at the first insert; one that the code does not know at a read.
Rule: each enum type has the labels of the model, in their order [alembic-postgresql-enum].
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.drift import differences
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Dat02(Rule):
    """Enum labels in code and database agree."""

    code = "DAT02"
    tier = Tier.P0
    title = "enum labels in code and database agree"
    lane = Lane.DATA
    aliases = ("check-db-schema",)

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        yield from differences(self, project, {"enum_": True})
