"""What the gateway answers to bad input: an envelope with a 4xx, never a 500, never somebody else's identity."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from typing import Any

import aiohttp
import pytest

from services.chassis.journey import Traveller

LOGIN = "/api/v1/identity/login"


async def answer(http: aiohttp.ClientSession, method: str, url: str, **options: Any) -> tuple[int, dict[str, Any]]:
    """Send a request and return status and envelope."""
    async with http.request(method, url, **options) as response:
        document = json.loads(await response.read())
        assert response.headers["x-trace-id"] == document["trace_id"] != ""
        assert "traceparent" in response.headers
        return response.status, document


@pytest.mark.parametrize(
    "body", [b"", b"{", b"null", b"[]", b'"x"', b"\xff\xfe", b'{"email": 1}', b"{" * 5000, b'{"email":"a@b.cd"}']
)
async def test_malformed_bodies_are_refused_in_the_envelope(
    http: aiohttp.ClientSession, gateway: str, body: bytes
) -> None:
    headers = {"content-type": "application/json"}
    status, document = await answer(http, "POST", gateway + LOGIN, data=body, headers=headers)
    assert status in (400, 422)
    assert set(document) == {"code", "error", "message", "details", "trace_id"}


async def test_a_large_body_is_refused_by_its_announced_length(gateway: str) -> None:
    head = b"POST /api/v1/identity/login HTTP/1.1\r\nhost: localhost\r\ncontent-length: 10000000\r\n\r\n"
    assert await refusal(gateway, head, [b"x" * 65536]) == (413, "TOO_LARGE")


async def test_a_large_body_without_a_length_is_refused_while_it_arrives(gateway: str) -> None:
    head = b"POST /api/v1/identity/login HTTP/1.1\r\nhost: localhost\r\ntransfer-encoding: chunked\r\n\r\n"
    assert await refusal(gateway, head, [b"10000\r\n" + b"x" * 65536 + b"\r\n"] * 20) == (413, "TOO_LARGE")


async def refusal(gateway: str, head: bytes, parts: list[bytes]) -> tuple[int, str]:
    """Send a request by hand and return status and error of the answer that comes before the request is complete."""
    reader, writer = await asyncio.open_connection("127.0.0.1", int(gateway.rpartition(":")[2]))
    try:
        async with asyncio.timeout(10):
            for part in (head, *parts):
                writer.write(part)
                await writer.drain()
            status = int((await reader.readline()).split()[1])
            headers = await reader.readuntil(b"\r\n\r\n")
            length = int(headers.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            return status, json.loads(await reader.readexactly(length))["error"]
    finally:
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()


@pytest.mark.parametrize(
    "authorization",
    [
        "Bearer",
        "Bearer ",
        "Bearer x",
        "Bearer a.b.c",
        "Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.",
        "Basic dXNlcjpwYXNz",
        "Bearer " + "x" * 5000,
        "Bearer eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCJ9.eyJzdWIiOiIxIn0.c2ln",
    ],
)
async def test_a_bad_token_is_refused_at_the_edge(
    http: aiohttp.ClientSession, gateway: str, authorization: str
) -> None:
    headers = {"authorization": authorization}
    status, document = await answer(http, "GET", gateway + "/api/v1/identity/me", headers=headers)
    assert (status, document["error"]) == (401, "INVALID_TOKEN")


async def test_a_token_that_was_altered_is_refused(member: Traveller) -> None:
    head, payload, signature = member.access_token.split(".")
    member.access_token = ".".join((head, payload, signature[:-4] + ("AAAA" if signature[-4:] != "AAAA" else "BBBB")))
    assert (await member.send("GET", "/api/v1/me"))[0] == 401


@pytest.mark.parametrize(
    "header",
    ["x-autional-identity", "X-User-Id", "X-Forwarded-User", "X-Auth-Request-User", "Forwarded", "X-Session-Id"],
)
async def test_identity_headers_from_outside_are_never_believed(
    http: aiohttp.ClientSession, gateway: str, member: Traveller, header: str
) -> None:
    headers = {header: member.facts["user_id"]}
    status, document = await answer(http, "GET", gateway + "/api/v1/identity/me", headers=headers)
    assert (status, document["error"]) == (401, "UNAUTHENTICATED")


async def test_a_client_cannot_choose_the_address_it_comes_from(member: Traveller) -> None:
    body = {"email": member.email, "password": member.password}
    headers = {"x-forwarded-for": "203.0.113.7", "forwarded": "for=203.0.113.7", "x-real-ip": "203.0.113.7"}
    member.access_token = (await member.request("POST", LOGIN, body, headers=headers))["access_token"]
    devices = (await member.request("GET", "/api/v1/session/sessions"))["items"]
    assert {device["client_ip"] for device in devices} == {"127.0.0.1"}


async def test_a_service_itself_refuses_everyone_without_a_token_of_the_platform(
    http: aiohttp.ClientSession, platform: Any
) -> None:
    for service in platform.status()["services"]:
        if service["name"] != "gateway":
            status, _ = await answer(http, "GET", service["url"] + "/v1/me")
            assert status in (401, 404), service["name"]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/", 404),
        ("/api/v1/", 404),
        ("/api/v1/nobody/x", 404),
        ("/api/v1/identity/internal/users/00000000-0000-0000-0000-000000000000/email-token", 404),
        ("/api/v1/identity/%2e%2e/internal/x", 404),
        ("/api/v1/identity//internal/x", 404),
        ("/api/v1/identity/..%2finternal", 404),
        ("/api/v1/session/sessions?limit=0", 401),
        ("/" + "a" * 3000, 404),
    ],
)
async def test_paths_that_lead_nowhere_are_enveloped(
    http: aiohttp.ClientSession, gateway: str, path: str, status: int
) -> None:
    from yarl import URL

    assert (await answer(http, "POST" if "internal" in path else "GET", URL(gateway + path, encoded=True)))[0] == status  # type: ignore[arg-type]


async def test_a_wrong_method_is_405(member: Traveller) -> None:
    assert (await member.send("DELETE", "/api/v1/identity/login"))[0] == 405
    assert (await member.send("POST", "/api/v1/me"))[0] == 405


@pytest.mark.parametrize("query", ["cursor=%00", "cursor=xyz", "limit=1000000", "since=yesterday", "cursor=WyJ4Il0"])
async def test_bad_query_parameters_are_refused(member: Traveller, query: str) -> None:
    status, document = await member.send("GET", f"/api/v1/audit/events?{query}")
    assert status in (400, 422), document


async def test_the_caller_s_trace_goes_on(http: aiohttp.ClientSession, gateway: str) -> None:
    trace_id = uuid.uuid4().hex
    headers = {"traceparent": f"00-{trace_id}-00f067aa0ba902b7-01"}
    assert (await answer(http, "GET", gateway + "/nowhere", headers=headers))[1]["trace_id"] == trace_id


async def test_answers_carry_rate_limit_headers(http: aiohttp.ClientSession, gateway: str) -> None:
    async with http.post(gateway + LOGIN, json={"email": "nobody@example.com", "password": "x"}) as response:
        assert response.status == 401
        assert int(response.headers["ratelimit-remaining"]) < int(response.headers["ratelimit-limit"])


async def test_the_docs_page_lists_every_service(http: aiohttp.ClientSession, gateway: str) -> None:
    async with http.get(gateway + "/docs") as response:
        page = await response.text()
    for path in ("/api/v1/identity/login", "/api/v1/session/refresh", "/api/v1/mfa/totp", "/api/v1/audit/events"):
        assert path in page
    assert "/internal/" not in page
