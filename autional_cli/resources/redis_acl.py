"""Who may touch what in the bus and in the cache, as lines of an ACL file; and how they get there."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from autional_cli.secrets import OPERATOR

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.resources.logins import Logins
    from autional_cli.secrets import Secrets
    from services.chassis.spec import ServiceSpec

# What a client library needs beside data commands is dangerous by category but harmless in fact.
COMMANDS = "+@all -@admin -@dangerous +info +client|setname +client|id"


def acl_file(name: str, secrets: Secrets, specs: Iterable[ServiceSpec]) -> str:
    """Return the ACL file of the server `name` (`redis` or `cache`). Passwords are in it as SHA-256 only."""
    rules = bus_rules if name == "redis" else cache_rules
    users = (
        f"user {spec.name} on {secret_hash(secrets.password(spec.name, name))} "
        f"resetchannels {' '.join(rules(spec))} {COMMANDS}"
        for spec in specs
    )
    operator = f"user {OPERATOR} on {secret_hash(secrets.operator)} ~* &* +@all"
    return "\n".join(("user default off", operator, *users)) + "\n"


def bus_rules(spec: ServiceSpec) -> list[str]:
    """Return keys and channels of a service on the bus: its events, its dead letters, and its place in the registry."""
    events = sorted({*spec.publishes, *spec.consumes})
    own = (f"bus:dead:{spec.name}", f"registry:{spec.name}", f"limits:{spec.name}:*", f"lock:{spec.name}:*")
    keys = [f"%RW~{key}" for key in (*(f"bus:events:{event}" for event in events), *own)]
    return [*keys, "%R~registry:*", "&registry", "&invalidate:*"]


def cache_rules(spec: ServiceSpec) -> list[str]:
    """Return keys and channels of a service in the cache: its own prefix, and invalidation messages."""
    return [f"%RW~{spec.name}:*", "&invalidate:*"]


def service_url(logins: Logins, service: ServiceSpec) -> str:
    """Return the URL of a service's own user."""
    return f"redis://{logins.of(service)}/0"


def operator_url(logins: Logins) -> str:
    """Return the operator's URL."""
    return f"redis://{logins.operator}/0"


def secret_hash(password: str) -> str:
    """Return a password as an ACL file has it (Redis documentation, ACL SETUSER)."""
    return "#" + hashlib.sha256(password.encode()).hexdigest()
