"""One head per service.

Harm: two branches each added a revision; `migrate up` cannot know which comes first, and stops the deploy.
Rule: the revisions of a service form one chain: one first, one last, no gap, no two after the same.
Fix: let one follow the other in its `down_revision`.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.revisions import Revision, Revisions
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Dat04(Rule):
    """One head per service."""

    code = "DAT04"
    tier = Tier.P0
    title = "one head per service"

    def applies(self, project: Project) -> bool:
        return bool(project.facts(Revisions, Revision))

    def judge(self, project: Project) -> Iterator[Finding]:
        after: dict[tuple[str, str], str] = {}
        known = {(one.service, one.revision) for _, one in project.facts(Revisions, Revision)}
        seen: set[tuple[str, str]] = set()
        for path, one in project.facts(Revisions, Revision):
            project.examined(self.code)
            if (one.service, one.revision) in seen:
                yield self.finding(path, 0, f"{one.revision} is there twice", symbol=one.revision)
            seen.add((one.service, one.revision))
            if len(one.follows) > 1:
                yield self.finding(path, one.line, "follows several revisions; a chain has one before each")
            for before in one.follows or [""]:
                first = after.setdefault((one.service, before), one.revision)
                if first != one.revision:
                    message = f"follows {before or 'nothing'}, as {first} does: two heads"
                    yield self.finding(path, one.line, message, symbol=one.revision)
                if before and (one.service, before) not in known:
                    yield self.finding(path, one.line, f"follows {before}, which is not there", symbol=one.revision)
