"""Revisions go up, down and up again.

Harm: the way back is needed on the worst day, and has never been walked.
Rule: on an empty database every `upgrade` works, every `downgrade` undoes it wholly, and a second `upgrade` makes the
same schema as the first.
Fix: mend `downgrade`; where nothing can bring data back, it still brings back the schema.
Escape: none.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from checks.facts.revisions import Revision, Revisions
from checks.lanes.pending import Pending
from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Dat05(Rule):
    """Revisions go up, down and up again."""

    code = "DAT05"
    tier = Tier.P1
    title = "revisions go up, down and up again"

    lane = Lane.DATA

    def applies(self, project: Project) -> bool:
        return bool(project.facts(Revisions, Revision))

    def judge(self, project: Project) -> Iterator[Finding]:
        first = {one.service: (path, one) for path, one in reversed(project.facts(Revisions, Revision))}
        for service, (path, one) in sorted(first.items()):
            project.examined(self.code)
            files = [each for each in project.files if each.startswith((f"migrations/{service}/", "services/chassis/"))]
            for problem in project.memo(f"{self.code} {service}", files, partial(walked, project, service)):
                yield self.finding(path, one.upgrade_line, f"{service}: {problem}", symbol=service)


def walked(project: Project, service: str) -> list[str]:
    """Return what is wrong with a service's way there and back. IncompleteError without a running instance."""
    name = project.data.instance
    lane = Pending("checks.lanes.roundtrip", project.root, lambda answer: answer["problems"], (name, service))
    try:
        problems: dict[str, list[str]] = lane.result()
    finally:
        lane.close()
    return problems[service]
