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

# What a client library needs beside data commands is dangerous by category but harmless in fact. Functions and flushing
# scripts would reach what other services have loaded.
COMMANDS = "+@all -@admin -@dangerous -function -script|flush -script|kill +info +client|setname +client|id"
# A stream has one writer. Its consumers may make their group, read, claim and acknowledge; nobody else may look.
# Limit of the server: a group is no key, so a consumer is not kept from naming the group of another one.
WRITER = ("xadd", "xtrim", "xlen", "xrange", "xpending", "xinfo|stream", "xinfo|groups")
CONSUMER = ("xgroup|create", "xreadgroup", "xack", "xclaim", "xautoclaim", "xpending", "xlen", "xinfo|groups")


def acl_file(name: str, secrets: Secrets, specs: Iterable[ServiceSpec]) -> str:
    """Return the ACL file of the server `name` (`redis` or `cache`). Passwords are in it as SHA-256 only."""
    rules = bus_rules if name == "redis" else cache_rules
    users = (
        f"user {spec.name} on {secret_hash(secrets.password(spec.name, name))} resetchannels {' '.join(rules(spec))}"
        for spec in specs
    )
    operator = f"user {OPERATOR} on {secret_hash(secrets.operator)} ~* &* +@all"
    return "\n".join(("user default off", operator, *users)) + "\n"


def bus_rules(spec: ServiceSpec) -> list[str]:
    """Return what a service may do on the bus: to the streams by its part in them, and in its own names freely."""
    own = (f"bus:dead:{spec.name}", f"registry:{spec.name}", f"limits:{spec.name}:*", f"lock:{spec.name}:*")
    free = [*(f"%RW~{key}" for key in own), "%R~registry:*", "&registry", COMMANDS]
    return [*free, *streams(spec.publishes, WRITER), *streams(spec.consumes, CONSUMER)]


def streams(events: Iterable[str], commands: Iterable[str]) -> list[str]:
    """Return the selector (Redis documentation, ACL) that allows `commands` on the streams of `events`."""
    keys = [f"%RW~bus:events:{event}" for event in sorted(events)]
    return [f"({' '.join([*(f'+{command}' for command in commands), *keys])})"] if keys else []


def cache_rules(spec: ServiceSpec) -> list[str]:
    """Return what a service may do in the cache: use its own prefix, announce its changes, and hear all changes."""
    hear = "(+subscribe +unsubscribe &invalidate:*)"
    return [f"%RW~{spec.name}:*", f"&invalidate:{spec.name}:*", COMMANDS, hear]


def service_url(logins: Logins, service: ServiceSpec) -> str:
    """Return the URL of a service's own user."""
    return f"redis://{logins.of(service)}/0"


def operator_url(logins: Logins) -> str:
    """Return the operator's URL."""
    return f"redis://{logins.operator}/0"


def secret_hash(password: str) -> str:
    """Return a password as an ACL file has it (Redis documentation, ACL SETUSER)."""
    return "#" + hashlib.sha256(password.encode()).hexdigest()
