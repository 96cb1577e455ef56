"""New revisions take no long locks.

Harm: one `ALTER TABLE` that rewrites a table stops every login while it runs, and all that queue behind it.
Rule: each revision that is not in the base branch yet is read by squawk, alone: no index without CONCURRENTLY on a
table that exists, no constraint checked at once, no required column without default, no type change that rewrites, no
drop or rename that the running code still needs.
Fix: the message has the safe recipe: add nullable, fill in batches, then constrain `NOT VALID` and validate; create
indexes concurrently in an autocommit block; drop a column one release after the code stopped reading it.
Escape: none; P0. What squawk warns of has a safe recipe, for small tables as well.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.revisions import Revision, Revisions
from checks.lanes.pending import Pending
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

# What decides which statements a revision has, and which are new to a table.
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
        for path, one in revisions.items():
            for each in said.get(f"{one.service}:{one.revision}", ()):
                message = f"{each['statement']}: {each['message']} {each['help']} [{each['rule']}]".replace("  ", " ")
                yield self.finding(path, one.upgrade_line, message, symbol=f"{one.revision} {each['rule']}")

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
