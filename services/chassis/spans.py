"""The recorder: spans of the OpenTelemetry API that cost little to make (docs/adr/0012).

A span holds plain integers and one dictionary until it ends; what the API would have it build for every span (contexts,
bounded attributes, read-only copies) is built only if somebody asks. Ids are random, sampling follows the parent, and a
trace without a parent is recorded, which are the SDK's defaults.
"""

from __future__ import annotations

import random
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from time import time_ns
from typing import Any

from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import Attributes

MAX_ATTRIBUTES = 64
MAX_EVENTS = 128
MAX_LINKS = 128
_SAMPLED = 0x01
_NEW_TRACE = TraceFlags(TraceFlags.SAMPLED | TraceFlags.RANDOM_TRACE_ID)

Finished = Callable[["RecordedSpan"], None]
Event = tuple[str, int, Mapping[str, Any]]  # name, nanoseconds since the epoch, attributes


class RecordedSpan(Span):
    """One span. After `end` it changes no more."""

    __slots__ = (
        "_context", "_finished", "attributes", "description", "dropped_attributes", "dropped_events", "end_ns",
        "events", "flags", "kind", "links", "name", "parent", "span_id", "start_ns", "status", "trace_id",
    )  # fmt: skip

    def __init__(
        self,
        name: str,
        kind: SpanKind,
        parent: SpanContext | None,
        attributes: Attributes,
        links: Sequence[Link],
        finished: Finished,
    ) -> None:
        self.name = name
        self.kind = kind
        self.parent = parent
        if parent is None:
            self.trace_id = random.getrandbits(128) or 1
            self.flags: TraceFlags = _NEW_TRACE
        else:
            self.trace_id = parent[0]
            self.flags = parent[3]
        self.span_id = random.getrandbits(64) or 1
        self.attributes: dict[str, Any] = dict(attributes) if attributes else {}
        self.links = links
        self.events: list[Event] = []
        self.dropped_attributes = self.dropped_events = 0
        if len(self.attributes) > MAX_ATTRIBUTES:
            self.dropped_attributes = len(self.attributes) - MAX_ATTRIBUTES
            self.attributes = dict(list(self.attributes.items())[:MAX_ATTRIBUTES])
        self.status = 0
        self.description = ""
        self.end_ns = 0
        self._context: SpanContext | None = None
        self._finished = finished
        self.start_ns = time_ns()

    def get_span_context(self) -> SpanContext:
        """Return what identifies this span."""
        if self._context is None:
            state = self.parent.trace_state if self.parent else None
            self._context = SpanContext(self.trace_id, self.span_id, False, self.flags, state)
        return self._context

    def is_recording(self) -> bool:
        """Return whether it has not ended."""
        return not self.end_ns

    def set_attribute(self, key: str, value: Any) -> None:
        """Set one attribute; those beyond `MAX_ATTRIBUTES` are counted and dropped."""
        if self.end_ns:
            return
        if len(self.attributes) >= MAX_ATTRIBUTES and key not in self.attributes:
            self.dropped_attributes += 1
        else:
            self.attributes[key] = value

    def set_attributes(self, attributes: Mapping[str, Any]) -> None:
        """Set several attributes."""
        for key, value in attributes.items():
            self.set_attribute(key, value)

    def add_event(self, name: str, attributes: Attributes = None, timestamp: int | None = None) -> None:
        """Add an event; `timestamp` is in nanoseconds since the epoch."""
        if self.end_ns:
            return
        if len(self.events) >= MAX_EVENTS:
            self.dropped_events += 1
        else:
            self.events.append((name, timestamp or time_ns(), dict(attributes or {})))

    def add_link(self, context: SpanContext, attributes: Attributes = None) -> None:
        """Link to another span."""
        if not self.end_ns and len(self.links) < MAX_LINKS:
            self.links = [*self.links, Link(context, attributes)]

    def update_name(self, name: str) -> None:
        """Rename the span."""
        if not self.end_ns:
            self.name = name

    def set_status(self, status: Status | StatusCode, description: str | None = None) -> None:
        """Set the status; OK is final and UNSET is no status to set (OpenTelemetry specification, Set Status)."""
        code = status if isinstance(status, StatusCode) else status.status_code
        if self.end_ns or self.status == StatusCode.OK.value or code is StatusCode.UNSET:
            return
        self.status = code.value
        text = description if isinstance(status, StatusCode) else status.description
        self.description = text or ""

    def record_exception(
        self,
        exception: BaseException,
        attributes: Attributes = None,
        timestamp: int | None = None,
        escaped: bool = False,
    ) -> None:
        """Add an exception as an event (semantic conventions, Exceptions)."""
        recorded = {
            "exception.type": type(exception).__qualname__,
            "exception.message": str(exception),
            "exception.stacktrace": "".join(traceback.format_exception(exception)),
            "exception.escaped": str(escaped),
        }
        self.add_event("exception", {**recorded, **(attributes or {})}, timestamp)

    def end(self, end_time: int | None = None) -> None:
        """End the span and hand it on; a second call does nothing."""
        if not self.end_ns:
            self.end_ns = end_time or time_ns()
            self._finished(self)


class Recorder(trace.TracerProvider, Tracer):
    """Makes spans and hands those that ended to `finished`. A process has one; every library shares it."""

    def __init__(self, finished: Finished) -> None:
        self._finished = finished

    def get_tracer(self, *_scope: Any, **_more: Any) -> Tracer:
        """Return this recorder, whoever asks."""
        return self

    def start_span(
        self,
        name: str,
        context: Context | None = None,
        kind: SpanKind = SpanKind.INTERNAL,
        attributes: Attributes = None,
        links: Sequence[Link] | None = (),
        start_time: int | None = None,
        record_exception: bool = True,
        set_status_on_exception: bool = True,
    ) -> Span:
        """Return a span that has begun; one that records nothing if its parent is not sampled."""
        around = trace.get_current_span(context).get_span_context()
        parent = around if around[5] else None
        if parent is not None and not parent[3] & _SAMPLED:
            unsampled = SpanContext(parent[0], random.getrandbits(64) or 1, False, parent[3], parent[4])
            return trace.NonRecordingSpan(unsampled)
        span = RecordedSpan(name, kind, parent, attributes, links or (), self._finished)
        if start_time is not None:
            span.start_ns = start_time
        return span

    @contextmanager
    def start_as_current_span(self, name: str, *args: Any, **options: Any) -> Iterator[Span]:  # type: ignore[override]
        """Run the block inside a new span; an exception is recorded and goes on."""
        end_on_exit = options.pop("end_on_exit", True)
        recorded = options.get("record_exception", True)
        failed = options.get("set_status_on_exception", True)
        span = self.start_span(name, *args, **options)
        with trace.use_span(span, end_on_exit, recorded, failed):
            yield span
