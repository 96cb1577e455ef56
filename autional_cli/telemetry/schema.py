"""The trace store's tables, and opening its file.

One SQLite file in WAL mode, written by the telemetry process alone and read by any number of others. `application_id`
marks it as ours, `user_version` is the version of the tables.
"""

from __future__ import annotations

import sqlite3
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

APPLICATION_ID = 0x41555431
VERSION = 2
INCREMENTAL = 2  # auto_vacuum

TABLES = """
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    service TEXT NOT NULL, instance TEXT NOT NULL, resource TEXT NOT NULL,
    scope TEXT NOT NULL, scope_version TEXT NOT NULL,
    UNIQUE (resource, scope, scope_version)
);
CREATE TABLE spans (
    trace_id BLOB NOT NULL, span_id BLOB NOT NULL, parent_id BLOB,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    name TEXT NOT NULL, kind TEXT NOT NULL, start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL,
    error INTEGER NOT NULL, message TEXT NOT NULL, attributes TEXT NOT NULL,
    events TEXT, links TEXT, dropped INTEGER NOT NULL, cut TEXT, digest INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id, digest);
CREATE INDEX spans_by_source ON spans (source_id);
CREATE TABLE traces (
    trace_id BLOB PRIMARY KEY,
    start_ns INTEGER NOT NULL, end_ns INTEGER NOT NULL, duration_ns INTEGER NOT NULL,
    spans INTEGER NOT NULL, errors INTEGER NOT NULL,
    root_id BLOB, root_service TEXT NOT NULL, root_name TEXT NOT NULL, root_kind TEXT NOT NULL,
    root_start_ns INTEGER, root_end_ns INTEGER,
    received_ns INTEGER NOT NULL, bytes INTEGER NOT NULL
);
CREATE INDEX traces_by_start ON traces (start_ns);
CREATE INDEX traces_by_duration ON traces (duration_ns);
CREATE INDEX traces_by_receipt ON traces (received_ns);
CREATE INDEX traces_with_errors ON traces (start_ns) WHERE errors > 0;
CREATE TABLE trace_services (
    trace_id BLOB NOT NULL, service TEXT NOT NULL, spans INTEGER NOT NULL, errors INTEGER NOT NULL,
    PRIMARY KEY (trace_id, service)
) WITHOUT ROWID;
CREATE TABLE rejections (trace_id BLOB PRIMARY KEY, spans INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE operations (
    service TEXT NOT NULL, name TEXT NOT NULL, kind TEXT NOT NULL, seen_ns INTEGER NOT NULL,
    PRIMARY KEY (service, name, kind)
) WITHOUT ROWID;
CREATE TABLE log_files (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, inode INTEGER NOT NULL, indexed INTEGER NOT NULL
);
CREATE TABLE log_lines (
    trace_id BLOB NOT NULL, file_id INTEGER NOT NULL, start INTEGER NOT NULL, length INTEGER NOT NULL,
    PRIMARY KEY (trace_id, file_id, start)
) WITHOUT ROWID;
"""

# The bytes of a row of `spans` are about those of its texts, and its share of the indexes.
FROM_VERSION_1 = """
ALTER TABLE spans ADD COLUMN cut TEXT;
ALTER TABLE spans ADD COLUMN digest INTEGER NOT NULL DEFAULT 0;
ALTER TABLE spans ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE spans SET bytes = 200 + length(CAST(name AS BLOB)) + length(CAST(message AS BLOB))
    + length(CAST(attributes AS BLOB)) + coalesce(length(CAST(events AS BLOB)), 0)
    + coalesce(length(CAST(links AS BLOB)), 0);
DROP INDEX spans_by_id;
CREATE UNIQUE INDEX spans_by_id ON spans (trace_id, span_id, digest);
CREATE INDEX spans_by_source ON spans (source_id);
ALTER TABLE traces ADD COLUMN bytes INTEGER NOT NULL DEFAULT 0;
UPDATE traces SET bytes = coalesce((SELECT sum(s.bytes) FROM spans s WHERE s.trace_id = traces.trace_id), 0);
"""


DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


class ForeignStoreError(Exception):
    """The file is damaged, or is not a trace store of this version."""


