"""Every answer has the envelope and the trace, whatever goes wrong."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Annotated

import aiohttp
import pytest
from fastapi import APIRouter, FastAPI, Query
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from starlette.responses import StreamingResponse

from autional_cli import secrets
from autional_cli.instance import Instance
from services.chassis import deadline
from services.chassis.access import Peer
from services.chassis.asgi import ServiceLayer
from services.chassis.auth import Signer, Verifier
from services.chassis.dto import Dto, Envelope, Page, encode_cursor, ok
from services.chassis.errors import FORBIDDEN, ServiceError
from services.chassis.http import Health, create_app
from services.chassis.inflight import SERVED, InFlight
from services.chassis.lifecycle import Patience
from services.chassis.server import HttpServer
from tests.chassis.asgi_client import Answer, ask
from tests.chassis.events import serving
from tests.chassis.servers import PROBE, WITNESS, Servers

MAX_BODY = 1000
TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


class Thing(Dto):
    name: str


router = APIRouter()


@router.get("/v1/things/{number}")
async def read_thing(number: int, _caller: Peer) -> Envelope[Thing]:
    return ok(Thing(name=str(number)))


@router.post("/v1/things")
async def add_thing(thing: Thing, _caller: Peer) -> Envelope[Thing]:
    return ok(thing)


@router.delete("/v1/things/{number}")
async def remove_thing(number: int, _caller: Peer) -> Envelope[None]:
    return ok(None)


@router.get("/v1/things")
async def list_things(_caller: Peer, limit: Annotated[int, Query(ge=1)] = 1) -> Envelope[Page[Thing]]:
    return ok(Page(items=[Thing(name="a")], next_cursor=encode_cursor(limit)))


@router.get("/v1/conflict")
async def conflict(_caller: Peer) -> Envelope[None]:
    raise ServiceError(FORBIDDEN, "It is taken", details={"by": "you"}, headers={"Retry-After": "3"})


@router.get("/v1/broken")
async def broken(_caller: Peer) -> Envelope[None]:
    raise RuntimeError("a secret detail")


@router.get("/v1/forever")
async def forever(_caller: Peer) -> Envelope[None]:
    await asyncio.Event().wait()
    return ok(None)


@router.get("/v1/left")
async def left(_caller: Peer) -> Envelope[float]:
    return ok(deadline.remaining_s(1000))


@router.get("/v1/stream")
async def stream(_caller: Peer) -> StreamingResponse:
    async def parts() -> object:
        yield b"begun "
        raise RuntimeError("after the status line")

    return StreamingResponse(parts())  # type: ignore[arg-type]


class Edge:
    """The application of probe behind the chassis' layer, and a peer who asks."""

    def __init__(self, folder: Path, *, timeout_s: float = 30) -> None:
        keys = Instance.open(folder, "keys")
        keys.create()
        secrets.ensure_keys(keys, [PROBE, WITNESS])
        keys.discard_run_dir()
        self.health = Health()
        self.in_flight = InFlight()
        verifier = Verifier("probe", secrets.trust_file(keys))
        self.fastapi: FastAPI = create_app(PROBE, [router], self.health, verifier)
        self.app = ServiceLayer(self.fastapi, self.in_flight, max_body=MAX_BODY, timeout_s=timeout_s)
        self.signer = Signer("witness", secrets.key_file(keys, "witness"))

    async def ask(self, method: str, path: str, body: bytes | list[bytes] = b"", **headers: str) -> Answer:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        given = {"x-autional-identity": self.signer.token("probe"), "content-type": "application/json", **named}
        return await ask(self.app, method, path, given, body)


@pytest.fixture
def edge(tmp_path: Path) -> Edge:
    return Edge(tmp_path)


def is_failure(answer: Answer, status: int, error: str) -> bool:
    assert answer.status == status, answer
    assert answer.headers["content-type"] == "application/json"
    body = answer.json
    assert set(body) == {"code", "error", "message", "details", "trace_id"}
    assert body["error"] == error
    assert body["code"] > 0
    assert body["trace_id"] == answer.headers["x-trace-id"]
    return len(body["trace_id"]) == 32


