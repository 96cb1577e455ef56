"""No event without a producer, none without a consumer.

Harm: a consumer waits for ever for what nobody says; an event that nobody hears costs a row, a stream and a reader.
Rule: each type that a SPEC consumes is published by some SPEC, and each that is published is consumed by one.
Fix: mend the name, or remove the end that is left over.
Escape: `autional: ignore[EVT03] reason="…" until=…` on the SPEC's line, while the other end is being built.
"""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule


class Evt03(Rule):
    """Events have both ends."""

    code = "EVT03"
    tier = Tier.P1
    title = "no orphan producer or consumer"

    def applies(self, project: Project) -> bool:
        return any(spec.publishes or spec.consumes for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        published = {kind for spec in project.specs.values() for kind in spec.publishes}
        consumed = {kind for spec in project.specs.values() for kind in spec.consumes}
        for spec in project.specs.values():
            path = f"services/{spec.service}/service.py"
            project.examined(self.code, len(spec.publishes) + len(spec.consumes))
            for kind in sorted(set(spec.consumes) - published):
                near = get_close_matches(kind, published, 1)
                message = f"nobody publishes {kind}" + (f"; did you mean {near[0]}?" if near else "")
                yield self.finding(path, spec.lines.get("consumes", spec.line), message, symbol=kind)
            for kind in sorted(set(spec.publishes) - consumed):
                line = spec.lines.get("publishes", spec.line)
                yield self.finding(path, line, f"nobody consumes {kind}", symbol=kind)
