"""A database for one test: a clone of a template that holds the migrated schema and nothing else.

The template is made once, by running the service's migrations into an empty database of the platform's own server; no
connection to it is allowed afterwards, since the server copies only what nobody uses. Its name says what it was made
of, so that a kept platform gets another one when a revision changes. A clone whose maker was killed is removed by the
next: the lock that its maker's session held is gone.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from typing import TYPE_CHECKING, Any

from autional_cli.migrations.apply import upgrade
from autional_cli.migrations.databases import database_url, operator_url
from autional_cli.migrations.plan import revisions_dir
from autional_cli.migrations.scratch import CONNECT_S, url_of
from autional_cli.pytest_plugin.memory import tablespace

if TYPE_CHECKING:
    from pathlib import Path

    import asyncpg

    from autional_cli.pytest_plugin.running import Platform

PREFIX, TEMPLATE = "autional_clone_", "autional_template_"
COMMAND_S = 60.0
# A template is a few megabytes; copying its files would make the server write all of its memory out, twice (ADR 19).
STRATEGY = "WAL_LOG"


class Cloner:
    """Makes and drops clones, over one connection of the operator. All of it runs in one event loop.

    What tests have done with is dropped at once, behind their backs; no clone is made ahead (ADR 19).
    """

    def __init__(self, platform: Platform) -> None:
        self._root = platform.instance.root
        self._operator = operator_url(platform.instance)
        self._instance = platform.instance
        self._connection: asyncpg.Connection | None = None
        self._turn = asyncio.Lock()  # a connection does one thing at a time
        self._templates: dict[str, str] = {}
        self._place = ""  # the clause that says where clones are
        self._dropping: set[asyncio.Task[None]] = set()

    async def clone(self, service: str) -> tuple[str, str]:
        """Return name and URL (for SQLAlchemy) of a new clone. AutionalError for a service without such a database."""
        async with self._turn:
            connection = await self._connected()
            template = self._templates.get(service) or await self._prepare(connection, service)
            name = f"{PREFIX}{secrets.token_hex(6)}"
            await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY {STRATEGY} {self._place}")
        return name, url_of(self._operator, name)

    async def drop(self, name: str) -> asyncio.Task[None]:
        """Begin to remove a clone, whoever is still connected to it; await what is returned to see it gone."""
        task = asyncio.create_task(self._drop(name))
        self._dropping.add(task)
        return task

    async def close(self) -> None:
        """Wait for what is being dropped and close the connection. Raises what a drop raised."""
        try:
            await asyncio.gather(*self._dropping)
        finally:
            if self._connection is not None:
                await self._connection.close(timeout=CONNECT_S)
                self._connection = None

    async def _drop(self, name: str) -> None:
        async with self._turn:
            connection = await self._connected()
            await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
            await connection.execute("SELECT pg_advisory_unlock(hashtext($1))", name)

    async def _connected(self) -> asyncpg.Connection:
        import asyncpg

        if self._connection is None or self._connection.is_closed():
            self._connection = await asyncpg.connect(
                self._operator, timeout=CONNECT_S, ssl=False, statement_cache_size=0, command_timeout=COMMAND_S
            )
        return self._connection

    async def _prepare(self, connection: asyncpg.Connection, service: str) -> str:
        """Return the template of a service, made if no worker has made it yet."""
        database_url(self._instance, service)  # refuses a service without a database
        if not self._templates:
            self._place = await tablespace(connection, self._instance)
        name = f"{TEMPLATE}{service}_{fingerprint(self._root, service)}"
        await connection.execute("SELECT pg_advisory_lock(hashtext($1))", name)
        try:
            await self._remove_abandoned(connection)
            usable = "SELECT NOT datallowconn FROM pg_database WHERE datname = $1"
            if not await connection.fetchval(usable, name):  # made by half counts as not made
                await self._make(connection, service, name)
        finally:
            await connection.fetchval("SELECT pg_advisory_unlock(hashtext($1))", name)
        self._templates[service] = name
        return name

    async def _make(self, connection: asyncpg.Connection, service: str, name: str) -> None:
        await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        await connection.execute(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY {STRATEGY}")
        await upgrade(self._root, service, url_of(self._operator, name))
        await connection.execute(f"ALTER DATABASE {name} ALLOW_CONNECTIONS false")

    async def _remove_abandoned(self, connection: asyncpg.Connection) -> None:
        names = await connection.fetch("SELECT datname FROM pg_database WHERE starts_with(datname, $1)", PREFIX)
        for (name,) in names:
            held = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = hashtext($1)::oid"
            if not await connection.fetchval(held, name):
                await connection.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def fingerprint(root: Path, service: str) -> str:
    """Return what the schema of a service is made of, as 12 hex digits."""
    digest = hashlib.sha256((root / "migrations" / "env.py").read_bytes())
    for path in sorted(revisions_dir(root, service).glob("*.py")):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]


async def prepare_documents(url: str, collections: Any) -> None:
    """Create collections, indexes and validators in an empty MongoDB database."""
    from pymongo import AsyncMongoClient

    from services.chassis.documents import prepare

    client: AsyncMongoClient[dict[str, Any]] = AsyncMongoClient(url, serverSelectionTimeoutMS=int(CONNECT_S * 1000))
    try:
        await prepare(client.get_default_database(), collections)
    finally:
        await client.close()