def is_damage(failure: sqlite3.Error) -> bool:
    """Tell whether SQLite found the file itself broken, rather than the disk full or a lock held."""
    return getattr(failure, "sqlite_errorcode", 0) & 0xFF in DAMAGED


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Open the store, making its tables when the file is new.

    Raises ForeignStoreError when the file is something else; sqlite3.OperationalError when the disk refuses.
    """
    connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    try:
        prepare(connection)
    except sqlite3.OperationalError:
        connection.close()
        raise
    except (sqlite3.DatabaseError, ForeignStoreError) as failure:
        connection.close()
        raise ForeignStoreError(str(failure)) from failure
    return connection


def prepare(connection: sqlite3.Connection) -> None:
    """Set the pragmas and make or check the tables."""
    connection.execute("PRAGMA busy_timeout = 5000")
    is_new = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if is_new:
        connection.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
    else:
        check_identity(connection, readable=(1, VERSION))
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")  # a power cut may cost the last traces, never the file
    connection.execute("PRAGMA journal_size_limit = 16777216")
    if is_new:
        marks = f"PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {VERSION};"
        connection.executescript(f"BEGIN; {TABLES} {marks} COMMIT;")
    elif version_of(connection) == 1:
        connection.executescript(f"BEGIN; {FROM_VERSION_1} PRAGMA user_version = {VERSION}; COMMIT;")


def make_shrinkable(connection: sqlite3.Connection) -> None:
    """Rewrite a file of an earlier release once, so that free pages can be given back. It needs as much room again."""
    if connection.execute("PRAGMA auto_vacuum").fetchone()[0] != INCREMENTAL:
        connection.execute(f"PRAGMA auto_vacuum = {INCREMENTAL}")
        connection.execute("VACUUM")


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """Commit what the block writes, or leave no trace of it: a full disk must not leave a transaction open."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


@contextmanager
def snapshot(connection: sqlite3.Connection) -> Iterator[None]:
    """Let all queries of the block see one state of the store, whatever is written or evicted meanwhile."""
    connection.execute("BEGIN")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def check_identity(connection: sqlite3.Connection, readable: tuple[int, ...] = (VERSION,)) -> None:
    """Raise ForeignStoreError unless the open file is a trace store of one of the `readable` versions."""
    application_id = connection.execute("PRAGMA application_id").fetchone()[0]
    if application_id != APPLICATION_ID:
        raise ForeignStoreError("it is another program's database")
    version = version_of(connection)
    if version not in readable:
        raise ForeignStoreError(f"its tables have version {version}, this program knows {VERSION}")


def version_of(connection: sqlite3.Connection) -> int:
    """Return the version of the tables."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Open the store read-only, whether or not the telemetry process runs.

    Raises ForeignStoreError or sqlite3.OperationalError.
    """
    uri = f"{path.absolute().as_uri()}?mode=ro"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False)
    try:
        connection.execute("PRAGMA busy_timeout = 2000")
        check_identity(connection)
    except sqlite3.OperationalError:
        connection.close()
        raise
    except (sqlite3.DatabaseError, ForeignStoreError) as failure:
        connection.close()
        raise ForeignStoreError(str(failure)) from failure
    return connection


def is_whole(path: Path) -> bool:
    """Whether the file at `path` can be the main file of a store in use: there, of SQLite, in WAL mode, not cut short.

    Costs one small read; the header is described in SQLite's file format, section 1.3.
    """
    try:
        with path.open("rb") as file:
            header = file.read(100)
            size = file.seek(0, 2)
    except OSError:
        return False
    page = int.from_bytes(header[16:18], "big")
    pages = int.from_bytes(header[28:32], "big")
    return (
        header[:16] == b"SQLite format 3\0"
        and header[18:20] == b"\2\2"
        and size >= pages * (page if page > 1 else 65536)
    )


def set_aside(path: Path) -> Path:
    """Rename a file that cannot be used, together with its journal files, and return its new name.

    It is kept, not deleted: it may be someone's data.
    """
    stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    kept = path.with_name(f"{path.name}.set-aside-{stamp}")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        if part.exists():
            part.rename(kept.with_name(kept.name + suffix))
    return kept
