"""Hostile requests through the gateway: every answer is an envelope below 500, and nobody else notices."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import aiohttp
import pytest

from services.chassis.auth import EDGE, HEADER, Principal, Signer
from services.chassis.journey import Traveller
from tests.chassis.events import eventually
from tests.platform.running import Platform

LOGIN = "/api/v1/identity/login"


def cursor(*parts: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode().rstrip("=")


VALUES: tuple[Any, ...] = (
    2**31, 2**63, 2**63 - 1, -(2**63) - 1, 10**400, 1e308, "NaN", True, [], {}, "",
    "\x00", "a\x00b", "\ud800", "\u202e\U0001f468\u200d\U0001f469", "a" * 5000,
    "%00", "../../etc/passwd", "';--", "{{7*7}}",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "9999-12-31T23:59:59", "2026-02-30T00:00:00Z", "-1",
    cursor(2**63), cursor(-(2**63) - 1), cursor(10**400), cursor(1.5), cursor(None), cursor([[]]), cursor("\x00"),
    cursor({"$gt": 0}), cursor("0" * 32), cursor(True), cursor(), cursor(1, 2), "é", "=" * 40, "_" * 63,
)  # fmt: skip


def operations(document: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Yield method, path and operation of everything the public may call."""
    for path, methods in document["paths"].items():
        if "/internal/" not in path:
            yield from ((method.upper(), path, operation) for method, operation in methods.items())


def fields(document: dict[str, Any], operation: dict[str, Any]) -> dict[str, Any]:
    """Return the properties of a request body."""
    content = operation.get("requestBody", {}).get("content", {}).get("application/json", {})
    name = content.get("schema", {}).get("$ref", "").rpartition("/")[2]
    found: dict[str, Any] = document["components"]["schemas"].get(name, {}).get("properties", {})
    return found


def requests(service: str, document: dict[str, Any]) -> Iterator[tuple[str, str, Any]]:
    """Yield method, path with query, and body, each with one hostile value in one place."""
    for method, route, operation in operations(document):
        public = f"/api/v1/{service}" + route.removeprefix("/v1")
        for parameter in operation.get("parameters", ()):
            for value in VALUES:
                spelt = quote(str(value), safe="", errors="surrogatepass")
                if parameter["in"] == "path":
                    yield method, public.replace("{" + parameter["name"] + "}", spelt or "%20"), None
                elif parameter["in"] == "query":
                    yield method, f"{public}?{parameter['name']}={spelt}", None
        properties = fields(document, operation)
        for name in properties:
            for value in VALUES:
                yield method, public, {key: value if key == name else "valid@example.com" for key in properties}


async def test_no_value_in_any_parameter_or_field_makes_a_service_fail(
    member: Traveller, http: aiohttp.ClientSession, gateway: str, platform: Platform
) -> None:
    headers = {"authorization": f"Bearer {member.access_token}", "content-type": "application/json"}
    failed: list[str] = []
    asked: Counter[str] = Counter()
    at_once = asyncio.Semaphore(8)

    async def ask(service: str, method: str, path: str, body: Any) -> None:
        data = None if body is None else json.dumps(body).encode()
        async with at_once, http.request(method, gateway + path, data=data, headers=headers) as answer:
            document = json.loads(await answer.read())
            asked[service] += 1
            if answer.status >= 500 or not {"code", "message", "trace_id"} <= set(document):
                failed.append(f"{answer.status} {method} {path[:200]} {str(body)[:200]}")

    for service in (unit["name"] for unit in platform.status()["services"]):
        if service == "gateway":
            continue
        async with http.get(f"{gateway}/api/v1/{service}/openapi.json") as answer:
            document = await answer.json()
        await asyncio.gather(*(ask(service, *request) for request in requests(service, document)))
    assert failed == []
    assert len(asked) >= 5
    assert sum(asked.values()) > 500


