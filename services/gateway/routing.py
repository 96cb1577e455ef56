"""Where a public path goes, and which headers go with it: pure functions.

`/api/v1/<service>/…` reaches `/v1/…` of that service. A path that means something else once it is decoded (dot
segments, encoded slashes, an encoded `internal`) is refused instead of interpreted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import unquote

_PUBLIC = re.compile(r"/api/v1/([a-z][a-z0-9]*)(/[^\x00-\x20]*)?")
# A segment that is no word: an id, or made up.
_VALUE = re.compile(r"/(?![a-z]{1,24}[0-9]?(?:[.-][a-z]{1,24})*(?:/|$))[^/]+")
_UNSAFE = re.compile(r"(^|/)\.{1,2}(/|$)|%2e|%2f|%5c|%00|\\|//", re.IGNORECASE)
# Hop-by-hop (RFC 9110, 7.6.1), and what the gateway writes itself.
_DROPPED_IN = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-connection",
        "proxy-authenticate",
        "proxy-authorization",
        "te",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "host",
        "content-length",
        "authorization",
        "cookie",
        "expect",
        "forwarded",
        "via",
        "traceparent",
        "tracestate",
        "baggage",
        "uber-trace-id",
        "x-real-ip",
        "x-request-timeout-ms",
        "accept-encoding",
    ]
)
_DROPPED_IN_PREFIXES = ("x-autional-", "x-user", "x-auth", "x-forwarded-", "x-internal-", "x-tenant", "x-session")
_DROPPED_OUT = frozenset(
    [
        "connection",
        "keep-alive",
        "proxy-connection",
        "transfer-encoding",
        "upgrade",
        "trailer",
        "te",
        "date",
        "server",
        "x-trace-id",
        "traceparent",
    ]
)


@dataclass(frozen=True, slots=True)
class Destination:
    """A service, the path there, the public path as the service will read it, and its low-cardinality name.

    What is judged about a request is judged by `public`: the same path can be spelt in many ways.
    """

    service: str
    path: str
    public: str
    route: str


def destination(path: str) -> Destination | None:
    """Return where a public path goes; None if it is no route of the platform."""
    match = _PUBLIC.fullmatch(path)
    if match is None or _UNSAFE.search(path):
        return None
    service, rest = match.group(1), match.group(2) or ""
    decoded = unquote(rest)  # as the service will read it
    if decoded == "/internal" or decoded.startswith("/internal/") or _UNSAFE.search(decoded):
        return None  # routes between services are not public, whoever asks
    target = rest if rest == "/openapi.json" else f"/v1{rest}"
    return Destination(service, target, f"/api/v1/{service}{decoded}", _prefixed(service, decoded))


def _prefixed(service: str, rest: str) -> str:
    return f"/api/v1/{service}" + _VALUE.sub("/{id}", rest)


def inbound_headers(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """Return the client's headers that a service may see: nothing that claims an identity, nothing hop-by-hop."""
    kept: dict[str, str] = {}
    for raw_name, value in headers:
        name = raw_name.decode("latin-1").lower()
        if name not in _DROPPED_IN and not name.startswith(_DROPPED_IN_PREFIXES):
            kept[name] = value.decode("latin-1")
    return kept


def outbound_headers(headers: Iterable[tuple[str, str]]) -> list[tuple[bytes, bytes]]:
    """Return the service's headers that the client sees."""
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1"))
        for name, value in headers
        if name.lower() not in _DROPPED_OUT
    ]
