"""The reading side of the trace store: by id, by prefix, by search.

Works beside the writing process and without it. Used by `autional trace` and by the Jaeger-compatible API alike.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.model import Event, Link, Query, Source, Span, Summary, Trace
from autional_cli.telemetry.schema import open_for_reading, snapshot

if TYPE_CHECKING:
    import sqlite3

FETCH = """
SELECT s.span_id, s.parent_id, s.source_id, s.name, s.kind, s.start_ns, s.end_ns, s.error, s.message,
       s.attributes, s.events, s.links, s.dropped, s.cut
FROM spans s WHERE s.trace_id = ? ORDER BY s.start_ns, s.rowid
"""
SOURCES = """
SELECT id, service, instance, resource, scope, scope_version FROM sources
WHERE id IN (SELECT source_id FROM spans WHERE trace_id = ?)
"""
MATCHES = """
FROM traces t
WHERE t.spans > 0 AND t.start_ns < :start_max AND t.start_ns >= :start_min
  AND (NOT :errors_only OR t.errors > 0) AND (:root_kind IS NULL OR t.root_kind = :root_kind
       OR t.root_id IS NULL AND EXISTS (
            SELECT 1 FROM spans r WHERE r.trace_id = t.trace_id AND r.kind = :root_kind AND NOT EXISTS (
                SELECT 1 FROM spans p WHERE p.trace_id = r.trace_id AND p.span_id = r.parent_id)))
  AND (:service IS NULL OR EXISTS (
        SELECT 1 FROM trace_services x WHERE x.trace_id = t.trace_id AND x.service = :service
            AND (NOT :errors_only OR x.errors > 0)))
  AND (NOT :by_span OR EXISTS (
        SELECT 1 FROM spans s JOIN sources o ON o.id = s.source_id
        WHERE s.trace_id = t.trace_id
          AND (:service IS NULL OR o.service = :service)
          AND (:operation IS NULL OR s.name = :operation)
          AND (:duration_min IS NULL OR s.end_ns - s.start_ns >= :duration_min)
          AND (:duration_max IS NULL OR s.end_ns - s.start_ns <= :duration_max)
          AND NOT EXISTS (
                SELECT 1 FROM json_each(:attributes) w
                WHERE NOT coalesce(
                    coalesce(s.attributes -> ('$."' || w.key || '"'), o.resource -> ('$."' || w.key || '"'))
                    IN (w.value, json_quote(w.value)), 0))))
"""
COLUMNS = """
SELECT t.trace_id, t.root_service, t.root_name, t.root_kind, t.start_ns, t.end_ns, t.duration_ns, t.spans, t.errors,
       (SELECT json_group_array(json_array(x.service, x.spans, x.errors))
        FROM trace_services x WHERE x.trace_id = t.trace_id)
"""
SEARCH = {
    False: f"{COLUMNS} {MATCHES} ORDER BY t.start_ns DESC LIMIT :limit",
    True: f"{COLUMNS} {MATCHES} ORDER BY t.duration_ns DESC, t.start_ns DESC LIMIT :limit",
}
FIRST_SERVED = """
SELECT o.service, s.name, s.kind, max(0, s.end_ns - s.start_ns) FROM spans s JOIN sources o ON o.id = s.source_id
WHERE s.trace_id = ? AND s.kind = 'server'
  AND NOT EXISTS (SELECT 1 FROM spans p WHERE p.trace_id = s.trace_id AND p.span_id = s.parent_id)
ORDER BY s.start_ns LIMIT 1
"""
RESOLVE = """
SELECT trace_id FROM traces WHERE spans > 0
  AND (trace_id BETWEEN ? AND ? OR trace_id BETWEEN ? AND ? OR trace_id = ?) ORDER BY start_ns DESC LIMIT ?
"""
ORPHANS = """
SELECT count(*) FROM spans s WHERE s.trace_id = ? AND s.parent_id IS NOT NULL
  AND NOT EXISTS (SELECT 1 FROM spans p WHERE p.trace_id = s.trace_id AND p.span_id = s.parent_id)