async def test_success_has_the_envelope_and_the_trace_of_the_caller(edge: Edge, spans: InMemorySpanExporter) -> None:
    answer = await edge.ask("GET", "/v1/things/7", traceparent=TRACEPARENT)
    trace_id = TRACEPARENT.split("-")[1]
    assert answer.json == {"code": 0, "message": "ok", "data": {"name": "7"}, "trace_id": trace_id}
    assert answer.headers["x-trace-id"] == trace_id
    [served] = spans.get_finished_spans()
    assert served.context is not None
    assert answer.headers["traceparent"] == f"00-{trace_id}-{served.context.span_id:016x}-01"
    assert served.name == "GET /v1/things/{number}"
    assert served.attributes is not None
    assert served.attributes["http.response.status_code"] == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "error"),
    [
        ("GET", "/v1/conflict", b"", 403, "FORBIDDEN"),
        ("GET", "/v1/things/seven", b"", 422, "VALIDATION"),
        ("GET", "/nowhere", b"", 404, "NOT_FOUND"),
        ("GET", "/v1/%2e%2e/x", b"", 404, "NOT_FOUND"),
        ("PATCH", "/v1/things", b"{}", 405, "METHOD_NOT_ALLOWED"),
        ("POST", "/v1/things", b"{", 400, "MALFORMED"),
        ("POST", "/v1/things", b"", 422, "VALIDATION"),
        ("POST", "/v1/things", b"[]", 422, "VALIDATION"),
        ("POST", "/v1/things", b'{"name":7}', 422, "VALIDATION"),
        ("POST", "/v1/things", b'{"name":"a","admin":true}', 422, "VALIDATION"),
        ("POST", "/v1/things", b'{"name":"a","\\ud800":1}', 422, "VALIDATION"),
        ("POST", "/v1/things", b'{"name":"\\ud800"}', 422, "VALIDATION"),
        ("POST", "/v1/things", b"\xff\xfe", 400, "MALFORMED"),
        ("POST", "/v1/things", b"[" * 900, 400, "MALFORMED"),
        ("GET", "/v1/broken", b"", 500, "INTERNAL"),
    ],
)
async def test_every_failure_has_the_envelope(
    edge: Edge, method: str, path: str, body: bytes, status: int, error: str
) -> None:
    assert is_failure(await edge.ask(method, path, body), status, error)


async def test_a_failure_carries_its_details_and_headers(edge: Edge) -> None:
    answer = await edge.ask("GET", "/v1/conflict")
    assert (answer.json["message"], answer.json["details"]) == ("It is taken", {"by": "you"})
    assert answer.headers["retry-after"] == "3"
    invalid = await edge.ask("POST", "/v1/things", b'{"name":7}')
    assert invalid.json["details"]["problems"][0]["at"] == "body.name"


async def test_a_500_says_nothing_of_its_cause_and_marks_its_span(edge: Edge, spans: InMemorySpanExporter) -> None:
    answer = await edge.ask("GET", "/v1/broken")
    assert b"secret" not in answer.body
    [served] = spans.get_finished_spans()
    assert not served.status.is_ok
    assert served.attributes is not None
    assert served.attributes["error.type"]


async def test_a_body_beyond_the_limit_is_refused_by_its_length_or_while_it_arrives(edge: Edge) -> None:
    large = b'{"name":"' + b"x" * MAX_BODY + b'"}'
    announced = await edge.ask("POST", "/v1/things", [], content_length=str(len(large)))
    assert is_failure(announced, 413, "TOO_LARGE")
    assert is_failure(await edge.ask("POST", "/v1/things", [large[:600], large[600:]]), 413, "TOO_LARGE")


async def test_a_request_past_its_time_is_answered_504(tmp_path: Path) -> None:
    edge = Edge(tmp_path, timeout_s=0.05)
    assert is_failure(await edge.ask("GET", "/v1/forever"), 504, "TIMED_OUT")


async def test_a_caller_may_shorten_the_time_but_not_lengthen_it(edge: Edge) -> None:
    assert is_failure(await edge.ask("GET", "/v1/forever", x_request_timeout_ms="50"), 504, "TIMED_OUT")
    assert 0 < (await edge.ask("GET", "/v1/left", x_request_timeout_ms="999999")).json["data"] <= 30
    for nonsense in ("-5", "0", "soon", ""):
        assert (await edge.ask("GET", "/v1/left", x_request_timeout_ms=nonsense)).status == 200


async def test_a_failure_after_the_answer_began_does_not_begin_a_second_one(edge: Edge) -> None:
    answer = await edge.ask("GET", "/v1/stream")
    assert (answer.status, answer.body) == (200, b"begun ")


