"""No event changes so that its consumers break.

Harm: events wait in streams and dead letters for days; a consumer that reads yesterday's with today's code fails.
Rule: against the base branch, no registered type is gone while something consumes it, no field is gone, and none has
another type.
Fix: publish the new form as another type (`user.created.v2`) beside the old, until its last consumer has moved.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks import events
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Evt02(Rule):
    """Events only grow."""

    code = "EVT02"
    tier = Tier.P0
    title = "no breaking event change against the base branch"

    def applies(self, project: Project) -> bool:
        return any(spec.publishes for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        consumed = {kind for spec in project.specs.values() for kind in spec.consumes}
        for spec in project.specs.values():
            project.examined(self.code, len(spec.publishes))
            code = events.declared(project, spec.service)
            try:
                released = events.parse(project.base.read(events.place(spec.service)))
            except ValueError:
                continue  # what was not of the form then, is no promise
            for kind, before in released.items():
                if kind not in code:
                    if kind in consumed:
                        path, line = f"services/{spec.service}/service.py", spec.lines.get("publishes", spec.line)
                        yield self.finding(path, line, f"{kind} is gone, and is still consumed", symbol=kind)
                    continue
                path, one = code[kind]
                for what in events.broken(before.get("data", {}), one.data or {}):
                    yield self.finding(path, one.line, f"{kind}: {what}", symbol=kind)
