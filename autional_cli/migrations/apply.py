"""Bring a service's database to its head revision, with alembic, in this process."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from autional_cli.migrations.plan import revisions_dir

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

_LOCK_TIMEOUT_S = 30


@dataclass(frozen=True, slots=True)
class Status:
    """Where a service's schema stands. `revision` is empty before the first migration."""

    service: str
    revision: str
    head: str

    @property
    def current(self) -> bool:
        """Whether nothing is pending."""
        return self.revision == self.head


def configuration(root: Path, service: str) -> Config:
    """Return alembic's configuration for one service; no file is read."""
    config = Config()
    config.set_main_option("script_location", str(root / "migrations"))
    config.set_main_option("version_locations", str(revisions_dir(root, service)))
    config.set_main_option("path_separator", "os")
    return config


async def upgrade(root: Path, service: str, url: str) -> Status:
    """Apply what is pending, under an advisory lock, so that two at once are safe; return where it stands then."""

    def apply(connection: Connection) -> Status:
        key = zlib.crc32(f"autional:{service}".encode())
        connection.execute(text(f"SET lock_timeout = '{_LOCK_TIMEOUT_S}s'"))
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
        connection.commit()
        try:
            config = configuration(root, service)
            if not _status(connection, config, service).current:
                connection.commit()
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
            return _status(connection, config, service)
        finally:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
            connection.commit()

    return await _run(url, apply)


async def status(root: Path, service: str, url: str) -> Status:
    """Return where the schema of a service stands; changes nothing."""
    return await _run(url, lambda connection: _status(connection, configuration(root, service), service))


def _status(connection: Connection, config: Config, service: str) -> Status:
    heads = ScriptDirectory.from_config(config).get_heads()
    current = MigrationContext.configure(connection).get_current_heads()
    return Status(service, ",".join(sorted(current)), ",".join(sorted(heads)))


async def _run(url: str, work: Any) -> Status:
    engine = create_async_engine(url, connect_args={"timeout": 5})
    try:
        async with engine.connect() as connection:
            result: Status = await connection.run_sync(work)
            return result
    finally:
        await engine.dispose()
