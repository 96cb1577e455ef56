"""Models and live database agree.

Harm: the code asks for a column that is not there, in the middle of the night after a deploy.
Rule: tables, columns, types, nullability, keys, sequences, views and triggers of every service's live database are
those of its models, and nothing else is there [alembic in process; both sides are read from the catalogue].
Fix: `autional drift` shows both sides and what mends it; `autional migrate new -s SERVICE -m …` writes the revision.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.drift import differences
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule

# Beginnings of kinds that DAT02, DAT03 and DAT12 speak of; all others are differences of this rule.
OTHERS = ("enum_", "check_", "index_", "column_default", "revision_")


class Dat01(Rule):
    """Models and live database agree."""

    code = "DAT01"
    tier = Tier.P0
    title = "models and live database agree"
    lane = Lane.DATA
    aliases = ("check-db-schema",)

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        yield from differences(self, project, dict.fromkeys(OTHERS, False))
