"""What arrives at `POST /v1/traces`, turned into spans.

OTLP/HTTP, protobuf and JSON: https://opentelemetry.io/docs/specs/otlp/#otlphttp. A span that cannot be stored is
rejected by itself and counted; only a body that is no OTLP at all is refused as a whole.
"""

from __future__ import annotations

import base64
import zlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson
from google.protobuf.message import DecodeError
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from autional_cli.telemetry.bounds import Bounds
from autional_cli.telemetry.model import KINDS, Event, Link, Source, Span
from autional_cli.telemetry.otlp_json import STATUS_ERROR, decode_spans, make_source

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from autional_cli.telemetry.limits import Limits

PROTOBUF = "application/x-protobuf"
JSON = "application/json"
HEX = frozenset("0123456789abcdef")


class MalformedError(ValueError):
    """The body is not OTLP."""


class TooLargeError(ValueError):
    """The body is larger than a request may be."""


@dataclass(slots=True)
class Batch:
    """The storable spans of one request, and what was rejected: by trace (where the id was readable) and why."""

    spans: list[Span] = field(default_factory=list)
    size: int = 0  # bytes of the request
    rejected: int = 0
    rejected_by_trace: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)

    def reject(self, span: Span, reason: str) -> None:
        """Count a span that will not be stored."""
        self.rejected += 1
        self.reasons[reason] += 1
        if is_id(span.trace_id, 32):
            self.rejected_by_trace[span.trace_id] += 1

    def explain(self) -> str:
        """Say why spans were rejected, for the sender."""
        return "; ".join(f"{count} with {reason}" for reason, count in self.reasons.most_common())


def decompress(body: bytes, limit: int) -> bytes:
    """Unpack gzip, stopping at `limit` bytes so that a small body cannot fill the memory."""
    stream = zlib.decompressobj(wbits=zlib.MAX_WBITS | 16)
    try:
        unpacked = stream.decompress(body, limit + 1)
    except zlib.error as failure:
        raise MalformedError(f"body is not gzip: {failure}") from failure
    if len(unpacked) > limit:
        raise TooLargeError(f"body is larger than {limit} bytes when unpacked")
    if not stream.eof:
        raise MalformedError("body is truncated gzip")
    return unpacked


def decode(body: bytes, content_type: str, limits: Limits) -> Batch:
    """Read a request body of either encoding; what is beyond the limits is cut and counted."""
    batch, bounds = Batch(size=len(body)), Bounds(limits)
    for span in read_json(body) if content_type == JSON else read_protobuf(body):
        reason = find_fault(span)
        if reason is None and len(batch.spans) >= limits.request_spans:
            reason = f"more than {limits.request_spans} spans in one request"
        if reason is None:
            bounds.apply(span)
            batch.spans.append(span)
        else:
            batch.reject(span, reason)
    return batch


def find_fault(span: Span) -> str | None:
    """Say why a span cannot be stored, or None when it can."""
    if not is_id(span.trace_id, 32):
        return "an invalid trace id"
    if not is_id(span.span_id, 16):
        return "an invalid span id"
    if span.parent_id is not None and not is_id(span.parent_id, 16):
        return "an invalid parent span id"
    if not (0 <= span.start_ns < 2**63 and 0 <= span.end_ns < 2**63):
        return "a time beyond the year 2262"
    return None


def is_id(text: str, digits: int) -> bool:
    """Tell whether `text` is an id of W3C trace context: so many lower-case hex digits, not all zero."""
    return len(text) == digits and HEX.issuperset(text) and text.count("0") != digits


def read_json(body: bytes) -> Iterable[Span]:
    """Read OTLP JSON."""
    try:
        document = orjson.loads(body) if body.strip() else {}
        return list(decode_spans(document))
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError, RecursionError) as failure:
        raise MalformedError(f"body is not OTLP JSON: {failure}") from failure


def read_protobuf(body: bytes) -> Iterator[Span]:
    """Read OTLP protobuf."""
    try:
        request = ExportTraceServiceRequest.FromString(body)
    except DecodeError as failure:
        raise MalformedError(f"body is not an ExportTraceServiceRequest: {failure}") from failure
    for resource_spans in request.resource_spans:
        resource = read_attributes(resource_spans.resource.attributes)
        for scope_spans in resource_spans.scope_spans:
            source = make_source(resource, scope_spans.scope.name, scope_spans.scope.version)
            for span in scope_spans.spans:
                yield read_span(span, source)


def read_span(span: Any, source: Source) -> Span:
    """Read one protobuf span."""
    return Span(
        trace_id=span.trace_id.hex(),
        span_id=span.span_id.hex(),
        parent_id=span.parent_span_id.hex() or None,
        source=source,
        name=span.name,
        kind=KINDS[span.kind] if 0 <= span.kind < len(KINDS) else KINDS[0],
        start_ns=span.start_time_unix_nano,
        end_ns=span.end_time_unix_nano,
        error=span.status.code == STATUS_ERROR,
        message=span.status.message,
        attributes=read_attributes(span.attributes),
        events=[Event(event.name, event.time_unix_nano, read_attributes(event.attributes)) for event in span.events],
        links=[Link(link.trace_id.hex(), link.span_id.hex(), read_attributes(link.attributes)) for link in span.links],
        dropped=span.dropped_attributes_count + span.dropped_events_count + span.dropped_links_count,
    )


def read_attributes(pairs: Any) -> dict[str, Any]:
    """Turn repeated KeyValue into a dict."""
    return {pair.key: read_value(pair.value) for pair in pairs}


def read_value(value: Any) -> Any:
    """Turn an AnyValue into a plain value; bytes become base64 text."""
    kind = value.WhichOneof("value")
    if kind is None:
        return None
    content = getattr(value, kind)
    if kind == "array_value":
        return [read_value(item) for item in content.values]
    if kind == "kvlist_value":
        return read_attributes(content.values)
    return base64.b64encode(content).decode() if kind == "bytes_value" else content


def encode_accepted(batch: Batch, content_type: str) -> bytes:
    """Write the answer to an accepted request, with `partial_success` when spans were rejected."""
    if content_type == JSON:
        partial = {"rejectedSpans": str(batch.rejected), "errorMessage": batch.explain()}
        return orjson.dumps({"partialSuccess": partial} if batch.rejected else {})
    response = ExportTraceServiceResponse()
    if batch.rejected:
        response.partial_success.rejected_spans = batch.rejected
        response.partial_success.error_message = batch.explain()
    return bytes(response.SerializeToString())


def encode_refused(code: int, message: str, content_type: str) -> bytes:
    """Write the google.rpc.Status that OTLP prescribes for errors, in the encoding of the request."""
    if content_type == PROTOBUF:
        return bytes(Status(code=code, message=message).SerializeToString())
    return orjson.dumps({"code": code, "message": message})