async def test_requests_are_counted_while_they_are_in_flight(edge: Edge) -> None:
    assert await edge.in_flight.finished(Patience(0.1), SERVED) == 0
    request = asyncio.create_task(edge.ask("GET", "/v1/forever"))
    await asyncio.sleep(0)
    assert len(edge.in_flight) == 1
    edge.in_flight.begin()
    assert await edge.in_flight.finished(Patience(0.05), SERVED) == 1  # cut off at the deadline
    assert is_failure(await request, 503, "UNAVAILABLE")  # and the caller is told
    report = edge.in_flight.report()
    assert (report["in_flight"], report["completed"], report["aborted"]) == (1, 0, 1)
    assert report["lost"][0]["name"] == "GET /v1/forever"
    assert len(edge.in_flight) == 0


async def test_in_lame_duck_every_answer_closes_its_connection(edge: Edge) -> None:
    assert "connection" not in (await edge.ask("GET", "/v1/things/7")).headers
    edge.in_flight.lame_duck = True
    assert (await edge.ask("GET", "/v1/things/7")).headers["connection"] == "close"


async def test_readiness_follows_the_checks_and_the_drain_and_liveness_does_not(edge: Edge) -> None:
    async def gone() -> None:
        raise OSError("no database")

    assert [(await edge.ask("GET", path)).status for path in ("/readyz", "/startupz")] == [200, 503]
    edge.health.checks["database"] = gone
    answer = await edge.ask("GET", "/readyz")
    assert (answer.status, b"no database" in answer.body) == (503, True)
    edge.health.checks.clear()
    edge.health.draining = True
    edge.health.started = True
    assert [(await edge.ask("GET", path)).status for path in ("/readyz", "/healthz", "/startupz")] == [503, 200, 200]


async def test_metrics_name_the_route_and_not_the_path(edge: Edge) -> None:
    await edge.ask("GET", "/v1/things/4711")
    body = (await edge.ask("GET", "/metrics")).body
    assert b'http_requests_total{method="GET",route="/v1/things/{number}",status="200"}' in body
    assert b"/4711" not in body


def test_envelopes_are_whole_in_the_openapi_document(edge: Edge) -> None:
    document = edge.fastapi.openapi()
    schemas = document["components"]["schemas"]
    nothing = schemas["Envelope_NoneType_"]["properties"]
    assert nothing["data"]["type"] == "null"
    assert set(nothing) == {"code", "message", "data", "trace_id"}
    assert schemas["Envelope_Thing_"]["properties"]["data"] == {"$ref": "#/components/schemas/Thing"}
    assert schemas["Envelope_Page_Thing__"]["properties"]["data"] == {"$ref": "#/components/schemas/Page_Thing_"}
    remove = document["paths"]["/v1/things/{number}"]["delete"]
    content = remove["responses"]["200"]["content"]["application/json"]["schema"]
    assert content == {"$ref": "#/components/schemas/Envelope_NoneType_"}
    failed = remove["responses"]["422"]["content"]["application/json"]["schema"]
    assert failed == {"$ref": "#/components/schemas/ErrorEnvelope"}


async def test_over_a_real_socket_idle_connections_close_and_the_request_in_flight_finishes(
    servers: Servers, tmp_path: Path
) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()
    slow = APIRouter()

    @slow.get("/v1/slow")
    async def wait(_caller: Peer) -> Envelope[str]:
        begun.set()
        await go_on.wait()
        return ok("finished")

    edge = Edge(tmp_path)
    edge.fastapi.include_router(slow)
    port = servers.instance.block.http(PROBE, 2)
    server = HttpServer(edge.app, "127.0.0.1", port, edge.in_flight, Patience(5))
    headers = {"x-autional-identity": edge.signer.token("probe")}
    async with aiohttp.ClientSession(f"http://127.0.0.1:{port}", headers=headers) as session, serving(server):
        async with session.get("/v1/things/1") as idle:
            await idle.read()
        request = asyncio.create_task(session.get("/v1/slow"))
        await begun.wait()
        stopping = asyncio.create_task(server.shutdown())
        await asyncio.sleep(0)
        go_on.set()
        async with await request as answer:
            assert (await answer.json())["data"] == "finished"
        await asyncio.wait_for(stopping, 2)
        with pytest.raises(aiohttp.ClientConnectionError):
            await session.get("/v1/things/1")
    assert edge.in_flight.aborted == []
