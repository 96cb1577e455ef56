"""Real servers with the databases of all services, migrated, without the services themselves."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncpg

from autional_cli.drift import Target
from autional_cli.drivers.base import Resource
from autional_cli.instance import Instance
from autional_cli.migrations.apply import upgrade
from autional_cli.resources.postgres import Postgres
from autional_cli.workspace.discover import discover
from services.chassis.spec import ServiceSpec
from tests.chassis.servers import Server
from tests.resources.running import build, claim

ROOT = Path(__file__).parents[2]


GALLERY = ServiceSpec(name="gallery", summary="models", port=11048, error_codes=range(9900, 9910), database="postgres")


@dataclass(slots=True)
class Databases:
    """PostgreSQL and a Mongo-protocol server with a database for each service."""

    specs: dict[str, ServiceSpec]
    resources: dict[str, Resource]

    @property
    def postgres(self) -> Postgres:
        """The cluster."""
        found = self.resources["postgres"]
        assert isinstance(found, Postgres)
        return found

    @property
    def operator_url(self) -> str:
        """Where scratch databases are made."""
        return self.postgres.admin_url()

    @property
    def gallery_url(self) -> str:
        """A database for models that no service has, owned as a service owns its own."""
        return self.postgres.url_for(GALLERY)

    def url(self, service: str) -> str:
        """Return the URL of a service's own database, with its own rights."""
        spec = self.specs[service]
        return self.resources[spec.database].url_for(spec)

    def target(self, service: str) -> Target:
        """Return a service and its database."""
        return Target(service, self.specs[service].database, self.url(service))

    def targets(self) -> list[Target]:
        """Return every service that has a database."""
        return [self.target(name) for name, spec in self.specs.items() if spec.database != "none"]

    async def restore(self, service: str) -> None:
        """Throw away what is in a service's database, and migrate it anew."""
        await execute(self.url(service), "DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        await upgrade(ROOT, service, self.url(service))


async def execute(url: str, *statements: str) -> None:
    """Run SQL on a database, each statement in a transaction of its own."""
    connection = await connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def fetch(url: str, query: str) -> list[Any]:
    """Return the rows of a query as tuples."""
    connection = await connect(url)
    try:
        return [tuple(row) for row in await connection.fetch(query)]
    finally:
        await connection.close()


async def connect(url: str) -> asyncpg.Connection[asyncpg.Record]:
    """Return a connection of the driver itself."""
    return await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5, ssl=False)


@contextmanager
def databases(folder: Path) -> Iterator[Databases]:
    """Run the servers in `folder`, on a block of ports of their own, with every database migrated."""
    instance = Instance.open(folder, "drift")
    instance.create()
    with claim(instance):
        specs = discover(ROOT)
        wanted = {
            name: found
            for name, found in build(instance, [*specs.values(), GALLERY]).items()
            if name in ("postgres", "mongo")
        }
        servers = [Server(resource) for resource in wanted.values()]
        ready = Databases(specs, wanted)
        try:
            asyncio.run(_prepare(servers, ready))
            yield ready
        finally:
            for server in servers:
                server.end()
            instance.discard_run_dir()


async def _prepare(servers: list[Server], ready: Databases) -> None:
    from pymongo import AsyncMongoClient

    from services.audit.models import COLLECTIONS
    from services.chassis.documents import prepare

    await asyncio.gather(*(server.start() for server in servers))
    for target in ready.targets():
        if target.kind == "postgres":
            await upgrade(ROOT, target.name, target.url)
    async with AsyncMongoClient[dict[str, Any]](ready.url("audit"), serverSelectionTimeoutMS=5000) as client:
        await prepare(client.get_default_database(), COLLECTIONS)
