"""The writing side of the trace store.

All methods are called by one thread. A batch is one transaction: after `add` returns, the spans are there for readers.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from autional_cli.telemetry.eviction import evict
from autional_cli.telemetry.schema import ForeignStoreError, is_damage, open_for_writing, set_aside, transaction
from autional_cli.telemetry.summaries import recount, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from autional_cli.telemetry.model import Source, Span

INSERT_SPAN = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
INSERT_SOURCE = """
INSERT INTO sources (resource, scope, scope_version, service, instance) VALUES (?, ?, ?, ?, ?) RETURNING id
"""
UPSERT_OPERATION = """
INSERT INTO operations VALUES (?, ?, ?, ?)
ON CONFLICT (service, name, kind) DO UPDATE SET seen_ns = max(seen_ns, excluded.seen_ns)
"""
COUNT_REJECTED = """
INSERT INTO rejections VALUES (?, ?) ON CONFLICT (trace_id) DO UPDATE SET spans = spans + excluded.spans
"""


class Limits(NamedTuple):
    """When the oldest traces leave: bytes of the file in use, age in seconds; and the most spans of one trace."""

    size_bytes: int = 512 * 1024 * 1024
    age_s: float = 7 * 86400
    trace_spans: int = 50_000


class Store:
    """The spans of all traces, with a summary for each."""

    def __init__(self, connection: sqlite3.Connection, limits: Limits, clock: Callable[[], int]) -> None:
        self.connection = connection
        self.limits = limits
        self.clock = clock
        self.sources: dict[int, int] = {}  # id(Source) of this batch → row
        self.added_since_eviction = 0

    @classmethod
    def open(
        cls,
        path: Path,
        *,
        limits: Limits | None = None,
        warn: Callable[[str], None],
        clock: Callable[[], int] = time.time_ns,
    ) -> Store:
        """Open the store at `path`; a damaged or foreign file is renamed, `warn` is told, and a new one made."""
        path.parent.mkdir(parents=True, exist_ok=True)
        limits = limits or Limits()
        try:
            return cls.open_usable(path, limits, clock)
        except ForeignStoreError as failure:
            kept = set_aside(path)
            warn(f"{path.name} could not be used ({failure}); kept as {kept.name}, a new store was started")
            return cls.open_usable(path, limits, clock)

    @classmethod
    def open_usable(cls, path: Path, limits: Limits, clock: Callable[[], int]) -> Store:
        """Open the store and bring it within its limits; raises ForeignStoreError when the file cannot be used."""
        store = cls(open_for_writing(path), limits, clock)
        path.chmod(0o600)
        try:
            store.evict()
        except sqlite3.DatabaseError as failure:
            store.connection.close()
            if is_damage(failure):
                raise ForeignStoreError(str(failure)) from failure
            raise
        return store

    def close(self) -> None:
        """Fold the write-ahead log into the file and close it."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.connection.close()

    def add(self, spans: Sequence[Span], rejected: Mapping[str, int] | None = None) -> Counter[str]:
        """Store a batch in one transaction; a span that is there already is skipped.

        Returns how many spans were refused by trace, because that trace is as large as a trace may become.
        """
        self.sources.clear()
        with transaction(self.connection):
            refused = self.write(spans)
            self.count_rejected(rejected or {}, refused)
        self.added_since_eviction += len(spans)
        if self.added_since_eviction >= 10_000:
            self.evict()
        return refused

    def write(self, spans: Sequence[Span]) -> Counter[str]:
        """Insert spans and bring the summaries up to date; returns the refused ones."""
        accepted, refused = self.bound(spans)
        before = self.connection.total_changes
        rows = [self.row(span) for span in accepted]
        made_sources = self.connection.total_changes - before
        self.connection.executemany(INSERT_SPAN, rows)
        inserted = self.connection.total_changes - before - made_sources
        if inserted == len(rows):
            summarise(self.connection, accepted, self.clock())
        else:  # a sender repeated itself after a lost answer: count anew instead of twice
            recount(self.connection, {span.trace_id for span in accepted}, self.clock())
        now = self.clock()
        operations = {(span.service, span.name, span.kind, now) for span in accepted}
        self.connection.executemany(UPSERT_OPERATION, operations)
        return refused

    def bound(self, spans: Sequence[Span]) -> tuple[list[Span], Counter[str]]:
        """Split spans into those that fit their trace and a count of those that do not."""
        room: dict[str, int] = {}
        accepted: list[Span] = []
        refused: Counter[str] = Counter()
        for span in spans:
            trace_id = span.trace_id
            if trace_id not in room:
                found = self.connection.execute(
                    "SELECT spans FROM traces WHERE trace_id = ?", (bytes.fromhex(trace_id),)
                ).fetchone()
                room[trace_id] = self.limits.trace_spans - (found[0] if found else 0)
            room[trace_id] -= 1
            if room[trace_id] >= 0:
                accepted.append(span)
            else:
                refused[trace_id] += 1
        return accepted, refused

    def row(self, span: Span) -> tuple[Any, ...]:
        """Write a span as a row."""
        return (
            bytes.fromhex(span.trace_id),
            bytes.fromhex(span.span_id),
            bytes.fromhex(span.parent_id) if span.parent_id else None,
            self.source_row(span.source),
            span.name,
            span.kind,
            span.start_ns,
            span.end_ns,
            span.error,
            span.message,
            to_json(span.attributes),
            to_json([[event.name, event.time_ns, event.attributes] for event in span.events]) if span.events else None,
            to_json([[link.trace_id, link.span_id, link.attributes] for link in span.links]) if span.links else None,
            span.dropped,
        )

    def source_row(self, source: Source) -> int:
        """Return the row id of a process and its instrumentation, adding it when new."""
        known = self.sources.get(id(source))
        if known is not None:
            return known
        key = (to_json(source.resource), source.scope, source.scope_version)
        find = "SELECT id FROM sources WHERE resource = ? AND scope = ? AND scope_version = ?"
        found = self.connection.execute(find, key).fetchone()
        if found is None:
            values = (*key, source.service, source.instance)
            found = self.connection.execute(INSERT_SOURCE, values).fetchone()
        self.sources[id(source)] = found[0]
        return int(found[0])

    def count_rejected(self, *counts: Mapping[str, int]) -> None:
        """Remember how many spans of a trace are missing because they were refused."""
        for rejected in counts:
            rows = [(bytes.fromhex(trace_id), count) for trace_id, count in rejected.items()]
            self.connection.executemany(COUNT_REJECTED, rows)

    def evict(self) -> int:
        """Remove the traces beyond the limits, oldest first; returns how many."""
        self.added_since_eviction = 0
        return evict(self.connection, self.limits.size_bytes, self.clock() - int(self.limits.age_s * 1e9))


def to_json(value: Any) -> str:
    """Write a value as compact JSON text, so that SQLite's own JSON functions can read it."""
    return orjson.dumps(value).decode()
