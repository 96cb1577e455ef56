"""No breaking change of an API that is out.

Harm: clients that nobody here can change stop working.
Rule: against the committed document of the base branch (`services/<name>/openapi.json`), no operation, parameter or
field of an answer is gone, nothing optional has become required, no type or limit is narrower.
Fix: keep the old beside the new for a while (a new route, a new field), and say in the changelog when the old one ends.
Escape: what the base branch has as `deprecated: true` (operation, parameter, field) may go: whoever uses it was told.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

from checks.model import Finding, Lane, Tier
from checks.openapi import breaking, operations
from checks.project import Project
from checks.rule import Rule


class Con03(Rule):
    """The API only grows."""

    code = "CON03"
    tier = Tier.P0
    title = "no breaking OpenAPI change against the base branch"
    lane = Lane.CONTRACT

    def judge(self, project: Project) -> Iterator[Finding]:
        for name, contract in project.contract.services.items():
            project.examined(self.code, max(1, sum(1 for _ in operations(contract.openapi))))
            released = project.base.read(f"services/{name}/openapi.json")
            if released is None or contract.error:
                continue  # not out yet; or CON01 says why it cannot be built
            for method, route, what in breaking(json.loads(released), contract.openapi):
                path, line = contract.where(method, route)
                yield self.finding(path, line, f"{method.upper()} {route}: {what}", symbol=f"{method} {route}")
