"""OTLP's JSON encoding of spans, both ways.

Ids are hex, 64-bit integers are decimal strings, enums are numbers, unknown fields are ignored:
https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding. Jaeger's v3 answers use the same encoding.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.model import KINDS, Event, Link, Source, Span

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

STATUS_ERROR = 2
DROPPED = ("droppedAttributesCount", "droppedEventsCount", "droppedLinksCount")


def decode_value(value: dict[str, Any]) -> Any:
    """Turn an AnyValue into a plain value; bytes stay base64 text."""
    for kind, content in value.items():
        if kind == "intValue":
            return decode_int64(content)
        if kind == "doubleValue":
            return float(content)
        if kind == "arrayValue":
            return [decode_value(item) for item in content.get("values", ())]
        if kind == "kvlistValue":
            return decode_attributes(content.get("values"))
        if kind in ("stringValue", "boolValue", "bytesValue"):
            return content
    return None


def decode_int64(content: Any) -> int:
    """Read a 64-bit integer, which JSON carries as a decimal string; ValueError when it does not fit."""
    number = int(content)
    if not -(2**63) <= number < 2**63:
        raise ValueError(f"{number} does not fit 64 bits")
    return number


def encode_value(value: Any) -> dict[str, Any]:
    """Turn a plain value into an AnyValue."""
    if isinstance(value, bool):
        return {"boolValue": value}
    if isinstance(value, int):
        return {"intValue": str(value)}
    if isinstance(value, float):
        return {"doubleValue": value if math.isfinite(value) else str(value)}
    if isinstance(value, list):
        return {"arrayValue": {"values": [encode_value(item) for item in value]}}
    if isinstance(value, dict):
        return {"kvlistValue": {"values": encode_attributes(value)}}
    return {} if value is None else {"stringValue": str(value)}


def decode_attributes(pairs: Any) -> dict[str, Any]:
    """Turn a list of KeyValue into a dict; the last of two equal keys wins."""
    return {str(pair["key"]): decode_value(pair.get("value") or {}) for pair in pairs or ()}


def encode_attributes(attributes: dict[str, Any]) -> list[dict[str, Any]]:
    """Turn a dict into a list of KeyValue."""
    return [{"key": key, "value": encode_value(value)} for key, value in attributes.items()]


def decode_source(resource: dict[str, Any], scope: dict[str, Any]) -> Source:
    """Read who recorded the spans that follow."""
    return make_source(
        decode_attributes(resource.get("attributes")), str(scope.get("name", "")), str(scope.get("version", ""))
    )


def make_source(resource: dict[str, Any], scope: str, version: str) -> Source:
    """Name the process by its resource attributes (`unknown_service` is OpenTelemetry's word for none)."""
    service = str(resource.get("service.name") or "unknown_service")
    return Source(service, str(resource.get("service.instance.id") or ""), resource, scope, version)


def decode_spans(document: dict[str, Any]) -> Iterator[Span]:
    """Yield every span of a TracesData document.

    Raises KeyError, TypeError, ValueError or AttributeError where the document does not have OTLP's shape.
    """
    for resource_spans in document.get("resourceSpans") or ():
        resource = resource_spans.get("resource") or {}
        for scope_spans in resource_spans.get("scopeSpans") or ():
            source = decode_source(resource, scope_spans.get("scope") or {})
            for span in scope_spans.get("spans") or ():
                yield decode_span(span, source)


def decode_span(span: dict[str, Any], source: Source) -> Span:
    """Read one span; ids are taken as they are, the receiver judges them."""
    status = span.get("status") or {}
    return Span(
        trace_id=str(span.get("traceId", "")).lower(),
        span_id=str(span.get("spanId", "")).lower(),
        parent_id=str(span.get("parentSpanId") or "").lower() or None,
        source=source,
        name=str(span.get("name", "")),
        kind=decode_kind(span.get("kind") or 0),
        start_ns=int(span.get("startTimeUnixNano") or 0),
        end_ns=int(span.get("endTimeUnixNano") or 0),
        error=status.get("code") in (STATUS_ERROR, "STATUS_CODE_ERROR"),
        message=str(status.get("message", "")),
        attributes=decode_attributes(span.get("attributes")),
        events=[
            Event(
                str(event.get("name", "")),
                int(event.get("timeUnixNano") or 0),
                decode_attributes(event.get("attributes")),
            )
            for event in span.get("events") or ()
        ],
        links=[
            Link(str(link["traceId"]).lower(), str(link["spanId"]).lower(), decode_attributes(link.get("attributes")))
            for link in span.get("links") or ()
        ],
        dropped=sum(int(span.get(key) or 0) for key in DROPPED),
    )


def decode_kind(kind: Any) -> str:
    """Read a SpanKind by number, or by name as some writers send it."""
    if isinstance(kind, str) and not kind.isdigit():
        name = kind.removeprefix("SPAN_KIND_").lower()
        return name if name in KINDS else KINDS[0]
    number = int(kind)
    return KINDS[number] if 0 <= number < len(KINDS) else KINDS[0]


def encode_traces(spans: Iterable[Span]) -> dict[str, Any]:
    """Group spans by process and instrumentation into a TracesData document."""
    processes: dict[str, dict[str, Any]] = {}
    scopes: dict[tuple[str, str, str], list[dict[str, Any]]] = {}
    for span in spans:
        source = span.source
        process = repr(sorted(source.resource.items(), key=lambda item: item[0]))
        if process not in processes:
            resource = {"attributes": encode_attributes(source.resource)}
            processes[process] = {"resource": resource, "scopeSpans": []}
        key = (process, source.scope, source.scope_version)
        if key not in scopes:
            scope = {"name": source.scope, "version": source.scope_version}
            scopes[key] = []
            processes[process]["scopeSpans"].append({"scope": scope, "spans": scopes[key]})
        scopes[key].append(encode_span(span))
    return {"resourceSpans": list(processes.values())}


def encode_span(span: Span) -> dict[str, Any]:
    """Write one span; empty fields are left out, as protobuf's JSON mapping does."""
    encoded: dict[str, Any] = {
        "traceId": span.trace_id,
        "spanId": span.span_id,
        "parentSpanId": span.parent_id,
        "name": span.name,
        "kind": KINDS.index(span.kind),
        "startTimeUnixNano": str(span.start_ns),
        "endTimeUnixNano": str(span.end_ns),
        "attributes": encode_attributes(span.attributes),
        "events": [
            {"timeUnixNano": str(event.time_ns), "name": event.name, "attributes": encode_attributes(event.attributes)}
            for event in span.events
        ],
        "links": [
            {"traceId": link.trace_id, "spanId": link.span_id, "attributes": encode_attributes(link.attributes)}
            for link in span.links
        ],
        "droppedAttributesCount": span.cut.get("attributes", 0) + span.cut.get("values", 0),
        "droppedEventsCount": span.dropped + span.cut.get("events", 0),
        "droppedLinksCount": span.cut.get("links", 0),
    }
    encoded = {key: value for key, value in encoded.items() if value}
    encoded["status"] = {"code": STATUS_ERROR, "message": span.message} if span.error else {}
    return encoded
