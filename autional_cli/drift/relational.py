"""One service's models against its PostgreSQL database.

The models' schema is created beside the live one, in a schema of its own, in a transaction that is rolled back: both
sides have then been printed by the same server, and whatever it knows of can be compared. Nothing stays, whatever
happens to this process, and no row of the service is read.
"""

from __future__ import annotations

import secrets
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from autional_cli.drift import catalog, difference
from autional_cli.drift.model import Difference, ServiceDrift
from autional_cli.drift.revision import compare_revision
from autional_cli.drift.surroundings import compare_surroundings
from autional_cli.errors import AutionalError, ExitCode

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection, MetaData

_LIVE = "public"
_SETTINGS = (
    "SET LOCAL transaction_read_only = off",  # the role's default may be otherwise, which is drift and told
    "SET LOCAL lock_timeout = '5s'",
    "SET LOCAL statement_timeout = '30s'",
    "SET LOCAL check_function_bodies = off",
)


def compare_service(
    connection: Connection, root: Path, service: str, metadata: MetaData, *, provisioned: bool = True
) -> ServiceDrift:
    """Return in what the database differs from `metadata` and from the head of the service's revisions.

    `provisioned=False` for a server that somebody else set up.
    """
    role, _ = catalog.roles(connection)
    around = list(compare_surroundings(connection, role, service, provisioned=provisioned))
    connection.execute(text(f"SET search_path = {_LIVE}"))  # the role's own may be otherwise, which was told above
    connection.commit()
    structure = compare_schema(connection, metadata)
    revision, head, behind = compare_revision(connection, root, service, structure)
    connection.rollback()
    return ServiceDrift(service, revision, head, (*behind, *around, *structure))


def compare_schema(connection: Connection, metadata: MetaData) -> list[Difference]:
    """Return in what the schema `public` differs from `metadata`; leaves no trace in the database."""
    declared, live, role = read_both(connection, metadata)
    return difference.compare(declared, live, role)


def read_both(connection: Connection, metadata: MetaData) -> tuple[catalog.Snapshot, catalog.Snapshot, str]:
    """Return what `metadata` declares, what the database holds, and the name of the service's role."""
    scratch = f"drift_{secrets.token_hex(6)}"
    try:
        for statement in (*_SETTINGS, f"CREATE SCHEMA {scratch}", f"SET LOCAL search_path = {scratch}, {_LIVE}"):
            connection.execute(text(statement))
        expected, present = catalog.roles(connection)
        _create(connection, metadata)
        declared = {key: _full(item) for key, item in catalog.read(connection, scratch, present).items()}
        connection.execute(text(f"SET LOCAL search_path = {_LIVE}"))
        name = connection.execute(text("SELECT pg_get_userbyid(:role)::text"), {"role": expected}).scalar_one()
        return declared, catalog.read(connection, _LIVE, expected), name
    finally:
        connection.rollback()


def _full(item: catalog.Item) -> catalog.Item:
    """Return a declared object with all rights, whatever rights this role's new objects have by default."""
    return replace(item, facts={**item.facts, "rights": "all"}) if "rights" in item.facts else item


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
