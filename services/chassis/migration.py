"""A service's own database brought to the revision that this release needs: `python -m services.chassis migrate NAME`.

For images, which have no command line of ours; `autional migrate` knows more, and both take the same advisory lock.
Each revision is a transaction, so whatever happens, the database stands at a revision and not between two.
"""

from __future__ import annotations

import asyncio
import sys
import time
import zlib
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from typing import Any, TypeVar

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from services.chassis.backoff import Backoff
from services.chassis.settings import Settings, SettingsError, database_url
from services.chassis.spec import ServiceSpec

FOLDER = Path(__file__).parents[2] / "migrations"
LOCK_WAIT_S = 60  # for another migration of the same service to end
TABLE_LOCK_S = 10  # a statement that waits for a table makes everyone behind it wait as well
_CONNECT_S = 5
_REACH_S = 60.0  # for a database that starts beside the job
_CONFIGURATION_ERROR = 78  # EX_CONFIG
_FAILED = 1

Result = TypeVar("Result")


class SchemaError(Exception):
    """The schema did not become what this release needs; the text says where it stands."""


def lock_key(service: str) -> int:
    """Return the key of the advisory lock that every migration of a service takes."""
    return zlib.crc32(f"autional:{service}".encode())


def main(name: str) -> int:
    """Migrate the database of service `name`, which `AUTIONAL_DATABASE_URL` names; return the exit code."""
    try:
        spec: ServiceSpec = import_module(f"services.{name}.service").SPEC
        url = database_url()
    except (ModuleNotFoundError, SettingsError) as error:
        sys.stderr.write(f"cannot migrate {name!r}: {error}\n")
        return _CONFIGURATION_ERROR
    if spec.database != "postgres":
        sys.stdout.write(f"{name} has no PostgreSQL database; nothing to migrate\n")
        return 0
    try:
        at = asyncio.run(_upgrade_once_reachable(name, url))
    except Exception as error:  # noqa: BLE001 - whatever a revision raises, its service must be named
        sys.stderr.write(f"migration of {name} failed: {type(error).__name__}: {error}\n")
        return _FAILED
    sys.stdout.write(f"{name} at {at}\n")
    return 0


async def _upgrade_once_reachable(service: str, url: str) -> str:
    backoff, until = Backoff(first_s=0.2, most_s=2.0), time.monotonic() + _REACH_S
    while True:
        try:
            return await _connected(url, lambda connection: _upgrade(connection, service))
        except OSError as error:
            if time.monotonic() > until:
                raise SchemaError(f"the database was not to be reached for {_REACH_S:g} s: {error}") from error
        await backoff.wait()


def _upgrade(connection: Connection, service: str) -> str:
    key = {"key": lock_key(service)}
    connection.execute(text("SET statement_timeout = '0'"))
    connection.execute(text("SET idle_in_transaction_session_timeout = '0'"))
    connection.execute(text(f"SET lock_timeout = '{LOCK_WAIT_S}s'"))
    connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
    connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK_S}s'"))
    connection.commit()
    try:
        config = _configuration(service)
        script = ScriptDirectory.from_config(config)
        if len(script.get_heads()) > 1:
            raise SchemaError(f"its revisions have several heads: {', '.join(sorted(script.get_heads()))}")
        if not is_served_by(_heads(connection), script):
            connection.commit()
            config.attributes["connection"] = connection
            command.upgrade(config, "heads")
        return ",".join(_heads(connection))
    finally:
        with suppress(DBAPIError, OSError):  # a connection that is gone holds no lock
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)
            connection.commit()


async def await_schema(settings: Settings) -> str:
    """Return the revision once the database has one that this release can serve with.

    Migrations are applied beside the services, by a job. Raises SchemaError after `settings.schema_wait_s` seconds.
    """
    script = ScriptDirectory.from_config(_configuration(settings.service))
    backoff, until = Backoff(first_s=0.2, most_s=2.0), time.monotonic() + settings.schema_wait_s
    at = "no revision"
    while True:
        try:
            heads = await _connected(settings.database_url.get_secret_value(), _heads)
            if is_served_by(heads, script):
                return ",".join(heads)
            at = ",".join(heads) or "no revision"
        except (OSError, DBAPIError) as error:
            at = f"not reachable ({error!r:.200})"
        if time.monotonic() > until:
            raise SchemaError(
                f"the database is at {at} after {settings.schema_wait_s:g} s, and this release needs "
                f"{','.join(script.get_heads())}: did its migration job run?"
            )
        await backoff.wait()


def is_served_by(heads: tuple[str, ...], script: ScriptDirectory) -> bool:
    """Whether a release with the revisions of `script` can work on a database at `heads`.

    At its own heads it can. So it can at a revision that it does not know: that is a later release's, which this one is
    rolled back from, and revisions stay compatible with the release before.
    """
    known = {step.revision for step in script.walk_revisions()}
    return bool(heads) and (set(heads) == set(script.get_heads()) or not known.issuperset(heads))


def _heads(connection: Connection) -> tuple[str, ...]:
    return MigrationContext.configure(connection).get_current_heads()


def _configuration(service: str) -> Config:
    config = Config()
    folder = str(FOLDER).replace("%", "%%")  # it interpolates
    config.set_main_option("script_location", folder)
    config.set_main_option("version_locations", f"{folder}/{service}")
    config.set_main_option("path_separator", "newline")
    return config


async def _connected(url: str, work: Callable[[Connection], Result]) -> Result:
    arguments: dict[str, Any] = {"timeout": _CONNECT_S}
    engine = create_async_engine(url, poolclass=NullPool, connect_args=arguments)
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()
