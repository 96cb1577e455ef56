"""Tracing: the OpenTelemetry API, W3C trace context, and the spans the chassis makes.

Span names and attributes follow the OpenTelemetry semantic conventions 1.44. Instrumentation is our own thin code
instead of the contributed instrumentors: those cost three quarters of bare throughput (docs/adr/0003).
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanContext, SpanKind, Status, StatusCode, TraceFlags, Tracer
from opentelemetry.util.types import AttributeValue

from services.chassis.otlp import OtlpExporter
from services.chassis.settings import Settings
from services.chassis.spans import RecordedSpan, Recorder

_TRACER = "services.chassis"
_HEX = frozenset("0123456789abcdef")
_ROOT = Context()


class Tracing:
    """The process's recorder and its exporter; made after the fork, because the exporter owns a thread."""

    def __init__(self, settings: Settings) -> None:
        resource = {
            "service.name": settings.service,
            "service.namespace": "autional",
            "service.instance.id": settings.replica,
            "process.pid": os.getpid(),
        }
        self._exporter: OtlpExporter | None = None
        if settings.otlp_endpoint:
            delay_s = int(os.environ.get("OTEL_BSP_SCHEDULE_DELAY", "200")) / 1000
            self._exporter = OtlpExporter(settings.otlp_endpoint, resource, delay_s=delay_s)
        trace.set_tracer_provider(Recorder(self._exporter.finished if self._exporter else _forget))

    @property
    def dropped(self) -> int:
        """How many spans could not be queued or delivered."""
        return self._exporter.dropped if self._exporter else 0

    def flush(self, timeout_s: float) -> bool:
        """Send what is buffered; false if it did not finish in `timeout_s` seconds."""
        return self._exporter.flush(timeout_s) if self._exporter else True

    def close(self) -> None:
        """Stop the exporter's thread."""
        if self._exporter:
            self._exporter.close()


def _forget(_span: RecordedSpan) -> None:
    """Do nothing with a span: trace ids are in the logs even where nobody collects spans."""


def tracer() -> Tracer:
    """Return the chassis tracer of this process."""
    return _tracer_of(trace.get_tracer_provider())


@lru_cache(maxsize=4)
def _tracer_of(provider: trace.TracerProvider) -> Tracer:
    """Making a tracer costs as much as a span; a process has one provider for its life."""
    return provider.get_tracer(_TRACER)


def current_trace_id() -> str:
    """Return the trace id in scope as 32 hex digits, or an empty string."""
    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.trace_id else ""


def traceparent(span: Span | None = None) -> str:
    """Return the `traceparent` header for `span` or the span in scope (W3C Trace Context, level 1)."""
    context = (span or trace.get_current_span()).get_span_context()
    if not context.is_valid:
        return ""
    return f"00-{context.trace_id:032x}-{context.span_id:016x}-{int(context.trace_flags):02x}"


def parse_traceparent(header: str) -> SpanContext | None:
    """Return the remote span context that `header` names, or None if it is absent or malformed."""
    parts = header.split("-")
    if len(parts) < 4 or len(parts[0]) != 2 or len(parts[1]) != 32 or len(parts[2]) != 16 or len(parts[3]) != 2:
        return None
    if parts[0] == "00" and len(parts) != 4:
        return None  # only later versions may append fields
    if parts[0] == "ff" or not _HEX.issuperset("".join(parts[:4])):
        return None
    context = SpanContext(
        int(parts[1], 16), int(parts[2], 16), is_remote=True, trace_flags=TraceFlags(int(parts[3], 16))
    )
    return context if context.is_valid else None


def remote_context(header: str, *, sampled: bool = False) -> Context:
    """Return a context whose current span is the remote one in `header`; an empty context if there is none.

    `sampled`: it is recorded whatever the header says.
    """
    remote = parse_traceparent(header) if header else None
    if remote is None:
        return _ROOT
    if sampled and not remote.trace_flags.sampled:
        flags = TraceFlags(remote.trace_flags | TraceFlags.SAMPLED)
        remote = SpanContext(remote.trace_id, remote.span_id, is_remote=True, trace_flags=flags)
    return trace.set_span_in_context(trace.NonRecordingSpan(remote), _ROOT)


@contextmanager
def span(
    name: str,
    kind: SpanKind,
    attributes: Mapping[str, AttributeValue],
    *,
    parent: Context | None = None,
    links: Sequence[Link] = (),
) -> Iterator[Span]:
    """Run the block inside a new span; an exception marks it as failed with `error.type` and goes on."""
    new = tracer().start_span(name, context=parent, kind=kind, attributes=attributes, links=links)
    token = otel_context.attach(trace.set_span_in_context(new, parent))
    try:
        yield new
    except BaseException as error:
        fail(new, error)
        raise
    finally:
        otel_context.detach(token)
        new.end()


def fail(failed: Span, error: BaseException | str) -> None:
    """Mark a span as failed; `error.type` is the exception's name or the given short string."""
    kind = error if isinstance(error, str) else type(error).__qualname__
    failed.set_attribute("error.type", kind)
    failed.set_status(Status(StatusCode.ERROR, str(error)[:200]))
