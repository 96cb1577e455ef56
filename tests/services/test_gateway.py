"""The gateway's routing table: where a public path goes, and what goes with it."""

from __future__ import annotations

from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.gateway.limits import SENSITIVE
from services.gateway.routing import Destination, destination, inbound_headers, outbound_headers

ID = "01a2021e-789e-70fc-9f91-850f162563f4"


@pytest.mark.parametrize(
    ("path", "service", "target", "route"),
    [
        ("/api/v1/identity/login", "identity", "/v1/login", "/api/v1/identity/login"),
        ("/api/v1/session", "session", "/v1", "/api/v1/session"),
        (f"/api/v1/session/sessions/{ID}", "session", f"/v1/sessions/{ID}", "/api/v1/session/sessions/{id}"),
        ("/api/v1/audit/events/42/x", "audit", "/v1/events/42/x", "/api/v1/audit/events/{id}/x"),
        ("/api/v1/mfa/openapi.json", "mfa", "/openapi.json", "/api/v1/mfa/openapi.json"),
        ("/api/v1/profile/internals", "profile", "/v1/internals", "/api/v1/profile/internals"),
        ("/api/v1/profile/a%20b", "profile", "/v1/a%20b", "/api/v1/profile/{id}"),
        ("/api/v1/identity/%6cogin", "identity", "/v1/%6cogin", "/api/v1/identity/login"),
    ],
)
def test_a_public_path_leads_to_its_service(path: str, service: str, target: str, route: str) -> None:
    assert destination(path) == Destination(service, target, unquote(path), route)


@given(st.sampled_from(sorted(SENSITIVE)), st.data())
def test_however_a_sensitive_path_is_spelt_it_is_judged_as_what_the_service_reads(
    path: str, data: st.DataObject
) -> None:
    head, tail = path[:17], path[17:]  # up to the service's name, which has one spelling
    spelt = "".join(f"%{ord(c):02{data.draw(st.sampled_from('xX'))}}" if data.draw(st.booleans()) else c for c in tail)
    found = destination(head + spelt)
    assert found is None or found.public in SENSITIVE  # an encoded slash or dot leads nowhere at all


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "/api",
        "/api/v1",
        "/api/v1/",
        "/api/v2/identity/login",
        "/api/v1/Identity/login",
        "/api/v1/identity/internal",
        "/api/v1/identity/internal/users",
        "/api/v1/identity//internal/users",
        "/api/v1/identity/./internal/users",
        "/api/v1/identity/x/../internal/users",
        "/api/v1/identity/%2e%2e/internal",
        "/api/v1/identity/..%2Finternal",
        "/api/v1/identity/x\\internal",
        "/api/v1/identity/x%00",
        "/api/v1/identity/a b",
        "/api/v1/identity/a\nb",
        "/v1/login",
        "/metrics",
        "http://elsewhere/api/v1/identity/login",
    ],
)
def test_anything_else_leads_nowhere(path: str) -> None:
    assert destination(path) is None


segments = st.sampled_from(
    [
        "api",
        "v1",
        "identity",
        "internal",
        "..",
        ".",
        "",
        "%2e%2e",
        "%2F",
        "%2f",
        "\\",
        "x",
        ID,
        "%00",
        "%25",
    ]
) | st.text(max_size=6)


@given(st.lists(segments, max_size=7).map(lambda parts: "/api/v1/identity/" + "/".join(parts)) | st.text())
def test_no_path_whatsoever_raises_or_reaches_what_is_internal(path: str) -> None:
    found = destination(path)
    if found is not None:
        decoded = unquote(found.path)
        assert found.service.isidentifier()
        assert decoded.startswith("/v1") or decoded == "/openapi.json"
        assert not decoded.startswith("/v1/internal/")
        assert decoded != "/v1/internal"
        assert ".." not in decoded.split("/")


@pytest.mark.parametrize("rest", ["%69nternal/users", "interna%6C", "%69%6e%74%65%72%6e%61%6c/x"])
def test_an_encoded_internal_path_leads_nowhere(rest: str) -> None:
    assert destination(f"/api/v1/identity/{rest}") is None


FORBIDDEN = (
    "x-autional-identity",
    "x-autional-anything",
    "x-user-id",
    "x-user",
    "x-auth-request-user",
    "x-forwarded-for",
    "x-forwarded-user",
    "x-internal-call",
    "x-tenant-id",
    "x-session-id",
    "x-real-ip",
    "forwarded",
    "authorization",
    "proxy-authorization",
    "cookie",
    "host",
    "connection",
    "transfer-encoding",
    "content-length",
    "te",
    "upgrade",
    "traceparent",
    "x-request-timeout-ms",
)


@given(st.sampled_from(FORBIDDEN), st.lists(st.booleans(), min_size=40, max_size=40), st.binary())
def test_no_header_that_claims_an_identity_or_belongs_to_the_hop_gets_through(
    name: str, upper: list[bool], value: bytes
) -> None:
    written = "".join(c.upper() if up else c for c, up in zip(name, upper, strict=False))
    assert inbound_headers([(written.encode(), value), (b"accept", b"x")]) == {"accept": "x"}


@given(st.lists(st.tuples(st.binary(), st.binary())))
def test_no_header_whatsoever_raises(headers: list[tuple[bytes, bytes]]) -> None:
    kept = inbound_headers(headers)
    assert not {"x-autional-identity", "authorization", "cookie", "host"} & set(kept)


def test_the_client_s_own_headers_get_through() -> None:
    given = [(b"Content-Type", b"application/json"), (b"Idempotency-Key", b"7"), (b"User-Agent", b"x")]
    assert inbound_headers(given) == {"content-type": "application/json", "idempotency-key": "7", "user-agent": "x"}


def test_what_describes_the_hop_or_the_inner_trace_is_not_passed_back() -> None:
    answer = [
        ("Content-Type", "text/plain"),
        ("Connection", "close"),
        ("X-Trace-Id", "x"),
        ("Server", "x"),
        ("Date", "x"),
    ]
    assert outbound_headers(answer) == [(b"content-type", b"text/plain")]
