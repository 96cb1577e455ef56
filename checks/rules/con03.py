"""No breaking change of an API that is out.

Harm: clients that nobody here can change stop working.
Rule: against the committed document of the base branch (`services/<name>/openapi.json`), no operation, parameter, media
type, good status, header or field of an answer is gone; a request needs nothing more and is limited no tighter; an
answer holds no other types, values or nulls; nobody needs more to be let in. Defaults, texts and statuses of errors may
change.
Fix: keep the old beside the new for a while (a new route, a new field), and say in the changelog when the old one ends.
Escape: what the base branch has as `deprecated: true` (operation, parameter, field) may go: whoever uses it was told.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from checks.model import Finding, IncompleteError, Lane, Tier
from checks.openapi import breaking, operations
from checks.project import Project
from checks.rule import Rule

DOCUMENT = re.compile(r"services/[^/]+/openapi\.json")


class Con03(Rule):
    """The API only grows."""

    code = "CON03"
    tier = Tier.P0
    title = "no breaking OpenAPI change against the base branch"
    lane = Lane.CONTRACT

    def judge(self, project: Project) -> Iterator[Finding]:
        services = project.contract.services
        for name, contract in services.items():
            project.examined(self.code, max(1, sum(1 for _ in operations(contract.openapi))))
            if contract.error:
                continue
            for method, route, what in breaking(released(project, name), contract.openapi):
                path, line = contract.where(method, route)
                yield self.finding(path, line, f"{method.upper()} {route}: {what}", symbol=f"{method} {route}")
        gone = {path.split("/")[1] for path in project.base.paths if DOCUMENT.fullmatch(path)} - services.keys()
        for name in sorted(gone):
            for method, route, what in breaking(released(project, name), {}):
                message = f"the service {name} is gone: {method.upper()} {route} {what}"
                yield self.finding(f"services/{name}/service.py", 0, message, symbol=f"{method} {route}")
        unbuilt = [name for name, contract in services.items() if contract.error and released(project, name)]
        if unbuilt:
            hint = "autional check --rule CON01 says why"
            raise IncompleteError(f"{', '.join(unbuilt)} cannot be built, so there is nothing to compare", hint=hint)


def released(project: Project, name: str) -> dict[str, Any]:
    """Return a service's document of the base branch; what was none then, is no promise."""
    try:
        document = json.loads(project.base.read(f"services/{name}/openapi.json") or b"{}")
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}
