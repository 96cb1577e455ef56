"""Removing the oldest traces from the store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from autional_cli.telemetry.schema import transaction

if TYPE_CHECKING:
    import sqlite3

SLICE = 500  # traces a transaction, so that a reader or the next batch never waits long
LOG_LINES_LIMIT = 1_000_000


def evict(connection: sqlite3.Connection, size_bytes: int, before_ns: int) -> int:
    """Remove traces last received before `before_ns`, then the oldest until `size_bytes` are in use.

    Returns how many.
    """
    removed = 0
    while count := remove_slice(connection, before_ns):
        removed += count
    while bytes_in_use(connection) > size_bytes and (count := remove_slice(connection, 2**63 - 1)):
        removed += count
    connection.execute("DELETE FROM operations WHERE seen_ns < ?", (before_ns,))
    trim_log_lines(connection)
    return removed


def bytes_in_use(connection: sqlite3.Connection) -> int:
    """Return the size of the file without its free pages."""
    pages: int = connection.execute("PRAGMA page_count").fetchone()[0]
    free: int = connection.execute("PRAGMA freelist_count").fetchone()[0]
    size: int = connection.execute("PRAGMA page_size").fetchone()[0]
    return (pages - free) * size


def remove_slice(connection: sqlite3.Connection, before_ns: int) -> int:
    """Remove up to SLICE of the oldest traces in one transaction; returns how many."""
    oldest = "SELECT trace_id FROM traces WHERE received_ns < ? ORDER BY received_ns LIMIT ?"
    traces = connection.execute(oldest, (before_ns, SLICE)).fetchall()
    if not traces:
        return 0
    with transaction(connection):
        connection.executemany("DELETE FROM spans WHERE trace_id = ?", traces)
        connection.executemany("DELETE FROM trace_services WHERE trace_id = ?", traces)
        connection.executemany("DELETE FROM log_lines WHERE trace_id = ?", traces)
        connection.executemany("DELETE FROM rejections WHERE trace_id = ?", traces)
        connection.executemany("DELETE FROM traces WHERE trace_id = ?", traces)
    return len(traces)


def trim_log_lines(connection: sqlite3.Connection) -> None:
    """Drop the log lines of traces that were never stored, once there are very many."""
    count: int = connection.execute("SELECT count(*) FROM log_lines").fetchone()[0]
    if count > LOG_LINES_LIMIT:
        connection.execute("DELETE FROM log_lines WHERE trace_id NOT IN (SELECT trace_id FROM traces)")
