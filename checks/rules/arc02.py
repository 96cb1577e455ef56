"""Layers inside a service: routes → the nouns that do the work → store → models → wire types and rules.

Harm: rules that need a database cannot be tested without one, and SQL in a route is found by nobody.
Rule: `service` > `routes`, `rpc` > everything else > `store` > `models` > `dto` > `errors`, `domain`; imports go down.
`domain` imports no framework, driver or connection.
Fix: hand down values; move what both need into the lower one.
Escape: none; P0.
"""

from __future__ import annotations

from collections.abc import Iterator

from checks.facts.imports import Import
from checks.model import Finding, Tier
from checks.project import Project
from checks.rule import Rule
from checks.sources import service_of

LEVELS = {
    "domain": 0,
    "errors": 0,
    "dto": 1,
    "options": 1,
    "models": 2,
    "store": 3,
    "routes": 5,
    "rpc": 5,
    "service": 6,
}
NOUN, PACKAGE, JOURNEY = 4, -1, 7
OUTSIDE = (
    "fastapi",
    "starlette",
    "sqlalchemy",
    "asyncpg",
    "redis",
    "pymongo",
    "aiohttp",
    "grpc",
    "aiosmtplib",
    "obstore",
)
CONNECTIONS = tuple(f"services.chassis.{name}" for name in ("db", "mongo", "redis", "client", "rpc", "cache", "http"))


class Arc02(Rule):
    """Imports inside a service go down."""

    code = "ARC02"
    tier = Tier.P0
    title = "layers inside a service"

    def applies(self, project: Project) -> bool:
        return bool(project.services)

    def judge(self, project: Project) -> Iterator[Finding]:
        for path, each in project.imports:
            service = service_of(path)
            parts = path.removesuffix(".py").split("/")
            if not service or parts[0] != "services" or len(parts) < 3:
                continue
            project.examined(self.code)
            name = parts[2]
            if name == "domain" and not each.typing_only and is_outside(each):
                yield self.finding(path, each.line, f"domain imports {each.module}; its rules do no I/O", symbol=name)
            target = inner_module(project, service, each)
            if target and level(target) > level(name) and not (target == "service" and each.name == "SPEC"):
                yield self.finding(path, each.line, f"{name} imports {target}, a layer above it", symbol=name)


def level(name: str) -> int:
    """Return how high a module of a service lies; the package's own file and the journey see everything."""
    if name in ("__init__", "journey"):
        return JOURNEY
    return LEVELS.get(name, NOUN)


def inner_module(project: Project, service: str, each: Import) -> str:
    """Return the module of the same service that an import is of, empty for any other."""
    package = f"services.{service}"
    if not each.known:
        return ""
    if each.module == package:
        return each.name if f"services/{service}/{each.name}.py" in project.files else ""
    return each.module.split(".")[2] if each.module.startswith(f"{package}.") else ""


def is_outside(each: Import) -> bool:
    """Whether an import is of a framework, a driver or a connection."""
    root = each.module.partition(".")[0]
    return root in OUTSIDE or each.module in CONNECTIONS or f"{each.module}.{each.name}" in CONNECTIONS
