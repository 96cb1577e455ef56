"""Spans, traces and searches as this package passes them around.

Standard library only and small: `autional trace` imports it, and the whole process has 120 ms. Times are nanoseconds
since the Unix epoch, identifiers lower-case hex, as OpenTelemetry writes them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

# OTLP SpanKind, by number: https://github.com/open-telemetry/opentelemetry-proto (trace.proto)
KINDS = ("unspecified", "internal", "server", "client", "producer", "consumer")


class Event(NamedTuple):
    """Something that happened inside a span, an exception for instance."""

    name: str
    time_ns: int
    attributes: dict[str, Any]


class Link(NamedTuple):
    """A causal reference to a span that is not the parent."""

    trace_id: str
    span_id: str
    attributes: dict[str, Any]


class Source(NamedTuple):
    """Who recorded a span: the process (resource) and the instrumentation (scope)."""

    service: str
    instance: str
    resource: dict[str, Any]
    scope: str
    scope_version: str


@dataclass(slots=True)
class Span:
    """One operation, with the times as they were recorded: `end_ns` may be before `start_ns`.

    `error` tells whether its status is ERROR; `dropped` counts what the sender left out of it; `cut` what the receiver
    did, by kind: attributes, events, links, and values that were shortened.
    """

    trace_id: str
    span_id: str
    parent_id: str | None
    source: Source
    name: str
    kind: str
    start_ns: int
    end_ns: int
    error: bool = False
    message: str = ""
    attributes: dict[str, Any] = field(default_factory=dict)
    events: list[Event] = field(default_factory=list)
    links: list[Link] = field(default_factory=list)
    dropped: int = 0
    cut: dict[str, int] = field(default_factory=dict)

    @property
    def service(self) -> str:
        return self.source.service

    @property
    def duration_ns(self) -> int:
        """How long it took; 0 when its times are impossible."""
        return max(0, self.end_ns - self.start_ns) if self.start_ns else 0

    @property
    def first_ns(self) -> int:
        """When it was first there: its start or, without one, its end; 0 when it has neither."""
        return self.start_ns or self.end_ns

    @property
    def last_ns(self) -> int:
        """When it was last there."""
        return max(self.start_ns, self.end_ns)


@dataclass(slots=True)
class Trace:
    """All spans of one trace that a backend has.

    `rejected` counts spans that were refused on arrival; `received_ns` is when the last one arrived (None: unknown).
    """

    trace_id: str
    spans: list[Span]
    rejected: int = 0
    received_ns: int | None = None


class Summary(NamedTuple):
    """What a list of traces shows. `duration_ns` is the root span's, or the whole extent when there is no root."""

    trace_id: str
    root_service: str
    root_name: str
    root_kind: str
    start_ns: int
    end_ns: int
    duration_ns: int
    spans: int
    errors: int
    services: dict[str, tuple[int, int]]  # name → spans, spans with an error
    orphans: int = 0
    has_root: bool = True  # False: no span is without a parent; named is the first that served a caller outside


class Query(NamedTuple):
    """A search. Operation, durations and attributes match single spans, as Jaeger defines it; None means any."""

    start_min_ns: int
    start_max_ns: int
    service: str | None = None
    operation: str | None = None
    duration_min_ns: int | None = None
    duration_max_ns: int | None = None
    attributes: dict[str, str] | None = None
    errors_only: bool = False
    root_kind: str | None = None
    slowest_first: bool = False
    limit: int = 20


class Backend(Protocol):
    """Where traces are read from: the platform's own store, or a Jaeger."""

    @property
    def name(self) -> str: ...

    def fetch(self, trace_id: str) -> Trace | None:
        """Return a trace by its full id, or None when the backend has no span of it."""
        ...

    def resolve(self, prefix: str, limit: int) -> list[str]:
        """Return up to `limit` ids that start with `prefix`."""
        ...

    def services(self) -> list[str]:
        """Return the names of all services seen."""
        ...

    def search(self, query: Query) -> list[Summary]:
        """Return matching traces, newest or slowest first."""
        ...

    def consumers(self, message: str, since_ns: int) -> list[str] | None:
        """Return the services seen to process `message` at or after `since_ns`; None when the backend cannot tell."""
        ...

    def close(self) -> None: ...
