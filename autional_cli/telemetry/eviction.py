"""Removing the oldest traces from the store, and giving their room back to the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from autional_cli.telemetry.schema import transaction

if TYPE_CHECKING:
    import sqlite3
    from pathlib import Path

    from autional_cli.telemetry.limits import Limits

SLICE = 500  # traces a transaction, and
SLICE_BYTES = 8 * 1024 * 1024  # bytes, so that a reader or the next batch never waits long
VACUUM_PAGES = 1000  # a step; the write-ahead log is folded in between
OPERATIONS_LIMIT = 5_000
BYTES_A_LOG_LINE = 64
UNSETTLED_LOG_BYTES = 1024 * 1024  # the spans of the newest log lines may still be on their way
NEWEST = "SELECT trace_id FROM traces WHERE spans > 0 ORDER BY received_ns DESC, rowid DESC LIMIT 1"
SIZES = """
SELECT page_count, freelist_count, page_size FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()
"""
OLDEST_NAME = "SELECT seen_ns FROM operations ORDER BY seen_ns DESC LIMIT 1 OFFSET ?"
DELETE = tuple(
    f"DELETE FROM {table} WHERE trace_id = ?"  # noqa: S608 - the tables that are named here
    for table in ("spans", "trace_services", "log_lines", "rejections", "traces")
)
CHECKPOINT_WAIT_MS, WAIT_MS = 50, 5000


class Usage(NamedTuple):
    """Bytes of the store: `file` with its `free` pages, and the write-ahead log."""

    file: int
    free: int
    log: int

    @property
    def used(self) -> int:
        return self.file - self.free

    @property
    def disk(self) -> int:
        return self.file + self.log


def measure(connection: sqlite3.Connection, path: Path) -> Usage:
    """Return how large the store is; pages that are only in the write-ahead log count for the file as well."""
    pages, free, size = (
        int(connection.execute(f"PRAGMA {name}").fetchone()[0])
        for name in ("page_count", "freelist_count", "page_size")
    )
    try:
        log = path.with_name(path.name + "-wal").stat().st_size
    except FileNotFoundError:
        log = 0
    return Usage(pages * size, free * size, log)


def evict(connection: sqlite3.Connection, path: Path, limits: Limits, before_ns: int) -> int:
    """Remove traces last received before `before_ns`, then the oldest until the store is within its size.

    The newest trace stays whatever its size. Returns how many were removed.
    """
    removed = 0
    while count := remove_slice(connection, before_ns, SLICE_BYTES, keep_newest=False):
        removed += count
    connection.execute("DELETE FROM operations WHERE seen_ns < ?", (before_ns,))
    trim_names(connection)
    trim_log_lines(connection, limits.size_bytes // 8 // BYTES_A_LOG_LINE)
    is_full = measure(connection, path).used > limits.high_bytes
    if is_full:
        trim_log_lines(connection, 0)
    while is_full and (excess := measure(connection, path).used - limits.low_bytes) > 0:
        count = remove_slice(connection, 2**63 - 1, min(excess, SLICE_BYTES), keep_newest=True)
        if not count:
            break
        removed += count
        fold_log(connection, path, limits)
    shrink(connection, path, limits)
    return removed


def remove_slice(connection: sqlite3.Connection, before_ns: int, size_bytes: int, *, keep_newest: bool) -> int:
    """Remove some of the oldest traces in one transaction: about `size_bytes` of them, at most SLICE, at least one.

    Returns how many; 0 when there is none to remove.
    """
    oldest = "SELECT trace_id, bytes FROM traces WHERE received_ns < ? ORDER BY received_ns, rowid LIMIT ?"
    newest = connection.execute(NEWEST).fetchone() if keep_newest else None
    traces: list[tuple[bytes]] = []
    freed = 0
    for trace_id, size in connection.execute(oldest, (before_ns, SLICE)).fetchall():
        if freed >= size_bytes:
            break
        if (trace_id,) != newest:
            traces.append((trace_id,))
            freed += size
    if not traces:
        return 0
    with transaction(connection):
        sources: set[tuple[int]] = set()
        for trace in traces:
            sources.update(connection.execute("SELECT DISTINCT source_id FROM spans WHERE trace_id = ?", trace))
        for statement in DELETE:
            connection.executemany(statement, traces)
        unused = "DELETE FROM sources WHERE id = ? AND NOT EXISTS (SELECT 1 FROM spans WHERE source_id = sources.id)"
        connection.executemany(unused, sources)
    return len(traces)


def trim_names(connection: sqlite3.Connection) -> None:
    """Keep the operations that were seen last, and what is known of refused spans only where it can be shown."""
    beyond = connection.execute(OLDEST_NAME, (OPERATIONS_LIMIT,)).fetchone()
    if beyond is not None:
        connection.execute("DELETE FROM operations WHERE seen_ns <= ?", beyond)
    connection.execute("DELETE FROM rejections WHERE trace_id NOT IN (SELECT trace_id FROM traces)")


def trim_log_lines(connection: sqlite3.Connection, limit: int) -> None:
    """Drop the log lines of traces that were never stored, once there are more than `limit` of all."""
    count: int = connection.execute("SELECT count(*) FROM log_lines").fetchone()[0]
    if count > limit:
        connection.execute(
            "DELETE FROM log_lines WHERE trace_id NOT IN (SELECT trace_id FROM traces)"
            " AND start < (SELECT indexed FROM log_files WHERE id = file_id) - ?",
            (UNSETTLED_LOG_BYTES,),
        )


def fold_log(connection: sqlite3.Connection, path: Path, limits: Limits, *, always: bool = False) -> None:
    """Write the write-ahead log into the file once it is large; a reader that takes long is not waited for."""
    if always or measure(connection, path).log > limits.log_bytes:
        _, frames, folded = connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        if folded < frames:  # somebody reads a state in the middle
            return
        connection.execute(f"PRAGMA busy_timeout = {CHECKPOINT_WAIT_MS}")
        try:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            connection.execute(f"PRAGMA busy_timeout = {WAIT_MS}")


def shrink(connection: sqlite3.Connection, path: Path, limits: Limits) -> None:
    """Give free pages back: what the file has beyond its limit, or when a third of it is free."""
    usage = measure(connection, path)
    surplus = usage.file - limits.high_bytes
    if usage.free > usage.file // 3:
        surplus = max(surplus, usage.free)
    page: int = connection.execute("PRAGMA page_size").fetchone()[0]
    pages = min(usage.free, max(0, surplus)) // page
    while pages > 0:
        # `execute` would take one step of it, and so release one page.
        connection.executescript(f"PRAGMA incremental_vacuum({min(pages, VACUUM_PAGES)})")
        pages -= VACUUM_PAGES
        fold_log(connection, path, limits)
    fold_log(connection, path, limits, always=usage.disk > limits.size_bytes or surplus > 0)
