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

# What every service's revisions run with.
SHARED = ("migrations/env.py", "services/chassis/", "autional_cli/migrations/")


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
        files = {service: files_of(project, service) for service in first}
        walked = self.walk(project, [each for each in first if not project.known(f"{self.code} {each}", files[each])])
        for service, (path, one) in sorted(first.items()):
            project.examined(self.code)
            for problem in project.memo(f"{self.code} {service}", files[service], partial(walked.get, service)):
                yield self.finding(path, one.upgrade_line, f"{service}: {problem}", symbol=service)

    @staticmethod
    def walk(project: Project, services: list[str]) -> dict[str, list[str]]:
        """Return what is wrong with the way there and back of some services, in one process for all of them.

        IncompleteError without a running instance.
        """
        if not services:
            return {}
        arguments = (project.data.instance, *sorted(services))
        lane = Pending("checks.lanes.roundtrip", project.root, lambda answer: answer["problems"], arguments)
        try:
            problems: dict[str, list[str]] = lane.result()
        finally:
            lane.close()
        return problems


def files_of(project: Project, service: str) -> list[str]:
    """Return the files that decide what a service's revisions do."""
    return [each for each in project.files if each.startswith((f"migrations/{service}/", *SHARED))]