HEADERS = (
    {"x-request-timeout-ms": "1"},
    {"x-request-timeout-ms": "9" * 400},
    {"X-Request-Timeout-Ms": "0.5"},
    {"grpc-timeout": "1n"},
    {"traceparent": "00-" + "1" * 32 + "-" + "2" * 16 + "-00"},
    {"traceparent": "ff-" + "f" * 5000},
    {"authorization": "Bearer " + "a" * 8000},
    {"authorization": "Bearer " + ".".join([base64.urlsafe_b64encode(b"[" * 6000).decode()] * 3)},
    {"authorization": "Bearer eyJhbGciOiJFUzI1NiIsImtpZCI6MX0.e30.AA"},
    {"x-forwarded-for": "1.2.3.4, " * 500},
    {"content-length": "9" * 18},
    {"expect": "100-continue"},
    {"connection": "x-autional-identity, close"},
    {"upgrade": "websocket", "connection": "upgrade"},
    {"upgrade": "h2c", "connection": "upgrade"},
    {"accept-encoding": "x" * 8000},
    {"baggage": "a=b," * 1000},
    {"range": "bytes=0-" + "9" * 400},
    {"idempotency-key": "\u00ff" * 300},
    {"user-agent": "\x01\u00ff" * 200},
    {"cookie": "a=b; " * 1000},
    {"x-http-method-override": "DELETE"},
)


