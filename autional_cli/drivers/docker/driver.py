"""The driver `docker`: which of its resources a platform stands on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from autional_cli import secrets
from autional_cli.drivers.docker.container import Place
from autional_cli.drivers.docker.jaeger import Jaeger
from autional_cli.drivers.docker.mailbox import Mailbox
from autional_cli.drivers.docker.mongo import Mongo
from autional_cli.drivers.docker.objects import Objects
from autional_cli.drivers.docker.postgres import Postgres
from autional_cli.drivers.docker.redis import Redis

if TYPE_CHECKING:
    from collections.abc import Iterable

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.workspace.model import Stack
    from services.chassis.spec import ServiceSpec

STATE = "docker"


def resources(instance: Instance, stack: Stack, specs: Iterable[ServiceSpec], names: Iterable[str]) -> list[Resource]:
    """Return the resources `names` as containers. Generates secrets that are missing."""
    chosen = tuple(specs)
    instance.create()
    known = secrets.ensure(instance, (spec.name for spec in chosen))
    block = instance.block

    def common(name: str) -> dict[str, Any]:
        return {
            "name": name,
            "place": Place.of(instance),
            "entry": stack.entry(name),
            "state_dir": instance.data_dir / STATE / name,
            "log": instance.logs_dir / f"{name}.out",
            "port": block.resource(name),
            "secrets": known,
            "specs": tuple(spec for spec in chosen if uses(spec, name)),
        }

    def make(name: str) -> Resource:
        if name == "postgres":
            return Postgres(**common(name))
        if name == "mongo":
            return Mongo(**common(name))
        if name == "objects":
            return Objects(**common(name))
        if name == "jaeger":
            return Jaeger(**common(name), query_port=block.resource("jaeger-query"))
        if name == "mailbox":
            folder, log = instance.data_dir / "mailbox", instance.logs_dir / "mailbox.jsonl"
            return Mailbox(**common(name), api_port=block.resource("mailbox-api"), mailbox_dir=folder, log_file=log)
        return Redis(**common(name))

    return [make(name) for name in names]


def uses(spec: ServiceSpec, resource: str) -> bool:
    """Whether a service has something of its own in a resource; every service has a user of the bus and the cache."""
    return resource in ("redis", "cache", spec.database, *spec.resources)
