"""Services never import each other.

Harm: one service's change breaks another's start, and neither can be deployed alone.
Rule: nothing below `services/<a>` imports anything below `services/<b>`; `chassis` and `contracts` are for all.
Fix: call the other over HTTP or gRPC (`SPEC.calls`), consume its events, or move what is common into the chassis.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.imports import Import, Imports
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import service_of

SHARED = frozenset({"chassis", "contracts"})


class Arc01(Rule):
    """Services never import each other."""

    code = "ARC01"
    tier = Tier.P0
    title = "services never import each other"

    def applies(self, project: Project) -> bool:
        return bool(project.services)

    def judge(self, project: Project) -> Iterator[Finding]:
        lines = line_numbers(project)
        members = {name: f"services.{name}" for name in project.services}
        modules = {name: project.graph.below(package) for name, package in members.items()}
        project.examined(self.code, sum(len(found) for found in modules.values()))
        for name, found in modules.items():
            for importer in sorted(found):
                for imported in project.graph.imported_by(importer):
                    parts = imported.split(".")
                    if len(parts) > 1 and parts[0] == "services" and parts[1] in members and parts[1] != name:
                        path, line = lines.get((importer, imported), (f"services/{name}/__init__.py", 0))
                        message = f"{name} imports {imported} of the service {parts[1]}; call it or consume its events"
                        yield self.finding(path, line, message, symbol=imported)


def line_numbers(project: Project) -> dict[tuple[str, str], tuple[str, int]]:
    """Return where a service's module imports another's: `(importer, imported) → (path, line)`."""
    found: dict[tuple[str, str], tuple[str, int]] = {}
    for path, each in project.facts(Imports, Import):
        if service_of(path) and each.module.startswith("services"):
            parts = path.removesuffix(".py").split("/")
            importer = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
            for imported in (each.module, f"{each.module}.{each.name}"):
                found.setdefault((importer, imported), (path, each.line))
    return found