async def test_nothing_in_three_hundred_requests_takes_a_service_away_from_the_others(
    member: Traveller, gateway: str, http: aiohttp.ClientSession
) -> None:
    """A deadline from outside once opened the circuit to a service: 199 of 201 others were refused."""
    host, port = "127.0.0.1", int(gateway.rpartition(":")[2])
    statuses: Counter[int] = Counter()

    async def attack(path: str, headers: dict[str, str]) -> None:
        reader, writer = await asyncio.open_connection(host, port)
        lines = [f"POST {path} HTTP/1.1", "host: localhost", "content-type: application/json"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if "content-length" not in headers:
            lines.append("content-length: 2")
        writer.write("\r\n".join(lines).encode("latin-1", "replace") + b"\r\n\r\n{}")
        async with asyncio.timeout(30):
            first = await reader.readline()
            statuses[int(first.split()[1]) if first else 0] += 1
        writer.close()

    for _ in range(3):
        paths = (LOGIN, "/api/v1/session/refresh", "/api/v1/mfa/totp", "/api/v1/profile/me", "/api/v1/me")
        await asyncio.gather(*(attack(path, headers) for path in paths for headers in HEADERS))
        for path in ("/api/v1/me", "/api/v1/profile/me", "/api/v1/session/sessions", "/api/v1/mfa/factors"):
            assert (await member.send("GET", path))[0] == 200, path
        assert (await member.send("POST", LOGIN, {"email": member.email, "password": member.password}))[0] == 200
    assert [status for status in statuses if status >= 500] == []


@pytest.mark.parametrize("path", ["/api/v1/identity/login/", "/api/v1/identity/", "/docs/", "/api/v1/me/", "/readyz/"])
async def test_a_trailing_slash_is_not_redirected_to_an_inner_address(
    http: aiohttp.ClientSession, gateway: str, path: str
) -> None:
    for method in ("GET", "POST"):
        async with http.request(method, gateway + path, allow_redirects=False) as answer:
            assert answer.status in (404, 405)
            assert "location" not in answer.headers


async def test_no_answer_names_an_inner_address(member: Traveller, http: aiohttp.ClientSession, gateway: str) -> None:
    headers = {"authorization": f"Bearer {member.access_token}"}
    for path in ("/api/v1/identity/openapi.json", "/api/v1/me", "/api/v1/none/x", "/docs", "/api/v1/audit/events"):
        async with http.get(gateway + path, headers=headers, allow_redirects=False) as answer:
            told = await answer.text() + str(dict(answer.headers))
        for port in range(11001, 11030):
            assert f"127.0.0.1:{port}" not in told


@pytest.mark.parametrize(
    ("host", "served"),
    [
        ("127.0.0.1", True),
        ("127.0.0.1:11000", True),
        ("localhost:1", True),
        ("autional.localhost", True),
        ("[::1]:11000", True),
        ("10.1.2.3", True),
        ("evil.example", False),
        ("evil.example:11000", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("127.0.0.1@evil.example", False),
        ("evil.example#localhost", False),
        ("[::1].evil.example", False),
        ("localhost evil", False),
    ],
)
async def test_a_foreign_host_name_is_not_served(
    http: aiohttp.ClientSession, gateway: str, platform: Platform, host: str, served: bool
) -> None:
    services = {unit["name"]: unit["url"] for unit in platform.status()["services"]}
    for url in (f"{gateway}/docs", f"{gateway}/readyz", f"{services['identity']}/openapi.json"):
        async with http.get(url, headers={"host": host}) as answer:
            assert (answer.status == 421) is not served, (url, answer.status)


async def test_an_unsampled_trace_from_outside_is_recorded_all_the_same(
    http: aiohttp.ClientSession, gateway: str, platform: Platform
) -> None:
    trace = secrets.token_hex(16)
    async with http.get(f"{gateway}/api/v1/me", headers={"traceparent": f"00-{trace}-{'6' * 16}-00"}) as answer:
        assert answer.headers["x-trace-id"] == trace

    async def recorded() -> bool:
        return platform.run("trace", trace, "--format", "json").returncode == 0

    await eventually(recorded, "the trace is stored")


@dataclass(slots=True)
class Edge:
    """The gateway's own word to identity, so that a test may come from any address."""

    http: aiohttp.ClientSession
    signer: Signer
    url: str

    async def post(self, path: str, body: dict[str, str], client_ip: str) -> int:
        token = self.signer.token("identity", Principal(EDGE, client_ip=client_ip))
        async with self.http.post(f"{self.url}/v1/{path}", json=body, headers={HEADER: token}) as answer:
            await answer.read()
            return answer.status


@pytest.fixture
def edge(platform: Platform, http: aiohttp.ClientSession) -> Edge:
    [url] = [unit["url"] for unit in platform.status()["services"] if unit["name"] == "identity"]
    return Edge(http, Signer(EDGE, platform.home / "keys" / "gateway.pem"), url)


async def test_failures_from_one_network_slow_down_strangers_there_and_spare_who_is_known(
    edge: Edge, member: Traveller
) -> None:
    here, right = "203.0.113.7", {"email": member.email, "password": member.password}
    assert await edge.post("login", right, here) == 200  # from now on known there

    async def guess(number: int) -> int:
        return await edge.post("login", {"email": f"{number}.{member.email}", "password": "wrong-password"}, here)

    statuses = Counter(await asyncio.gather(*(guess(n) for n in range(130))))
    assert set(statuses) == {401, 429}
    assert 100 <= statuses[401] < 110
    assert await edge.post("login", right, here) == 200
    assert await edge.post("login", right, "198.51.100.9") == 200  # nor is anybody elsewhere concerned


async def test_guesses_from_elsewhere_do_not_lock_out_an_owner_who_is_known_here(edge: Edge, member: Traveller) -> None:
    here, right = "2001:db8:1:1::5", {"email": member.email, "password": member.password}
    assert await edge.post("login", right, here) == 200
    wrong = {"email": member.email, "password": "wrong-password"}
    statuses = [await edge.post("login", wrong, f"198.51.100.{n}") for n in range(8)]
    assert statuses == [401] * 5 + [429] * 3
    assert await edge.post("login", right, "198.51.100.200") == 429
    assert await edge.post("login", right, "2001:db8:1:1:ffff::9") == 200  # the same network, another address in it


async def test_an_attempt_that_was_refused_does_not_prolong_the_wait(edge: Edge, member: Traveller) -> None:
    wrong = {"email": f"x.{member.email}", "password": "wrong-password"}
    assert [await edge.post("login", wrong, f"192.0.2.{n}") for n in range(6)] == [401] * 5 + [429]
    async with edge.http.post(
        f"{edge.url}/v1/login",
        json=wrong,
        headers={HEADER: edge.signer.token("identity", Principal(EDGE, client_ip="192.0.2.99"))},
    ) as answer:
        assert int(answer.headers["retry-after"]) <= 15 * 60
