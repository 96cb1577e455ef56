"""What `database(service)` returns: a database of the test's own, and short ways to ask it."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit, urlunsplit

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.pytest_plugin.clones import PREFIX, Cloner, prepare_documents
from autional_cli.workspace.discover import discover
from autional_cli.workspace.source import suggest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pymongo import MongoClient
    from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform


class Database:
    """A PostgreSQL database with the migrated, empty schema of a service."""

    def __init__(self, service: str, name: str, url: str, room: Room) -> None:
        self.service, self.name, self.url = service, name, url
        self._room = room
        self._engine: AsyncEngine | None = None

    @property
    def dsn(self) -> str:
        """The URL for asyncpg, psql and others that know nothing of SQLAlchemy."""
        return self.url.replace("postgresql+asyncpg://", "postgresql://", 1)

    @property
    def engine(self) -> AsyncEngine:
        """An engine that keeps no connections, so that it serves any event loop."""
        if self._engine is None:
            from sqlalchemy.ext.asyncio import create_async_engine
            from sqlalchemy.pool import NullPool

            self._engine = create_async_engine(self.url, poolclass=NullPool, connect_args={"ssl": False})
        return self._engine

    def session(self) -> AsyncSession:
        """Return a session to use as an async context manager."""
        from sqlalchemy.ext.asyncio import AsyncSession

        return AsyncSession(self.engine, expire_on_commit=False)

    def execute(self, statement: str, values: Mapping[str, Any] | None = None) -> int:
        """Run a statement (`:name` stands for a value), commit, and return how many rows it touched."""
        return self._room.run(self._execute(statement, values))

    def rows(self, statement: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
        """Return the rows of a query."""
        return self._room.run(self._rows(statement, values))

    async def _execute(self, statement: str, values: Mapping[str, Any] | None) -> int:
        from sqlalchemy import text

        async with self.engine.begin() as connection:
            return (await connection.execute(text(statement), dict(values or {}))).rowcount

    async def _rows(self, statement: str, values: Mapping[str, Any] | None) -> list[dict[str, Any]]:
        from sqlalchemy import text

        async with self.engine.connect() as connection:
            found = await connection.execute(text(statement), dict(values or {}))
            return [dict(row) for row in found.mappings()]

    async def dispose(self) -> None:
        """Close what was opened."""
        if self._engine is not None:
            await self._engine.dispose()


class Documents:
    """A MongoDB database with the empty collections of a service; `db` is pymongo's own view of it."""

    def __init__(self, service: str, name: str, url: str) -> None:
        from pymongo import MongoClient

        self.service, self.name, self.url = service, name, url
        self._client: MongoClient[dict[str, Any]] = MongoClient(url, serverSelectionTimeoutMS=5000, tz_aware=True)
        self.db = self._client.get_default_database()

    def close(self) -> None:
        """Remove the database."""
        with self._client:
            self._client.drop_database(self.name)


class Databases:
    """Makes databases for a session; the fixture of a test removes those it made."""

    def __init__(self, platform: Platform, room: Room) -> None:
        self._platform, self.room = platform, room
        self._specs = discover(platform.instance.root)
        self._cloner: Cloner | None = None

    @property
    def cloner(self) -> Cloner:
        """What makes PostgreSQL databases, on a connection of its own once it is needed."""
        if self._cloner is None:
            self._cloner = Cloner(self._platform)
        return self._cloner

    def make(self, service: str) -> Database | Documents:
        """Return a new database of a service's kind. AutionalError for one without a database."""
        kind = self._specs[service].database if service in self._specs else ""
        if kind == "mongo":
            return self._make_documents(service)
        if kind != "postgres":
            known = [name for name, spec in self._specs.items() if spec.database != "none"]
            raise AutionalError(
                f"{service!r} has no database{suggest(service, known)}",
                hint=f"services that have one: {', '.join(known)}",
                exit_code=ExitCode.USAGE,
            )
        name, url = self.room.run(self.cloner.clone(service))
        return Database(service, name, url, self.room)

    def remove(self, made: Database | Documents, *, wait: bool = False) -> None:
        """Remove a database; unless `wait`, it is gone at the latest when the session ends."""
        if isinstance(made, Documents):
            made.close()
            return
        self.room.run(made.dispose())
        self.room.run(self._gone(self.cloner, made.name, wait))

    def close(self) -> None:
        """Close the connections."""
        if self._cloner is not None:
            self.room.run(self._cloner.close())

    async def _gone(self, cloner: Cloner, name: str, wait: bool) -> None:
        dropping = await cloner.drop(name)
        if wait:
            await dropping

    def _make_documents(self, service: str) -> Documents:
        from autional_cli.drift.models import collections_of
        from autional_cli.supervisor.topology import all_resources

        admin = next(r.admin_url() for r in all_resources(self._platform.instance) if r.name == "mongo")
        name = f"{PREFIX}{secrets.token_hex(6)}"
        url = urlunsplit(urlsplit(admin)._replace(path=f"/{name}"))
        self.room.run(prepare_documents(url, collections_of(self._platform.instance.root, service)))
        return Documents(service, name, url)
