"""Services never import each other.

Harm: one service's change breaks another's start, and neither can be deployed alone.
Rule: nothing below `services/<a>` imports anything below `services/<b>`; `chassis` and `contracts` are for all. What is
loaded by name (`import_module`, `__import__`, `find_spec`, `runpy`, `sys.modules`, `exec` …) counts as imported, and a
folder without `__init__.py` is looked at as any other.
Not seen: a name that is read from outside or put together while it runs, if not even its beginning is written down.
Fix: call the other over HTTP or gRPC (`SPEC.calls`), consume its events, or move what is common into the chassis.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import service_of


class Arc01(Rule):
    """Services never import each other."""

    code = "ARC01"
    tier = Tier.P0
    title = "services never import each other"

    def applies(self, project: Project) -> bool:
        return bool(project.services)

    def judge(self, project: Project) -> Iterator[Finding]:
        project.examined(self.code, sum(1 for path in project.files if is_of_service(path)))
        members = set(project.services)
        seen = set()
        for path, each in project.imports:
            root, *rest = f"{each.module}.{each.name}".strip(".").split(".")
            if root != "services" or not is_of_service(path) or (path, each.line, *rest[:1]) in seen:
                continue
            name, of = service_of(path), rest[0] if rest else ""
            if of in members and of != name:
                message = f"{name} imports {each.module} of the service {of}; call it or consume its events"
            elif not each.known and of in ("", "*"):
                message = f"{name} imports a module of services that only a run can tell; write its name"
            else:
                continue
            seen.add((path, each.line, *rest[:1]))
            yield self.finding(path, each.line, message, symbol=each.module)


def is_of_service(path: str) -> bool:
    """Whether a file is a service's code, with an `__init__.py` beside it or not."""
    return path.endswith(".py") and path.startswith("services/") and bool(service_of(path))
