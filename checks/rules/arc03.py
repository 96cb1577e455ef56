"""The chassis never imports a service, services never the command line.

Harm: what is common would know its users; a service would drag the tooling into production.
Rule: `services/chassis` imports no `services/<name>`; nothing below `services/` imports `autional_cli`, `checks` or
`tests`; the command line and the checks import of a service its SPEC at most.
Fix: give the chassis a parameter; put what both need into the chassis.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule

TOOLING = frozenset({"autional_cli", "checks", "tests"})


class Arc03(Rule):
    """Imports go one way between chassis, services and tooling."""

    code = "ARC03"
    tier = Tier.P0
    title = "the chassis imports no service, services import no tooling"

    def applies(self, project: Project) -> bool:
        return any(path.startswith("services/chassis/") for path in project.files)

    def judge(self, project: Project) -> Iterator[Finding]:
        names = set(project.services)
        for path, each in project.imports:
            top = path.partition("/")[0]
            if top not in ("services", "autional_cli", "checks"):
                continue
            project.examined(self.code)
            root, *rest = f"{each.module}.{each.name}".split(".")
            service = rest[0] if root == "services" and rest and rest[0] in names else ""
            if top == "services" and root in TOOLING:
                yield self.finding(path, each.line, f"a service imports {root}, which it never meets in production")
            elif path.startswith("services/chassis/") and service:
                yield self.finding(path, each.line, f"the chassis imports the service {service}")
            elif top != "services" and service and rest[1:2] != ["service"]:
                yield self.finding(path, each.line, f"{top} imports more of {service} than its SPEC")
