"""One service's models against its PostgreSQL database.

The models' schema is created beside the live one, in a schema of its own, in a transaction that is rolled back: both
sides have then been printed by the same server, and whatever it knows of can be compared. Nothing stays, whatever
happens to this process, and no row of the service is read.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from autional_cli.drift import catalog, difference
from autional_cli.drift.enums import load_plugin
from autional_cli.drift.model import Difference, ServiceDrift
from autional_cli.drift.revision import compare_revision
from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, MetaData

_LIVE = "public"
_LIMITS = "SET LOCAL lock_timeout = '5s'; SET LOCAL statement_timeout = '30s'"


def compare_service(connection: Connection, root: Path, service: str, metadata: MetaData) -> ServiceDrift:
    """Return in what the database differs from `metadata` and from the head of the service's revisions."""
    revision, head, behind = compare_revision(connection, root, service)
    connection.rollback()
    return ServiceDrift(service, revision, head, (*behind, *compare_schema(connection, metadata)))


def compare_schema(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Return in what the schema `public` differs from `metadata`; leaves no trace in the database."""
    declared, live = read_both(connection, metadata)
    found = difference.compare(declared, live)
    return found or _compare_with_alembic(connection, metadata)


def read_both(connection: Connection, metadata: MetaData) -> tuple[catalog.Snapshot, catalog.Snapshot]:
    """Return what `metadata` declares and what the database holds."""
    scratch = f"drift_{secrets.token_hex(6)}"
    try:
        for statement in (
            *_LIMITS.split("; "),
            f"CREATE SCHEMA {scratch}",
            f"SET LOCAL search_path = {scratch}, {_LIVE}",
        ):
            connection.execute(text(statement))
        _create(connection, metadata)
        declared = catalog.read(connection, scratch)
        connection.execute(text(f"SET LOCAL search_path = {_LIVE}"))
        return declared, catalog.read(connection, _LIVE)
    finally:
        connection.rollback()


def _create(connection: Connection, metadata: MetaData) -> None:
    """Create what the models declare in the scratch schema, which is the first of the search path."""
    elsewhere = sorted(table.fullname for table in metadata.tables.values() if table.schema)
    if elsewhere:
        raise AutionalError(
            f"models name a schema, and a service has one only: {', '.join(elsewhere)}",
            hint="leave the schema out; each service has a database of its own",
            exit_code=ExitCode.CONFIGURATION,
        )
    try:
        metadata.create_all(connection, checkfirst=False)
    except (SQLAlchemyError, ValueError) as failure:
        raise AutionalError(
            f"the models cannot be created in PostgreSQL: {getattr(failure, 'orig', None) or failure}",
            hint="the statement is the models' own: mend services/<name>/models.py",
            exit_code=ExitCode.CONFIGURATION,
        ) from failure


def _compare_with_alembic(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Ask Alembic too where nothing was found: a second pair of eyes on what our statement may not look at."""
    load_plugin()
    options = {"compare_type": True, "compare_server_default": True}
    try:
        context = MigrationContext.configure(connection, opts=options)
        found = compare_metadata(context, metadata)
    finally:
        connection.rollback()
    return [
        Difference("alembic", str(one[0] if isinstance(one, tuple) else one), repr(one), "", "autional migrate new")
        for one in found
    ]
