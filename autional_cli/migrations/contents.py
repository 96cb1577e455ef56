"""What the tables of a database hold, before and after: which rows and values are gone.

Tables and columns are known by their numbers, which a rename does not change. Rows are compared as texts by the server,
and read as the session's own user: the role's policies may hide some.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from autional_cli.migrations.scratch import quoted

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from sqlalchemy import Connection

KEPT = "autional_before"
_TABLES = """
SELECT c.oid::bigint AS id, format('%I.%I', n.nspname, c.relname) AS place,
  CASE n.nspname WHEN 'public' THEN c.relname::text ELSE n.nspname || '.' || c.relname END AS name,
  coalesce((SELECT jsonb_object_agg(a.attnum, jsonb_build_array(a.attname, format_type(a.atttypid, a.atttypmod),
    a.attgenerated <> '')) FROM pg_attribute a WHERE a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
  ), '{}')::text AS columns
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind = 'r' AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> :kept
  AND NOT (n.nspname = 'public' AND c.relname = 'alembic_version') ORDER BY 3
"""
_OBJECTS = "SELECT count(*) FROM pg_largeobject_metadata"


@dataclass(frozen=True, slots=True)
class Column:
    """A column. A generated one has no values of its own."""

    name: str
    type: str
    generated: bool


@dataclass(frozen=True, slots=True)
class Table:
    """A table by its number: where it is, how it is called, its columns by number, and how many rows it has."""

    id: int
    place: str
    name: str
    columns: Mapping[int, Column]
    rows: int

    @property
    def own(self) -> Mapping[int, Column]:
        """The columns that are not computed from others."""
        return {number: column for number, column in self.columns.items() if not column.generated}


@dataclass(frozen=True, slots=True)
class Contents:
    """What a database held; its rows are kept in the schema KEPT of the same database."""

    tables: Mapping[int, Table]
    large_objects: int


def remember(connection: Connection) -> Contents:
    """Keep every value as text in the database itself, which goes away later, and return what there is."""
    connection.exec_driver_sql("SET ROLE NONE")
    connection.exec_driver_sql(f"CREATE SCHEMA {KEPT}")
    found = _read(connection)
    for table in found.tables.values():
        values = ", ".join(f"{quoted(c.name)}::text AS {quoted(c.name)}" for c in table.own.values())
        query = f"SELECT {values} FROM ONLY {table.place}"  # noqa: S608 - names that the catalogue has
        connection.exec_driver_sql(f"CREATE UNLOGGED TABLE {_kept(table)} AS {query}")
    connection.commit()
    return found


def compare(connection: Connection, before: Contents) -> list[str]:
    """Return what is not there any more, as a person counts it."""
    connection.exec_driver_sql("SET ROLE NONE")
    now = _read(connection)
    found = [told for table in before.tables.values() for told in _lost(connection, table, now.tables.get(table.id))]
    gone = before.large_objects - now.large_objects
    return found + ([f"{gone} large objects"] if gone > 0 else [])


def _lost(connection: Connection, before: Table, now: Table | None) -> Iterator[str]:
    if not before.rows:
        return
    if now is None:
        yield f"table {before.name} ({_count(before.rows, 'row')})"
        return
    if now.rows < before.rows:
        yield f"table {before.name} ({before.rows - now.rows} of {_count(before.rows, 'row')})"
    for number, column in before.own.items():
        if number not in now.columns:
            query = f"SELECT count({quoted(column.name)}) FROM {_kept(before)}"  # noqa: S608 - as above
            values = _scalar(connection, query)
            if values:
                yield f"column {before.name}.{column.name} ({_count(values, 'value')})"
    if now.rows >= before.rows:
        common = [(column, now.columns[number]) for number, column in before.own.items() if number in now.columns]
        changed = _changed(connection, before, now, common)
        if changed:
            yield f"values of {before.name} (in {_count(changed, 'row')})"


def _changed(connection: Connection, before: Table, now: Table, common: list[tuple[Column, Column]]) -> int:
    """Return how many rows of before are not there as they were; a value of another type is compared as it was."""
    then = ", ".join(quoted(old.name) for old, _ in common)
    if not then:
        return 0
    back = ", ".join(
        f"{quoted(new.name)}::text" if old.type == new.type else f"{quoted(new.name)}::text::{old.type}::text"
        for old, new in common
    )
    plain = ", ".join(f"{quoted(new.name)}::text" for _, new in common)
    for shown in (back, plain):
        try:
            with connection.begin_nested():
                query = f"SELECT {then} FROM {_kept(before)} EXCEPT ALL SELECT {shown} FROM ONLY {now.place}"  # noqa: S608 - as above
                return _scalar(connection, f"SELECT count(*) FROM ({query}) gone")  # noqa: S608 - as above
        except DBAPIError:
            continue  # a value that the former type cannot read has changed in any case
    return before.rows


def _read(connection: Connection) -> Contents:
    rows = connection.execute(text(_TABLES), {"kept": KEPT}).all()
    tables = {}
    for row in rows:
        columns = {int(number): Column(*facts) for number, facts in json.loads(row.columns).items()}
        count = _scalar(connection, f"SELECT count(*) FROM ONLY {row.place}")  # noqa: S608 - as above
        tables[row.id] = Table(row.id, row.place, row.name, columns, count)
    return Contents(tables, _scalar(connection, _OBJECTS))


def _scalar(connection: Connection, query: str) -> int:
    return int(connection.exec_driver_sql(query).scalar_one())


def _kept(table: Table) -> str:
    return f"{KEPT}.t{table.id}"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"
