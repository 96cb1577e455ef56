"""A released revision is never edited.

Harm: databases that ran the old text never get the new one; two machines with one revision have two schemas.
Rule: a file of `migrations/<service>/` that the base branch has is the same here, byte for byte.
Fix: put it back, and write another revision.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.revisions import Revision, Revisions
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Dat08(Rule):
    """A released revision is never edited."""

    code = "DAT08"
    tier = Tier.P0
    title = "a released revision is never edited"

    def applies(self, project: Project) -> bool:
        return bool(project.facts(Revisions, Revision))

    def judge(self, project: Project) -> Iterator[Finding]:
        here = {path for path, _ in project.facts(Revisions, Revision)}
        project.examined(self.code, len(here))
        released = {path for path in project.base.paths if path.startswith("migrations/") and path.count("/") == 2}
        for path in sorted(project.base.changed & {each for each in released if each.endswith(".py")}):
            if path in here:
                yield self.finding(path, 1, "is released, and was edited; write another revision")
            else:
                service = path.split("/")[1]
                message = f"{path} is released, and is gone"
                yield self.finding(f"services/{service}/service.py", 0, message, symbol=path)
