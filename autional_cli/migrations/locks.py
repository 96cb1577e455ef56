"""The locks that a transaction holds on tables, and whom they keep waiting."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from sqlalchemy import text

if TYPE_CHECKING:
    from sqlalchemy import Connection

# What conflicts with ACCESS SHARE (a SELECT), and with ROW EXCLUSIVE (INSERT, UPDATE, DELETE):
# https://www.postgresql.org/docs/current/explicit-locking.html
_BLOCKS_READS = frozenset({"AccessExclusiveLock"})
_BLOCKS_WRITES = _BLOCKS_READS | {"ShareLock", "ShareRowExclusiveLock", "ExclusiveLock"}
_HARMLESS = frozenset({"AccessShareLock", "RowShareLock"})

_TABLES = """
SELECT c.oid::bigint AS id, c.relname AS name, pg_total_relation_size(c.oid) AS bytes FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND c.relname <> 'alembic_version'
"""
_HELD = """
SELECT DISTINCT relation::bigint AS id, mode FROM pg_locks
WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
"""


@dataclass(frozen=True, slots=True)
class Table:
    """A table and its size with indexes."""

    id: int
    name: str
    bytes: int


@dataclass(frozen=True, slots=True)
class Lock:
    """A lock on a table that existed before, held until the revision's end. `mode` as in pg_locks."""

    table: str
    mode: str
    bytes: int
    blocks_reads: bool
    blocks_writes: bool


def tables(connection: Connection) -> dict[int, Table]:
    """Return the service's tables by object id."""
    return {row.id: Table(row.id, row.name, row.bytes) for row in connection.execute(text(_TABLES))}


def held(connection: Connection, before: dict[int, Table]) -> tuple[Lock, ...]:
    """Return what the present transaction holds on the tables `before`; what it created blocks nobody."""
    found = [
        Lock(before[row.id].name, row.mode, before[row.id].bytes, row.mode in _BLOCKS_READS, row.mode in _BLOCKS_WRITES)
        for row in connection.execute(text(_HELD))
        if row.id in before and row.mode not in _HARMLESS
    ]
    return tuple(sorted(found, key=lambda lock: (lock.table, lock.mode)))
