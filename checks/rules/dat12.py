"""The live revision is the head.

Harm: code of today on tables of last week.
Rule: the revision in each live database is the one head of the service's migrations.
Fix: `autional migrate up`.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.drift import differences
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Dat12(Rule):
    """The live revision is the head."""

    code = "DAT12"
    tier = Tier.P0
    title = "the live revision is the head"
    lane = Lane.DATA

    def applies(self, project: Project) -> bool:
        return any(spec.database == "postgres" for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        yield from differences(self, project, {"revision_": True})
