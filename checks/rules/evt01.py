"""Every event is registered and versioned.

Harm: consumers find out what an event holds by reading its producer, and that it changed by failing.
Rule: a type given to `unit.publish` is a literal, named in `SPEC.publishes` of its own service, with fields that the
code says; `services/<name>/events.json` registers type, version and fields as they are; what SPEC names is published.
Fix: `--fix` writes `events.json` and counts the version up. (A change that breaks consumers is EVT02.)
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks import events
from checks.facts.events import Published, Publishes
from checks.facts.specs import Spec
from checks.model import Edit, Finding, Fix, Tier
from checks.project import Project
from checks.rule import Rule


class Evt01(Rule):
    """Events are registered."""

    code = "EVT01"
    tier = Tier.P0
    title = "an event is registered and versioned"

    def applies(self, project: Project) -> bool:
        return any(spec.publishes for spec in project.specs.values())

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, one in project.facts(Publishes, Published):
            project.examined(self.code)
            spec = project.specs.get(one.service)
            if not one.type:
                yield self.finding(path, one.line, "the type of an event is a literal", symbol=one.symbol)
            elif spec and one.type not in spec.publishes:
                message = f"{one.type} is not in SPEC.publishes of {one.service}"
                yield self.finding(path, one.line, message, symbol=one.type)
            elif one.data is None:
                yield self.finding(
                    path, one.line, f"what {one.type} holds cannot be read from the code", symbol=one.type
                )
        for spec in project.specs.values():
            yield from self.registration(project, spec)

    def registration(self, project: Project, spec: Spec) -> Iterator[Finding]:
        """Yield what is wrong with a service's `events.json`, and what it names and never publishes."""
        code = events.declared(project, spec.service)
        service_file = f"services/{spec.service}/service.py"
        for kind in sorted(set(spec.publishes) - set(code)):
            line = spec.lines.get("publishes", spec.line)
            yield self.finding(service_file, line, f"{kind} is declared and published nowhere", symbol=kind)
        place = events.place(spec.service)
        data = project.source(place).data if place in project.files else None
        try:
            present = events.parse(data)
        except ValueError as failure:
            yield self.finding(place, 0, f"is not a file of registered events: {failure}")
            return
        wanted = events.updated(present, code)
        if wanted == present or any(one.data is None for _, one in code.values()):
            return
        edit = Edit(place, 0, len(data or b""), events.written(wanted))
        changed = sorted(kind for kind in {*wanted, *present} if wanted.get(kind) != present.get(kind))
        message = f"{place} does not say what the code publishes: {', '.join(changed)}"
        where = place if data else service_file
        yield self.finding(where, 0, message, symbol="registration", fix=Fix(f"write {place}", (edit,)))
