"""MongoDB indexes and validators agree.

Harm: a query without its index reads the whole trail; a lost validator lets anything in.
Rule: collections, indexes and validators are those that the service declares.
Fix: restart the service, which creates them; `autional drift` shows the command.
Escape: none.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.drift import differences
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Dat13(Rule):
    """MongoDB indexes and validators agree."""

    code = "DAT13"
    tier = Tier.P1
    title = "MongoDB indexes and validators agree"
    lane = Lane.DATA

    def applies(self, project: Project) -> bool:
        return any(spec.database == "mongo" for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        yield from differences(self, project, {})
