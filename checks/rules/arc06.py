"""A service has the files that every service has.

Harm: a reader who knows one service does not know the next.
Rule: `__init__.py`, `service.py` with a SPEC and `build`, `errors.py`; with a database `store.py` and `models.py` (tables,
or collections), with PostgreSQL migrations; `routes.py` or a front of its own; `events.py` where it publishes or
consumes by handlers; `journey.py` where it has routes for users.
Fix: `autional new` writes all of them; `--fix` creates a missing `__init__.py`.
Escape: `autional: ignore[ARC06] reason="…" until=…` on the first line of `service.py`.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.routes import Route, Routes
from checks.facts.specs import Spec
from checks.model import Edit, Finding, Fix, Tier
from checks.project import Project
from checks.rule import Rule


class Arc06(Rule):
    """The skeleton of a service is complete."""

    code = "ARC06"
    tier = Tier.P1
    title = "service skeleton complete"

    def applies(self, project: Project) -> bool:
        return bool(project.services)

    def judge(self, project: Project) -> Iterator[Finding]:
        for name in project.services:
            project.examined(self.code)
            folder, spec = f"services/{name}", project.specs.get(name)
            if f"{folder}/__init__.py" not in project.files:
                edit = Edit(f"{folder}/__init__.py", 0, 0, f'"""{name.capitalize()}: say here what it owns."""\n')
                fix = Fix("create __init__.py", (edit,))
                yield self.finding(f"{folder}/service.py", 1, f"{name} has no __init__.py", symbol="__init__", fix=fix)
            if spec is None:
                yield self.finding(
                    f"{folder}/service.py", 0, f"{name} declares no SPEC = ServiceSpec(…)", symbol="SPEC"
                )
                continue
            for file, why in self.required(project, name, spec):
                if not any(path == file or path.startswith(f"{file}/") for path in project.files):
                    yield self.finding(f"{folder}/service.py", 1, f"{name} has no {file}: {why}", symbol=file)

    def required(self, project: Project, name: str, spec: Spec) -> Iterator[tuple[str, str]]:
        """Yield the files that a service of this kind has, and why."""
        folder = f"services/{name}"
        yield f"{folder}/errors.py", "every service registers its error codes"
        if spec.database != "none":
            yield f"{folder}/store.py", f"its database is {spec.database}"
            yield f"{folder}/models.py", f"its database is {spec.database}"
        if spec.database == "postgres":
            yield f"migrations/{name}", "its database is postgres"
        if spec.publishes or (spec.consumes and spec.database == "postgres"):
            yield f"{folder}/events.py", "it publishes or consumes events"
        routes = [route for _, route in project.facts(Routes, Route) if route.service == name]
        if any("/internal/" not in route.path for route in routes):
            yield f"{folder}/journey.py", "users reach its routes"
