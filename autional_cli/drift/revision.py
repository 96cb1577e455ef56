"""The revision that a database is at, against the head of the service's revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from alembic.runtime.migration import MigrationContext
from sqlalchemy import text

from autional_cli.drift.catalog import VERSION_TABLE
from autional_cli.drift.model import Difference
from autional_cli.migrations.script import directory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sqlalchemy import Connection

_HAS_TABLES = """
SELECT EXISTS (SELECT FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
  AND relname <> :version_table)
"""


def compare_revision(
    connection: Connection, root: Path, service: str, structure: Sequence[Difference]
) -> tuple[str, str, list[Difference]]:
    """Return the live revision, the head, and what is wrong with them; `structure` is in what the schema differs.

    Kinds: `revision_missing` (never migrated), `revision_behind`, `revision_unknown` (not among the files) and
    `revision_heads` (the files have several heads).
    """
    script = directory(root, service)
    heads = sorted(script.get_heads())
    live = sorted(MigrationContext.configure(connection).get_current_heads())
    revision, head = ",".join(live), ",".join(heads)
    found = []
    if len(heads) > 1:
        found.append(_difference("heads", service, revision, head, f"autional migrate merge -s {service}"))
    if live != heads:
        known = {step.revision for step in script.walk_revisions()} if heads else set()
        up = f"autional migrate up {service}"
        if not live:
            found.append(_difference("missing", service, revision, head, _first(connection, heads, structure) or up))
        elif set(live) <= known:
            found.append(_difference("behind", service, revision, head, up))
        else:
            mend = f"-- restore migrations/{service}/ as it was when {revision} was applied, or restore the database"
            found.append(_difference("unknown", service, revision, head, mend))
    return revision, head, found


def _first(connection: Connection, heads: list[str], structure: Sequence[Difference]) -> str:
    """Return what records a revision that is there without a record; nothing for an empty database."""
    if not connection.execute(text(_HAS_TABLES), {"version_table": VERSION_TABLE}).scalar_one():
        return ""
    if structure or len(heads) != 1:
        return "-- tables are there and no record of the revision that made them: restore the database"
    made = f"CREATE TABLE IF NOT EXISTS {VERSION_TABLE} (version_num varchar(32) PRIMARY KEY)"
    return f"{made};\nINSERT INTO {VERSION_TABLE} VALUES ('{heads[0]}')"


def _difference(what: str, service: str, revision: str, head: str, mend: str) -> Difference:
    return Difference(f"revision_{what}", f"{service}.alembic_version", head, revision, mend)