"""


class Reader:
    """A read-only view of the store; a backend for `autional trace`."""

    name = "embedded"

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection

    @classmethod
    def open(cls, path: Path) -> Reader:
        """Open the store; raises ForeignStoreError or sqlite3.OperationalError."""
        return cls(open_for_reading(path))

    def close(self) -> None:
        self.connection.close()

    def fetch(self, trace_id: str) -> Trace | None:
        """Return a trace by its full id, or None."""
        key = (bytes.fromhex(trace_id),)
        with snapshot(self.connection):
            rows = self.connection.execute(FETCH, key).fetchall()
            if not rows:
                return None
            sources = {
                row[0]: Source(row[1], row[2], json.loads(row[3]), row[4], row[5])
                for row in self.connection.execute(SOURCES, key)
            }
            received = self.connection.execute("SELECT received_ns FROM traces WHERE trace_id = ?", key).fetchone()
            rejected = self.connection.execute("SELECT spans FROM rejections WHERE trace_id = ?", key).fetchone()
        spans = [read_span(trace_id, row, sources) for row in rows]
        return Trace(trace_id, spans, rejected[0] if rejected else 0, received[0] if received else None)

    def resolve(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` ids that start with the hex digits of `prefix`, newest first.

        An id of 64 bits is stored with zeros before it; it is found without them as well.
        """
        return [row[0].hex() for row in self.connection.execute(RESOLVE, (*ranges(prefix), limit))]

    def search(self, query: Query) -> list[Summary]:
        """Return the traces that match, newest or slowest first."""
        found = [read_summary(row) for row in self.connection.execute(SEARCH[query.slowest_first], parameters(query))]
        return [summary if summary.has_root else self.name_root(summary) for summary in found]

    def name_root(self, summary: Summary) -> Summary:
        """Name the first span that served a request from outside, in a trace whose root is not here."""
        served = self.connection.execute(FIRST_SERVED, (bytes.fromhex(summary.trace_id),)).fetchone()
        if served is None:
            return summary
        service, name, kind, duration_ns = served
        return summary._replace(root_service=service, root_name=name, root_kind=kind, duration_ns=duration_ns)

    def count_orphans(self, trace_id: str) -> int:
        """Count the spans whose parent is not in the store."""
        return int(self.connection.execute(ORPHANS, (bytes.fromhex(trace_id),)).fetchone()[0])

    def services(self) -> list[str]:
        """Return the names of all services seen, sorted."""
        return [row[0] for row in self.connection.execute("SELECT DISTINCT service FROM operations ORDER BY service")]

    def operations(self, service: str, kind: str | None) -> list[tuple[str, str]]:
        """Return (span name, span kind) of a service, sorted."""
        find = "SELECT name, kind FROM operations WHERE service = ? AND (? IS NULL OR kind = ?) ORDER BY name, kind"
        return list(self.connection.execute(find, (service, kind, kind)))

    def consumers(self, message: str, since_ns: int) -> list[str]:
        """Return the services seen to process `message` at or after `since_ns`."""
        find = "SELECT service FROM operations WHERE name = ? AND kind = 'consumer' AND seen_ns >= ? ORDER BY service"
        return [row[0] for row in self.connection.execute(find, (f"process {message}", since_ns))]

    def log_lines(self, trace_id: str) -> list[tuple[str, int, int]]:
        """Return (file name, offset, length) of the indexed log lines of a trace."""
        find = (
            "SELECT f.name, l.start, l.length FROM log_lines l JOIN log_files f ON f.id = l.file_id"
            " WHERE l.trace_id = ? ORDER BY f.name, l.start"
        )
        return list(self.connection.execute(find, (bytes.fromhex(trace_id),)))

    def log_files(self) -> dict[str, tuple[int, int]]:
        """Return how far each log file is indexed: name → (inode, bytes)."""
        rows = self.connection.execute("SELECT name, inode, indexed FROM log_files")
        return {name: (inode, indexed) for name, inode, indexed in rows}


def ranges(prefix: str) -> tuple[bytes, ...]:
    """Return the ids that a prefix may mean: from, to; the same of 64-bit ids; and the id without leading zeros."""
    zeros = "0" * 16
    half = prefix if len(prefix) <= 16 else zeros
    halves = (zeros + half.ljust(16, "0"), zeros + half.ljust(16, "f")) if half is prefix else (zeros * 2, zeros * 2)
    texts = (prefix.ljust(32, "0"), prefix.ljust(32, "f"), *halves, prefix.zfill(32))
    return tuple(bytes.fromhex(text) for text in texts)


def parameters(query: Query) -> dict[str, Any]:
    """Name the values of a search for SQL."""
    by_span = (query.operation, query.duration_min_ns, query.duration_max_ns, query.attributes)
    return {
        "start_min": query.start_min_ns,
        "start_max": query.start_max_ns,
        "service": query.service,
        "operation": query.operation,
        "duration_min": query.duration_min_ns,
        "duration_max": query.duration_max_ns,
        "attributes": json.dumps(query.attributes or {}),
        "errors_only": query.errors_only,
        "root_kind": query.root_kind,
        "by_span": any(value is not None for value in by_span),
        "limit": query.limit,
    }


def read_span(trace_id: str, row: tuple[Any, ...], sources: dict[int, Source]) -> Span:
    """Read a row of FETCH."""
    span_id, parent_id, source_id, name, kind, start_ns, end_ns, error, message, attributes, *details = row
    events, links, dropped, cut = details
    return Span(
        trace_id=trace_id,
        span_id=span_id.hex(),
        parent_id=parent_id.hex() if parent_id else None,
        source=sources[source_id],
        name=name,
        kind=kind,
        start_ns=start_ns,
        end_ns=end_ns,
        error=bool(error),
        message=message,
        attributes=json.loads(attributes),
        events=[Event(*event) for event in json.loads(events)] if events else [],
        links=[Link(*link) for link in json.loads(links)] if links else [],
        dropped=dropped,
        cut=json.loads(cut) if cut else {},
    )


def read_summary(row: tuple[Any, ...]) -> Summary:
    """Read a row of SEARCH."""
    trace_id, root_service, root_name, root_kind, start_ns, end_ns, duration_ns, spans, errors, services = row
    return Summary(
        trace_id=trace_id.hex(),
        root_service=root_service,
        root_name=root_name,
        root_kind=root_kind,
        start_ns=start_ns,
        end_ns=end_ns,
        duration_ns=duration_ns,
        spans=spans,
        errors=errors,
        services={service: (count, failed) for service, count, failed in json.loads(services)},
        has_root=bool(root_kind),
    )
