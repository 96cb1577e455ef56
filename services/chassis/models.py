"""What every service's tables have in common: names of constraints, time columns, and the event tables.

The outbox holds events that are committed and not yet on the bus; the inbox holds the ids of events whose effect is
committed. Both live in the service's own database, because only there can they share the effect's transaction.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, cast
from uuid import UUID

from sqlalchemy import DDL, BigInteger, Column, DateTime, Identity, MetaData, Table, Text, Uuid, event, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, mapped_column

NAMING = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}

Id = Annotated[UUID, mapped_column(Uuid, primary_key=True)]
Moment = Annotated[datetime, mapped_column(DateTime(timezone=True))]
Created = Annotated[datetime, mapped_column(DateTime(timezone=True), server_default=func.now())]


# SQLAlchemy puts the table's name in, quoted where it must be.
_NOTIFY = (
    "CREATE FUNCTION notify_%(table)s() RETURNS trigger LANGUAGE plpgsql"
    " AS $$ BEGIN PERFORM pg_notify('%(table)s', ''); RETURN NULL; END $$"
)
_INSERTED = (
    "CREATE TRIGGER %(table)s_inserted AFTER INSERT ON %(table)s FOR EACH STATEMENT EXECUTE FUNCTION notify_%(table)s()"
)


def table(model: type[DeclarativeBase]) -> Table:
    """Return the table of a model, for the statements of every login: past the ORM they cost half."""
    return cast("Table", model.__table__)


def service_metadata() -> MetaData:
    """Return the metadata a service's models build on: naming convention, outbox and inbox."""
    metadata = MetaData(naming_convention=NAMING)
    notify_inserts(_outbox(metadata))
    _inbox(metadata)
    return metadata


def notify_inserts(table: Table) -> None:
    """Declare the trigger that tells a listening replica of new rows: channel and function have the table's name.

    Revisions create it; declared here too, so that drift notices when a database has lost it.
    """
    for statement in (_NOTIFY, _INSERTED):
        event.listen(table, "after_create", DDL(statement))  # type: ignore[no-untyped-call]


def _outbox(metadata: MetaData) -> Table:
    return Table(
        "outbox",
        metadata,
        Column("position", BigInteger, Identity(always=True), primary_key=True),
        Column("event_id", Uuid, nullable=False),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("data", JSONB, nullable=False),
        Column("traceparent", Text, nullable=False, server_default=""),
        Column("occurred_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    )


def _inbox(metadata: MetaData) -> Table:
    return Table(
        "inbox",
        metadata,
        Column("event_id", Uuid, primary_key=True),
        Column("type", Text, nullable=False),
        Column("processed_at", DateTime(timezone=True), nullable=False, server_default=func.now(), index=True),
    )


_shared = MetaData(naming_convention=NAMING)
OUTBOX = _outbox(_shared)
INBOX = _inbox(_shared)
