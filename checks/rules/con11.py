"""Live answers conform to the contract.

Harm: the document says one thing, the service another; clients believe the document.
Rule: every public operation of the running instance, asked with made-up and with valid input, answers without a 5xx and
in the shape of its document [schemathesis]. Minutes of work, so only `--lane live` runs it, nightly.
Fix: mend the handler, or the types it declares.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Lane, Tier
from checks.project import Project
from checks.rule import Rule


class Con11(Rule):
    """Live answers are what was promised; schemathesis asks."""

    code = "CON11"
    tier = Tier.P0
    title = "live answers conform to the contract"
    lane = Lane.LIVE
    needs = ("live",)

    def judge(self, project: Project) -> Iterator[Finding]:
        for service, found in project.result("live").items():
            project.examined(self.code, found["operations"])
            path = f"services/{service}/routes.py"
            for each in found["failures"]:
                message = f"{each['operation']}: {each['message']}"
                yield self.finding(path, 0, message, symbol=each["operation"])
