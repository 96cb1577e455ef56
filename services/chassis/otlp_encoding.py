"""Spans as OTLP protobuf, written field by field.

Message classes would build every attribute of every span as an object, though most are the same text as a moment ago;
here an attribute's bytes are kept and joined. Field numbers are those of opentelemetry-proto 1.x (trace.proto,
common.proto); a test reads the result with the official classes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from struct import Struct
from typing import Any

from opentelemetry.trace import Link, SpanContext

from services.chassis.spans import Event, RecordedSpan

_SCOPE = "services.chassis"
_KEPT_CHARACTERS = 512  # longer values are not kept: they hardly repeat, and memory is bounded
_LOCAL, _REMOTE = 0x100, 0x300  # SpanFlags: whether a context is remote is known; it is
_times = Struct("<BQBQ").pack
_fixed64 = Struct("<BQ").pack
_fixed32 = Struct("<BBI").pack
_double = Struct("<Bd").pack


def encode_batch(resource: Mapping[str, Any], spans: Iterable[RecordedSpan]) -> bytes:
    """Return an ExportTraceServiceRequest of one process's spans."""
    scope = _part(0x0A, _part(0x0A, _SCOPE.encode()))
    scope_spans = scope + b"".join([_part(0x12, _span(span)) for span in spans])
    attributes = _attributes(0x0A, resource)[0]
    return _part(0x0A, _part(0x0A, attributes) + _part(0x12, scope_spans))


def _span(span: RecordedSpan) -> bytes:
    attributes, refused = _attributes(0x4A, span.attributes)
    parent = span.parent
    fields = [
        b"\x0a\x10",
        span.trace_id.to_bytes(16, "big"),
        b"\x12\x08",
        span.span_id.to_bytes(8, "big"),
        _text(0x2A, span.name),
        bytes((0x30, span.kind.value + 1)),  # the API counts from 0, the wire keeps 0 for "unspecified"
        _times(0x39, span.start_ns, 0x41, span.end_ns),
        attributes,
    ]
    if parent is not None:
        fields += (b"\x22\x08", parent.span_id.to_bytes(8, "big"))
        if parent.trace_state:
            fields.append(_text(0x1A, parent.trace_state.to_header()))
    if dropped := span.dropped_attributes + refused:
        fields.append(b"\x50" + _varint(dropped))
    if span.events:
        fields += [_part(0x5A, _event(event)) for event in span.events]
    if span.dropped_events:
        fields.append(b"\x60" + _varint(span.dropped_events))
    if span.links:
        fields += [_part(0x6A, _link(link)) for link in span.links]
    if span.status:
        message = _text(0x12, span.description) if span.description else b""
        fields.append(_part(0x7A, message + b"\x18" + _varint(span.status)))
    fields.append(_fixed32(0x85, 0x01, _remoteness(parent)))
    return b"".join(fields)


def _event(event: Event) -> bytes:
    name, at_ns, attributes = event
    return _fixed64(0x09, at_ns) + _text(0x12, name) + _attributes(0x1A, attributes)[0]


def _link(link: Link) -> bytes:
    context = link.context
    ids = b"\x0a\x10" + context.trace_id.to_bytes(16, "big") + b"\x12\x08" + context.span_id.to_bytes(8, "big")
    return ids + _attributes(0x22, link.attributes or {})[0] + b"\x35" + _remoteness(context).to_bytes(4, "little")


def _remoteness(context: SpanContext | None) -> int:
    return _REMOTE if context is not None and context.is_remote else _LOCAL


def _attributes(tag: int, attributes: Mapping[str, Any]) -> tuple[bytes, int]:
    """Return the attributes' bytes, and how many have values of a kind that OTLP has no place for."""
    parts, refused = [], 0
    for key, value in attributes.items():
        try:
            kept = not isinstance(value, str) or len(value) <= _KEPT_CHARACTERS
            parts.append(_kept(tag, key, value) if kept else _attribute(tag, key, value))
        except TypeError:  # not hashable, so perhaps a sequence
            encoded = _value(value)
            if encoded:
                parts.append(_part(tag, _text(0x0A, key) + _part(0x12, encoded)))
            else:
                refused += 1
    return b"".join(parts), refused


def _attribute(tag: int, key: str, value: Any) -> bytes:
    encoded = _value(value)
    if not encoded:
        raise TypeError(f"{key}: no attribute value: {type(value)}")
    return _part(tag, _text(0x0A, key) + _part(0x12, encoded))


_kept = lru_cache(maxsize=2048, typed=True)(_attribute)


def _value(value: Any) -> bytes:
    """Return the AnyValue of `value`; nothing if it is of a kind that has none."""
    if isinstance(value, str):
        return _text(0x0A, value)
    if isinstance(value, bool):
        return bytes((0x10, value))
    if isinstance(value, int):
        return b"\x18" + _varint(value & 0xFFFFFFFFFFFFFFFF)
    if isinstance(value, float):
        return _double(0x21, value)
    if isinstance(value, bytes):
        return _part(0x3A, value)
    if isinstance(value, Sequence):
        return _part(0x2A, b"".join([_part(0x0A, _value(item)) for item in value]))
    return b""


def _text(tag: int, text: str) -> bytes:
    return _part(tag, text.encode(errors="replace"))


def _part(tag: int, content: bytes) -> bytes:
    """Return a length-delimited field whose tag is one byte."""
    size = len(content)
    return bytes((tag, size)) + content if size < 0x80 else bytes((tag,)) + _varint(size) + content


def _varint(number: int) -> bytes:
    encoded = bytearray()
    while number > 0x7F:
        encoded.append(number & 0x7F | 0x80)
        number >>= 7
    encoded.append(number)
    return bytes(encoded)
