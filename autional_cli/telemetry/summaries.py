"""One row per trace with what lists and searches need, kept up to date as spans arrive in any order."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable

    from autional_cli.telemetry.model import Span

UPSERT_TRACE = """
INSERT INTO traces (trace_id, start_ns, end_ns, duration_ns, spans, errors,
                    root_service, root_name, root_kind, received_ns, bytes)
VALUES (:id, :start, :end, :end - :start, :spans, :errors, '', '', '', :now, :bytes)
ON CONFLICT (trace_id) DO UPDATE SET
    start_ns = coalesce(min(nullif(start_ns, 0), nullif(excluded.start_ns, 0)), max(start_ns, excluded.start_ns)),
    end_ns = max(end_ns, excluded.end_ns),
    spans = spans + excluded.spans, errors = errors + excluded.errors, received_ns = excluded.received_ns,
    bytes = bytes + excluded.bytes
"""
EXTENT = """
SELECT coalesce(min(coalesce(nullif(start_ns, 0), nullif(end_ns, 0))), 0), max(max(start_ns, end_ns)),
       count(*), sum(error), sum(bytes)
FROM spans WHERE trace_id = :id
"""
SET_ROOT = """
UPDATE traces SET root_id = :span, root_service = :service, root_name = :name, root_kind = :kind,
                  root_start_ns = :start, root_end_ns = :end
WHERE trace_id = :id AND (root_start_ns IS NULL OR root_start_ns >= :start)
"""
SET_DURATION = """
UPDATE traces SET duration_ns = coalesce(root_end_ns - root_start_ns, end_ns - start_ns) WHERE trace_id = ?
"""
ADD_SERVICE = """
INSERT INTO trace_services VALUES (?, ?, ?, ?)
ON CONFLICT (trace_id, service) DO UPDATE SET spans = spans + excluded.spans, errors = errors + excluded.errors
"""


@dataclass(slots=True)
class Tally:
    """What one batch adds to one trace."""

    start_ns: int
    end_ns: int
    spans: int = 0
    errors: int = 0
    bytes: int = 0


def summarise(connection: sqlite3.Connection, spans: Iterable[tuple[Span, int]], now: int) -> None:
    """Add new spans, each with its bytes, to the summaries of their traces."""
    tallies: dict[str, Tally] = {}
    services: dict[tuple[str, str], list[int]] = defaultdict(lambda: [0, 0])
    roots: list[Span] = []
    for span, size in spans:
        tally = tallies.setdefault(span.trace_id, Tally(span.first_ns, span.last_ns))
        if span.first_ns:
            tally.start_ns = min(tally.start_ns or span.first_ns, span.first_ns)
        tally.end_ns = max(tally.end_ns, span.last_ns)
        tally.spans += 1
        tally.bytes += size
        tally.errors += span.error
        counts = services[span.trace_id, span.service]
        counts[0] += 1
        counts[1] += span.error
        if span.parent_id is None:
            roots.append(span)
    upserts = [
        {
            "id": bytes.fromhex(trace_id),
            "start": tally.start_ns,
            "end": tally.end_ns,
            "spans": tally.spans,
            "errors": tally.errors,
            "bytes": tally.bytes,
            "now": now,
        }
        for trace_id, tally in tallies.items()
    ]
    connection.executemany(UPSERT_TRACE, upserts)
    connection.executemany(
        ADD_SERVICE, [(bytes.fromhex(trace), service, *counts) for (trace, service), counts in services.items()]
    )
    connection.executemany(SET_ROOT, [root_values(root) for root in roots])
    connection.executemany(SET_DURATION, [(bytes.fromhex(trace_id),) for trace_id in tallies])


def recount(connection: sqlite3.Connection, trace_ids: Iterable[str], now: int) -> None:
    """Make the summaries of traces anew from their spans."""
    for trace_id in trace_ids:
        key = {"id": bytes.fromhex(trace_id), "now": now}
        connection.execute("DELETE FROM trace_services WHERE trace_id = :id", key)
        connection.execute(
            "INSERT INTO trace_services SELECT s.trace_id, o.service, count(*), sum(s.error) FROM spans s"
            " JOIN sources o ON o.id = s.source_id WHERE s.trace_id = :id GROUP BY o.service",
            key,
        )
        connection.execute("UPDATE traces SET spans = 0, errors = 0, bytes = 0 WHERE trace_id = :id", key)
        extent = connection.execute(EXTENT, key).fetchone()
        names = ("start", "end", "spans", "errors", "bytes")
        connection.execute(UPSERT_TRACE, key | dict(zip(names, extent, strict=True)))
        roots = connection.execute(
            "SELECT s.span_id, o.service, s.name, s.kind, coalesce(nullif(s.start_ns, 0), s.end_ns),"
            " max(s.start_ns, s.end_ns) FROM spans s"
            " JOIN sources o ON o.id = s.source_id WHERE s.trace_id = :id AND s.parent_id IS NULL",
            key,
        ).fetchall()
        columns = ("span", "service", "name", "kind", "start", "end")
        connection.executemany(SET_ROOT, [key | dict(zip(columns, root, strict=True)) for root in roots])
        connection.execute(SET_DURATION, (key["id"],))


def root_values(span: Span) -> dict[str, Any]:
    """Name the columns of a root span for SET_ROOT."""
    return {
        "id": bytes.fromhex(span.trace_id),
        "span": bytes.fromhex(span.span_id),
        "service": span.service,
        "name": span.name,
        "kind": span.kind,
        "start": span.first_ns,
        "end": span.last_ns,
    }
