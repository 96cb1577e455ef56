"""Events on the wire: CloudEvents 1.0 in JSON, with the distributed-tracing extension.

A type is a dotted name such as `user.created`; one Redis stream carries one type. `sequence` (the CloudEvents extension
of that name) is the producer's outbox position: redelivery may reorder, a consumer that cares compares it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import orjson
from opentelemetry import trace
from opentelemetry.trace import Link, SpanKind

from services.chassis.tracing import parse_traceparent, remote_context, span, traceparent

FIELD = b"event"
ONLY = b"only"  # the one service that an entry is for; a replay of what it gave up


@dataclass(frozen=True, slots=True)
class Event:
    """One event as a consumer sees it."""

    id: UUID
    source: str
    type: str
    subject: str
    time: datetime
    sequence: int
    data: dict[str, Any]
    traceparent: str = ""

    @property
    def trace_id(self) -> str:
        """The trace in which it was published, as 32 hex digits; empty if there was none."""
        return trace_id_of(self.traceparent)

    def encode(self) -> bytes:
        """Return the structured-mode JSON of this event; numbers of any size, which few readers take, included."""
        document = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": self.time,
            "sequence": str(self.sequence),
            "datacontenttype": "application/json",
            "traceparent": self.traceparent,
            "data": self.data,
        }
        try:
            return orjson.dumps(document)
        except TypeError:  # an integer beyond 64 bits: an event that was committed must leave
            return json.dumps(document, default=str, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, raw: bytes) -> Event:
        """Return the event in `raw`. Raises `ValueError` if it is not a CloudEvent as we write them."""
        try:
            document = orjson.loads(raw)
            if document["specversion"] != "1.0" or not isinstance(document["data"], dict):
                raise ValueError("not CloudEvents 1.0 with an object as data")
            happened = datetime.fromisoformat(str(document["time"]))
            happened.astimezone(UTC)  # or it is no moment that anybody could show
            return cls(
                id=UUID(str(document["id"])),
                source=str(document["source"]),
                type=str(document["type"]),
                subject=str(document["subject"]),
                time=happened,
                sequence=int(document["sequence"]),
                data=document["data"],
                traceparent=str(document.get("traceparent", "")),
            )
        except (KeyError, TypeError, AttributeError, OverflowError) as error:
            raise ValueError(f"an attribute is missing or of the wrong type: {error!r}") from error

    @classmethod
    def of(cls, fields: Mapping[bytes, bytes]) -> Event:
        """Return the event of an entry of a stream. Raises `ValueError` if it holds none."""
        if FIELD not in fields:
            raise ValueError("the entry has no field `event`")
        return cls.decode(fields[FIELD])


def events_of(entries: Iterable[tuple[bytes, Mapping[bytes, bytes]]]) -> Iterator[tuple[bytes, Event]]:
    """Yield the events of entries of a stream; what is none is passed over."""
    for entry, fields in entries:
        try:
            yield entry, Event.of(fields)
        except ValueError:
            continue


def trace_id_of(traceparent: str) -> str:
    """Return the trace id in a `traceparent` (W3C Trace Context); empty for anything else."""
    parts = traceparent.split("-")
    return parts[1] if len(parts) == 4 else ""


def stream(kind: str) -> str:
    """Return the stream that carries events of type `kind`."""
    return f"bus:events:{kind}"


def dead_stream(service: str) -> str:
    """Return the stream that holds what `service` could not process."""
    return f"bus:dead:{service}"


def _attributes(kind: str, operation: str) -> dict[str, Any]:
    return {
        "messaging.system": "redis",
        "messaging.destination.name": stream(kind),
        "messaging.operation.type": operation,
        "messaging.operation.name": operation,
    }


def send_span(kind: str, event_id: object, parent: str) -> str:
    """Record that an event was put on the bus and return the `traceparent` its consumers continue.

    `parent` is the `traceparent` of the unit of work that published it.
    """
    attributes = _attributes(kind, "send") | {"messaging.message.id": str(event_id)}
    with span(f"send {kind}", SpanKind.PRODUCER, attributes, parent=remote_context(parent)) as sent:
        return traceparent(sent)


def process_span(event: Event, service: str, attempt: int) -> Any:
    """Return the span (a context manager) in which one event is handled: child of and linked to its producer."""
    attributes = _attributes(event.type, "process") | {
        "messaging.message.id": str(event.id),
        "messaging.consumer.group.name": service,
        "autional.delivery_attempt": attempt,
    }
    producer = parse_traceparent(event.traceparent)
    parent = trace.set_span_in_context(trace.NonRecordingSpan(producer)) if producer else None
    links = [Link(producer)] if producer else []
    return span(f"process {event.type}", SpanKind.CONSUMER, attributes, parent=parent, links=links)
