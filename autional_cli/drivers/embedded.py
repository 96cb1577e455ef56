"""The driver that needs nothing but wheels: real servers as ordinary processes of this user."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypedDict

from autional_cli import secrets
from autional_cli.resources.mailbox import Mailbox
from autional_cli.resources.mongo import Mongo
from autional_cli.resources.objects import Objects
from autional_cli.resources.postgres import Postgres
from autional_cli.resources.redis import Redis

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from autional_cli.drivers.base import Resource
    from autional_cli.instance import Instance
    from autional_cli.secrets import Secrets
    from autional_cli.workspace.model import Setting, Stack
    from services.chassis.spec import ServiceSpec


class Common(TypedDict):
    """What every server is told."""

    name: str
    data_dir: Path
    log: Path
    port: int
    secrets: Secrets
    settings: Mapping[str, Setting]


def resources(instance: Instance, stack: Stack, specs: Iterable[ServiceSpec]) -> list[Resource]:
    """Return what `specs` stand on: the bus and the cache always, the rest where a service declares it.

    Call it when the block of ports is claimed. Generates secrets that are missing.
    """
    chosen = tuple(specs)
    instance.create()
    known = secrets.ensure(instance, (spec.name for spec in chosen))
    block, data = instance.block, instance.data_dir
    relational = tuple(spec for spec in chosen if spec.database == "postgres")
    documents = tuple(spec for spec in chosen if spec.database == "mongo")
    declared = {name for spec in chosen for name in spec.resources}

    def common(name: str) -> Common:
        return Common(
            name=name,
            data_dir=data / name,
            log=instance.logs_dir / f"{name}.out",
            port=block.resource(name),
            secrets=known,
            settings=stack.settings(name),
        )

    found: list[Resource] = []
    if relational:
        found.append(Postgres(**common("postgres"), specs=relational))
    found.extend(Redis(**common(name), specs=chosen) for name in ("redis", "cache"))
    if documents:
        found.append(Mongo(**common("mongo"), specs=documents))
    if "objects" in declared:
        found.append(Objects(data_dir=data / "objects"))
    if "mailbox" in declared:
        found.append(mailbox(instance))
    return found


def mailbox(instance: Instance) -> Mailbox:
    """Return the mailbox of an instance."""
    return Mailbox(
        data_dir=instance.data_dir / "mailbox",
        log=instance.logs_dir / "mailbox.out",
        log_file=instance.logs_dir / "mailbox.jsonl",
        port=instance.block.resource("mailbox"),
    )
