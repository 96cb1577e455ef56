"""Cutting a span to size as it arrives. What was cut is counted in `Span.cut`, so that the trace can say so."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from autional_cli.telemetry.model import Event, Link, Source, Span

if TYPE_CHECKING:
    from autional_cli.telemetry.limits import Limits

NAME_BYTES = 1024  # of span, event and attribute names
SOURCE_BYTES = 256  # of names of services, instances and instrumentations
DEEPEST = 8  # lists and maps in each other
ELLIPSIS = "…"


class Bounds:
    """Applies the limits to the spans of one request. Sources are shared by many spans and bounded once."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self.sources: dict[int, tuple[Source, Source, Counter[str]]] = {}  # the original is kept so that its id is

    def apply(self, span: Span) -> None:
        """Cut `span` in place."""
        cut: Counter[str] = Counter()
        span.source, of_source = self.source(span.source)
        cut.update(of_source)
        span.name = self.text(span.name, NAME_BYTES, cut)
        span.message = self.text(span.message, self.limits.attribute_bytes, cut)
        span.attributes = self.attributes(span.attributes, cut)
        if span.events:
            kept = self.first(span.events, self.limits.events, "events", cut)
            span.events = [
                Event(self.text(event.name, NAME_BYTES, cut), event.time_ns, self.attributes(event.attributes, cut))
                for event in kept
            ]
        if span.links:
            links = self.first(span.links, self.limits.links, "links", cut)
            span.links = [Link(link.trace_id, link.span_id, self.attributes(link.attributes, cut)) for link in links]
        span.cut = dict(cut)

    def source(self, source: Source) -> tuple[Source, Counter[str]]:
        """Return a bounded source and what was cut off it."""
        known = self.sources.get(id(source))
        if known is None:
            cut: Counter[str] = Counter()
            service, instance = (self.text(name, SOURCE_BYTES, cut) for name in (source.service, source.instance))
            scope, version = (self.text(name, SOURCE_BYTES, cut) for name in (source.scope, source.scope_version))
            bounded = Source(service, instance, self.attributes(source.resource, cut), scope, version)
            known = self.sources[id(source)] = (source, bounded if cut else source, cut)
        return known[1], known[2]

    def first(self, items: list[Any], limit: int, kind: str, cut: Counter[str]) -> list[Any]:
        """Keep the first `limit` of `items`."""
        if len(items) > limit:
            cut[kind] += len(items) - limit
        return items[:limit]

    def attributes(self, attributes: dict[str, Any], cut: Counter[str]) -> dict[str, Any]:
        """Keep the first attributes, each within its length."""
        if len(attributes) > self.limits.attributes:
            cut["attributes"] += len(attributes) - self.limits.attributes
            attributes = dict(list(attributes.items())[: self.limits.attributes])
        return {self.text(key, NAME_BYTES, cut): self.value(value, cut) for key, value in attributes.items()}

    def value(self, value: Any, cut: Counter[str]) -> Any:
        """Cut a text; a list or map that is too large as a whole is replaced by the beginning of what it says."""
        if isinstance(value, str):
            return self.text(value, self.limits.attribute_bytes, cut)
        if isinstance(value, (list, dict)) and weigh(value) > self.limits.attribute_bytes:
            cut["values"] += 1
            return str(value)[: self.limits.attribute_bytes // 4] + ELLIPSIS
        return value

    def text(self, text: str, limit: int, cut: Counter[str]) -> str:
        """Cut a text to `limit` bytes of UTF-8, marking the cut."""
        if len(text) * 4 <= limit or len(encoded := text.encode("utf-8", "replace")) <= limit:
            return text
        cut["values"] += 1
        return encoded[:limit].decode("utf-8", "ignore") + ELLIPSIS


def weigh(value: Any, depth: int = 0) -> float:
    """Return about how many bytes a value takes; infinity when it is nested deeper than DEEPEST."""
    if depth > DEEPEST:
        return float("inf")
    if isinstance(value, dict):
        return sum(weigh(key, depth + 1) + weigh(item, depth + 1) for key, item in value.items())
    if isinstance(value, list):
        return sum(weigh(item, depth + 1) for item in value)
    return len(value) * 2 if isinstance(value, str) else 8
