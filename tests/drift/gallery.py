"""Models with everything that a database can have and that the services do not all use."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, MetaData, Table, event
from sqlalchemy.dialects.postgresql import ENUM, JSONB

from services.chassis.models import NAMING


def gallery() -> MetaData:
    """Return the metadata, made anew."""
    metadata = MetaData(naming_convention=NAMING)
    mood = ENUM("sad", "ok", "happy", name="mood", metadata=metadata)
    sa.Sequence("ticket_numbers", start=100, metadata=metadata)
    Table(
        "artists",
        metadata,
        Column("id", sa.BigInteger, sa.Identity(always=True), primary_key=True),
        Column("name", sa.String(80), nullable=False, unique=True),
        Column("mood", mood, nullable=False, server_default="ok"),
        Column("other_mood", mood),
        Column("fame", sa.Integer, sa.CheckConstraint("fame BETWEEN 0 AND 10", name="fame"), server_default="0"),
        Column("nickname", sa.String(40)),
        Column("born", sa.Date),
        Column("fee", sa.Numeric(10, 2)),
        Column("initial", sa.Text, sa.Computed("lower(left(name, 1))", persisted=True)),
    )
    paintings = Table(
        "paintings",
        metadata,
        Column("id", sa.Uuid, primary_key=True),
        Column("artist_id", ForeignKey("artists.id", ondelete="CASCADE"), nullable=False, index=True),
        Column("title", sa.Text, nullable=False),
        Column("year", sa.Integer),
        Column("details", JSONB, server_default=sa.text("'{}'::jsonb")),
        Column("painted_at", sa.DateTime(timezone=True), server_default=sa.func.now()),
        Column("number", sa.Integer, sa.Sequence("painting_numbers")),
        sa.UniqueConstraint("artist_id", "title"),
    )
    sa.Index("ix_paintings_year_title", paintings.c.year.desc(), paintings.c.title)
    sa.Index("ix_paintings_dated", paintings.c.painted_at, postgresql_where=paintings.c.year > 1900)
    sa.Index("ix_paintings_details", paintings.c.details, postgresql_using="gin")
    sa.Index("ix_paintings_lower_title", sa.func.lower(paintings.c.title), unique=True)
    view = "CREATE VIEW modern AS SELECT id, title FROM paintings WHERE year > 1950"
    event.listen(metadata, "after_create", sa.DDL(view))  # type: ignore[no-untyped-call]
    return metadata
