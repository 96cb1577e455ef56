"""Models with everything that a database can have and that the services do not all use."""

from __future__ import annotations

import sqlalchemy as sa
from sqlalchemy import Column, ForeignKey, MetaData, Table, event
from sqlalchemy.dialects.postgresql import ENUM, INT4RANGE, JSONB, ExcludeConstraint

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


MUSEUM = (
    "CREATE DOMAIN grade AS integer CONSTRAINT grade_range CHECK (VALUE BETWEEN 1 AND 6)",
    "CREATE FUNCTION note_loan() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE TRIGGER loan_noted BEFORE INSERT ON loans FOR EACH ROW EXECUTE FUNCTION note_loan()",
    "CREATE RULE kept AS ON DELETE TO loans WHERE old.keep DO INSTEAD NOTHING",
    "CREATE POLICY everyone ON loans USING (true)",
    "CREATE MATERIALIZED VIEW busy AS SELECT room, count(*) AS n FROM loans GROUP BY room",
    "CREATE UNIQUE INDEX ix_busy_room ON busy (room)",
    "CREATE VIEW kept_loans WITH (security_barrier=true) AS SELECT id FROM loans WHERE keep",
)


def museum() -> MetaData:
    """Return the gallery with what only SQL can declare as well: rules, policies, domains, comments, exclusions."""
    metadata = gallery()
    Table(
        "loans",
        metadata,
        Column("id", sa.Integer, sa.Identity(), primary_key=True),
        Column("room", sa.Text, nullable=False, comment="where it hangs"),
        Column("during", INT4RANGE),
        Column("keep", sa.Boolean, server_default=sa.false(), nullable=False),
        Column("days", sa.Integer),
        Column("twice", sa.Integer, sa.Computed("days * 2")),
        ExcludeConstraint(("during", "&&"), name="ex_loans_during", using="gist"),
        comment="what is lent",
    )
    Table("order", metadata, Column("id", sa.Integer, primary_key=True), Column("user", sa.Text, index=True))
    for statement in MUSEUM:
        event.listen(metadata, "after_create", sa.DDL(statement.replace("%", "%%")))  # type: ignore[no-untyped-call]
    return metadata
