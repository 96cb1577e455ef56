"""No event changes so that its consumers break.

Harm: events wait in streams and dead letters for days; a consumer that reads yesterday's with today's code fails.
Rule: against the base branch, no registered type is gone while something consumes it, no field is gone, in a field as
well, and none may have another type, or be null, that it could not before.
Fix: publish the new form as another type (`user.created.v2`) beside the old, until its last consumer has moved.
Escape: none; P0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from checks import events
from checks.facts.events import Published
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

REGISTERED = re.compile(r"services/[^/]+/events\.json")


class Evt02(Rule):
    """Events only grow."""

    code = "EVT02"
    tier = Tier.P0
    title = "no breaking event change against the base branch"

    def applies(self, project: Project) -> bool:
        return any(spec.publishes for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        consumed = {kind for spec in project.specs.values() for kind in spec.consumes}
        code: dict[str, tuple[str, Published]] = {}
        for spec in project.specs.values():
            project.examined(self.code, len(spec.publishes))
            code |= events.declared(project, spec.service)  # a type may have moved to another service
        for name in sorted({path.split("/")[1] for path in project.base.paths if REGISTERED.fullmatch(path)}):
            declaration = project.specs.get(name)
            for kind, before in released(project, name).items():
                if kind not in code:
                    if kind in consumed:
                        line = declaration.lines.get("publishes", declaration.line) if declaration else 0
                        where = f"services/{name}/service.py"
                        yield self.finding(where, line, f"{kind} is gone, and is still consumed", symbol=kind)
                    continue
                path, one = code[kind]
                for what in events.broken(before.get("data", {}), one.data or {}):
                    yield self.finding(path, one.line, f"{kind}: {what}", symbol=kind)


def released(project: Project, name: str) -> events.Registered:
    """Return what a service has registered in the base branch; what was not of the form then, is no promise."""
    try:
        return events.parse(project.base.read(events.place(name)))
    except (ValueError, RecursionError):
        return {}
