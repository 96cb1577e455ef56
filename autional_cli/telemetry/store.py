"""The writing side of the trace store.

All methods are called by one thread. A batch is one transaction: after `add` returns, the spans are there for readers.
"""

from __future__ import annotations

import sqlite3
import time
from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import orjson

from autional_cli.telemetry.eviction import evict, fold_log, measure
from autional_cli.telemetry.limits import Limits
from autional_cli.telemetry.schema import (
    ForeignStoreError,
    is_damage,
    make_shrinkable,
    open_for_writing,
    set_aside,
    transaction,
)
from autional_cli.telemetry.summaries import recount, summarise

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from autional_cli.telemetry.model import Source, Span

INSERT_SPAN = "INSERT OR IGNORE INTO spans VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
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


ROW_BYTES = 200  # of a span beside its texts, its share of the indexes included
EVICTION_SPANS = 10_000  # after so many, what has become too old is looked for


class Written:
    """A span with its structured parts as JSON text, and about how many bytes its row takes."""

    __slots__ = ("attributes", "events", "links", "size", "span", "texts")

    def __init__(self, span: Span) -> None:
        self.span = span
        self.attributes = orjson.dumps(span.attributes)
        self.events = self.links = b""
        if span.events:
            self.events = orjson.dumps([[each.name, each.time_ns, each.attributes] for each in span.events])
        if span.links:
            self.links = orjson.dumps([[each.trace_id, each.span_id, each.attributes] for each in span.links])
        self.texts = f"{span.name}\0{span.message}\0".encode("utf-8", "replace")
        self.size = ROW_BYTES + len(self.texts) + len(self.attributes) + len(self.events) + len(self.links)

    def row(self, source_id: int) -> tuple[Any, ...]:
        """Return the columns of `spans`. The digest tells a repeated span from another one with the same id."""
        span = self.span
        facts = f"{span.parent_id} {source_id} {span.kind} {span.start_ns} {span.end_ns} {span.error} {span.dropped}\0"
        content = b"\0".join((facts.encode(), self.texts, self.attributes, self.events, self.links))
        return (
            bytes.fromhex(span.trace_id),
            bytes.fromhex(span.span_id),
            bytes.fromhex(span.parent_id) if span.parent_id else None,
            source_id,
            span.name,
            span.kind,
            span.start_ns,
            span.end_ns,
            span.error,
            span.message,
            self.attributes.decode(),
            self.events.decode() or None,
            self.links.decode() or None,
            span.dropped,
            to_json(span.cut) if span.cut else None,
            int.from_bytes(blake2b(content, digest_size=8).digest(), "big", signed=True),
            self.size,
        )


class FullError(Exception):
    """The store is as large as it may be and cannot be made smaller now: somebody keeps reading an old state."""


class Store:
    """The spans of all traces, with a summary for each."""

    def __init__(
        self,
        path: Path,
        connection: sqlite3.Connection,
        limits: Limits,
        clock: Callable[[], int],
        warn: Callable[[str], None],
    ) -> None:
        self.path = path
        self.connection = connection
        self.warn = warn
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
            return cls.open_usable(path, limits, clock, warn)
        except ForeignStoreError as failure:
            kept = set_aside(path)
            warn(f"{path.name} could not be used ({failure}); kept as {kept.name}, a new store was started")
            return cls.open_usable(path, limits, clock, warn)

    @classmethod
    def open_usable(cls, path: Path, limits: Limits, clock: Callable[[], int], warn: Callable[[str], None]) -> Store:
        """Open the store and bring it within its limits; raises ForeignStoreError when the file cannot be used."""
        store = cls(path, open_for_writing(path), limits, clock, warn)
        path.chmod(0o600)
        try:
            store.connection.execute(f"PRAGMA journal_size_limit = {limits.log_bytes}")
            store.evict()
            store.upgrade()
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

        Returns how many spans were refused by trace, because that trace is as large as a trace may become. Raises
        FullError.
        """
        self.make_room()
        self.sources.clear()
        with transaction(self.connection):
            refused = self.write(spans)
            self.count_rejected(rejected or {}, refused)
        self.added_since_eviction += len(spans)
        self.settle()
        return refused

    def make_room(self) -> None:
        """Raise FullError while the store is beyond its limit and cannot be made smaller."""
        if measure(self.connection, self.path).disk > self.limits.size_bytes:
            self.evict()
            if (disk := measure(self.connection, self.path).disk) > self.limits.size_bytes:
                raise FullError(f"{disk} bytes on disk, {self.limits.size_bytes} allowed, and a reader keeps them")

    def settle(self) -> None:
        """Bring the store within its limits after a commit; what fails now is tried again after the next."""
        usage = measure(self.connection, self.path)
        try:
            if self.added_since_eviction >= EVICTION_SPANS or usage.file > self.limits.high_bytes:
                self.evict()
            else:
                fold_log(self.connection, self.path, self.limits)
        except sqlite3.OperationalError as failure:
            self.warn(f"{self.path.name} could not be brought within its limits: {failure}")

    def upgrade(self) -> None:
        """Rewrite the file of an earlier release; without the room for it the file works, but never shrinks."""
        try:
            make_shrinkable(self.connection)
            fold_log(self.connection, self.path, self.limits)
        except sqlite3.OperationalError as failure:
            self.warn(f"{self.path.name} of an earlier release could not be rewritten: {failure}")

    def write(self, spans: Sequence[Span]) -> Counter[str]:
        """Insert spans and bring the summaries up to date; returns the refused ones."""
        accepted, refused = self.bound([Written(span) for span in spans])
        rows = [written.row(self.source_row(written.span.source)) for written in accepted]
        before = self.connection.total_changes
        self.connection.executemany(INSERT_SPAN, rows)
        now = self.clock()
        if self.connection.total_changes - before == len(rows):
            summarise(self.connection, [(written.span, written.size) for written in accepted], now)
        else:  # a sender repeated itself after a lost answer: count anew instead of twice
            recount(self.connection, {written.span.trace_id for written in accepted}, now)
        operations = {(written.span.service, written.span.name, written.span.kind, now) for written in accepted}
        self.connection.executemany(UPSERT_OPERATION, operations)
        return refused

    def bound(self, spans: Sequence[Written]) -> tuple[list[Written], Counter[str]]:
        """Split spans into those that fit their trace and a count of those that do not."""
        room: dict[str, tuple[int, int]] = {}  # spans, bytes
        accepted: list[Written] = []
        refused: Counter[str] = Counter()
        for written in spans:
            trace_id = written.span.trace_id
            if trace_id not in room:
                find = "SELECT spans, bytes FROM traces WHERE trace_id = ?"
                count, size = self.connection.execute(find, (bytes.fromhex(trace_id),)).fetchone() or (0, 0)
                room[trace_id] = self.limits.trace_spans - count, self.limits.trace_bytes - size
            count, size = room[trace_id]
            if count < 1 or size < written.size:
                refused[trace_id] += 1
                continue
            room[trace_id] = count - 1, size - written.size
            accepted.append(written)
        return accepted, refused

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
        return evict(self.connection, self.path, self.limits, self.clock() - int(self.limits.age_s * 1e9))


def to_json(value: Any) -> str:
    """Write a value as compact JSON text, so that SQLite's own JSON functions can read it."""
    return orjson.dumps(value).decode()
