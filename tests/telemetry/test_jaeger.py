"""Both backends of `autional trace` behave alike, and the client reads Jaeger's documented answers."""

from __future__ import annotations

import json
import secrets
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.telemetry.jaeger import JaegerClient
from autional_cli.telemetry.model import Backend, Query
from autional_cli.telemetry.reader import Reader

from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .process import Telemetry

Route = tuple[int, bytes]


class BackendSuite:
    """What every backend must do; subclassed once for each."""

    @pytest.fixture
    def backend(self, shared_telemetry: Telemetry) -> Iterator[Backend]:
        raise NotImplementedError

    def test_fetch_returns_all_spans(self, backend: Backend, shared_telemetry: Telemetry) -> None:
        login = record_login()
        shared_telemetry.send(login)
        trace = backend.fetch(login.trace_id)
        assert trace is not None
        by_id = {span.span_id: span for span in trace.spans}
        assert by_id == {span.span_id: span for span in login.spans}

    def test_fetch_of_an_unknown_trace_is_none(self, backend: Backend) -> None:
        assert backend.fetch("f" * 32) is None

    def test_resolve_finds_a_prefix(self, backend: Backend, shared_telemetry: Telemetry) -> None:
        login = record_login(time.time_ns() - 10**9)
        shared_telemetry.send(login)
        assert backend.resolve(login.trace_id[:12], 5) == [login.trace_id]
        assert backend.resolve("0123456789", 5) == []

    def test_search_orders_and_narrows(self, backend: Backend, shared_telemetry: Telemetry) -> None:
        now, service = time.time_ns(), f"searched-{secrets.token_hex(4)}"
        for number, took in enumerate((4, 9, 6)):
            recording = Recording(now - 10**10 + number)
            recording.span("GET /s", 0, took, service=service, kind="server", error=took == 6)
            shared_telemetry.send(recording)

        def durations(**changes: Any) -> list[int]:
            found = backend.search(Query(now - 2 * 10**10, now, service, **changes))
            return [summary.duration_ns // 10**6 for summary in found]

        assert durations() == [6, 9, 4]
        assert durations(slowest_first=True, limit=2) == [9, 6]
        assert durations(errors_only=True) == [6]
        assert backend.search(Query(now - 2 * 10**10, now - 10**10, service)) == []
        assert backend.search(Query(now - 2 * 10**10, now, "nobody")) == []


class TestEmbedded(BackendSuite):
    @pytest.fixture
    def backend(self, shared_telemetry: Telemetry) -> Iterator[Backend]:
        reader = Reader.open(shared_telemetry.workspace.store)
        yield reader
        reader.close()


class TestJaegerOverOurServer(BackendSuite):
    @pytest.fixture
    def backend(self, shared_telemetry: Telemetry) -> Iterator[Backend]:
        client = JaegerClient(shared_telemetry.url, now_ns=time.time_ns())
        yield client
        client.close()


class TestOurApi:
    """`/api/v3/*` in Jaeger's shapes."""

    def test_services_and_operations(self, shared_telemetry: Telemetry) -> None:
        shared_telemetry.send(record_login())
        assert "gateway" in shared_telemetry.get("/api/v3/services").json()["services"]
        operations = shared_telemetry.get("/api/v3/operations?service=gateway&spanKind=server").json()["operations"]
        assert {"name": "POST /api/v1/identity/login", "spanKind": "server"} in operations
        older_name = shared_telemetry.get("/api/v3/operations?service=gateway&span_kind=consumer")
        assert older_name.json() == {"operations": []}

    def test_a_trace_is_wrapped_in_result(self, shared_telemetry: Telemetry) -> None:
        login = record_login()
        shared_telemetry.send(login)
        answer = shared_telemetry.get(f"/api/v3/traces/{login.trace_id}").json()
        names = {
            attribute["value"]["stringValue"]
            for process in answer["result"]["resourceSpans"]
            for attribute in process["resource"]["attributes"]
            if attribute["key"] == "service.name"
        }
        assert names == {"gateway", "identity", "mfa", "session", "audit", "notification"}

    def test_short_ids_are_padded(self, shared_telemetry: Telemetry) -> None:
        recording = Recording(trace_id="abcdef".zfill(32))
        recording.span("x", 0, 1)
        shared_telemetry.send(recording)
        assert shared_telemetry.get("/api/v3/traces/abcdef").status == 200

    def test_summaries(self, shared_telemetry: Telemetry) -> None:
        recording = Recording(1_600_000_000 * 10**9)
        root = recording.span("HTTP GET /", 0, 1000, service="frontend", kind="server")
        recording.span("lost", 1, 2, "00000000000000aa", service="frontend", error=True)
        recording.span("inner", 1, 2, root, service="back")
        shared_telemetry.send(recording)
        window = "query.startTimeMin=2020-09-13T00:00:00Z&query.startTimeMax=2020-09-14T00:00:00Z"
        assert shared_telemetry.get(f"/api/v3/trace-summaries?{window}").json() == {
            "summaries": [
                {
                    "traceId": recording.trace_id,
                    "rootServiceName": "frontend",
                    "rootOperationName": "HTTP GET /",
                    "minStartTimeUnixNano": "1600000000000000000",
                    "maxEndTimeUnixNano": "1600000001000000000",
                    "spanCount": 3,
                    "errorSpanCount": 1,
                    "orphanSpanCount": 1,
                    "services": [
                        {"name": "back", "spanCount": 1},
                        {"name": "frontend", "spanCount": 2, "errorSpanCount": 1},
                    ],
                }
            ]
        }
        filtered = shared_telemetry.get(f"/api/v3/traces?{window}&query.operationName=lost&query.durationMax=1s")
        assert len(filtered.json()["result"]["resourceSpans"]) == 2

    def test_an_empty_search_is_a_404_with_a_json_error(self, shared_telemetry: Telemetry) -> None:
        window = "query.start_time_min=2001-01-01T00:00:00Z&query.start_time_max=2001-01-02T00:00:00Z"
        answer = shared_telemetry.get(f"/api/v3/traces?{window}")
        assert (answer.status, answer.json()) == (404, {"error": {"httpCode": 404, "message": "No traces found"}})
        assert shared_telemetry.get(f"/api/v3/trace-summaries?{window}").json() == {"summaries": []}

    @pytest.mark.parametrize(
        ("path", "message"),
        [
            ("/traces", "query.startTimeMin and query.startTimeMax are required"),
            ("/traces?query.startTimeMin=NaN&query.startTimeMax=2020-01-01T00:00:00Z", "query.startTimeMin"),
            ("/traces/xyz", "malformed parameter trace_id"),
            ("/operations", "service is required"),
            ("WINDOW&query.searchDepth=-1", "query.searchDepth"),
            ("WINDOW&query.durationMin=soon", "query.durationMin"),
            ("WINDOW&query.attributes=[1]", "query.attributes"),
            ('WINDOW&query.attributes={"a%22b":"c"}', "query.attributes"),
        ],
    )
    def test_malformed_parameters_are_named(self, shared_telemetry: Telemetry, path: str, message: str) -> None:
        window = "/traces?query.startTimeMin=2020-01-01T00:00:00Z&query.startTimeMax=2020-01-02T00:00:00Z"
        answer = shared_telemetry.get(f"/api/v3{path.replace('WINDOW', window)}")
        assert answer.status == 400
        assert message in answer.json()["error"]["message"]


@pytest.fixture
def serve() -> Iterator[Callable[[dict[str, Route]], str]]:
    """Serve recorded answers by path; the base URL is returned."""
    servers: list[ThreadingHTTPServer] = []

    def start(routes: dict[str, Route]) -> str:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                parts = urlsplit(self.path)
                service = parse_qs(parts.query).get("query.serviceName", [""])[0]
                missing = (404, b'{"error":{"httpCode":404,"message":"No traces found"}}')
                status, body = routes.get(f"{parts.path}?{service}") or routes.get(parts.path) or missing
                self.send_response(status)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the base class names it so
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
        servers.append(server)
        return f"http://127.0.0.1:{server.server_port}"

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


ID = "00000000000000000000000000000001"


def result(span_id: str, name: str, **more: Any) -> dict[str, Any]:
    """One document as Jaeger streams it; protobuf's JSON leaves empty fields out."""
    span = {"traceId": ID, "spanId": span_id, "name": name, "kind": 2, "status": {"code": 2}, **more}
    return {"result": {"resourceSpans": [{"resource": {}, "scopeSpans": [{"scope": {}, "spans": [span]}]}]}}


def connect(url: str) -> JaegerClient:
    return JaegerClient(url, now_ns=10**18)


def test_sparse_spans_of_jaeger_are_read(serve: Callable[..., str]) -> None:
    url = serve({f"/api/v3/traces/{ID}": (200, json.dumps(result("0000000000000002", "foobar"), indent=1).encode())})
    client = connect(url)
    trace = client.fetch(ID)
    client.close()
    assert trace is not None
    (span,) = trace.spans
    assert (span.name, span.kind, span.error, span.service, span.parent_id) == (
        "foobar",
        "server",
        True,
        "unknown_service",
        None,
    )


def test_chunked_results_are_joined_and_repeated_spans_dropped(serve: Callable[..., str]) -> None:
    documents = [result("0000000000000002", "a"), result("0000000000000003", "b"), result("0000000000000002", "a")]
    body = "\n".join(json.dumps(document) for document in documents).encode() + b"\n"
    client = connect(serve({f"/jaeger/api/v3/traces/{ID}": (200, body)}) + "/jaeger/")
    trace = client.fetch(ID)
    client.close()
    assert trace is not None
    assert [span.name for span in trace.spans] == ["a", "b"]


SUMMARY = {
    "errorSpanCount": 1,
    "maxEndTimeUnixNano": "1001000000000",
    "minStartTimeUnixNano": "1000000000000",
    "rootOperationName": "HTTP GET /",
    "rootServiceName": "frontend",
    "services": [{"errorSpanCount": 1, "name": "frontend", "spanCount": 2}],
    "spanCount": 2,
    "traceId": ID,
}


@pytest.mark.parametrize("wrap", [lambda body: body, lambda body: {"result": body}])
def test_summaries_of_all_services_are_merged(serve: Callable[..., str], wrap: Callable[[Any], Any]) -> None:
    other = SUMMARY | {"traceId": "2" * 32, "maxEndTimeUnixNano": "1009000000000"}
    del other["errorSpanCount"]
    url = serve(
        {
            "/api/v3/services": (200, b'{"services":["frontend","back"]}'),
            "/api/v3/trace-summaries?frontend": (200, json.dumps(wrap({"summaries": [SUMMARY, other]})).encode()),
            "/api/v3/trace-summaries?back": (200, json.dumps(wrap({"summaries": [SUMMARY]})).encode()),
        }
    )
    client = connect(url)
    slowest = client.search(Query(0, 10**18, slowest_first=True))
    failed = client.search(Query(0, 10**18, errors_only=True))
    client.close()
    assert [summary.trace_id for summary in slowest] == ["2" * 32, ID]
    assert [summary.trace_id for summary in failed] == [ID]
    assert slowest[1].services == {"frontend": (2, 1)}


def test_a_jaeger_without_summaries_is_searched_for_whole_traces(serve: Callable[..., str]) -> None:
    spans = [
        result("0000000000000002", "root", startTimeUnixNano="5000", endTimeUnixNano="9000"),
        result("0000000000000003", "child", parentSpanId="0000000000000002", startTimeUnixNano="6000"),
    ]
    body = "".join(json.dumps(document) for document in spans).encode()
    client = connect(serve({"/api/v3/services": (200, b'{"services":["a"]}'), "/api/v3/traces": (200, body)}))
    (summary,) = client.search(Query(0, 10**18))
    client.close()
    assert (summary.root_name, summary.spans, summary.errors, summary.duration_ns) == ("root", 2, 2, 4000)


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (
            (500, b'{"error":{"grpcCode":2,"httpCode":500,"message":"storage is down","httpStatus":"x"}}'),
            "storage is down",
        ),
        ((200, b'{"error":{"message":"stream broke"}}'), "stream broke"),
        ((502, b"<html>bad gateway</html>"), "not JSON"),
        ((200, b"[1]"), "not a JSON object"),
        ((200, b'{"result":{"resourceSpans":[{"scopeSpans":[{"spans":[7]}]}]}}'), "not OTLP JSON"),
    ],
)
def test_bad_answers_name_the_backend_and_the_reason(serve: Callable[..., str], route: Route, said: str) -> None:
    client = connect(serve({f"/api/v3/traces/{ID}": route}))
    with pytest.raises(AutionalError, match=said) as caught:
        client.fetch(ID)
    client.close()
    assert caught.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    assert client.url in caught.value.message


def test_an_unreachable_jaeger_is_an_unavailable_backend(serve: Callable[..., str]) -> None:
    client = connect("http://127.0.0.1:1")
    with pytest.raises(AutionalError) as caught:
        client.search(Query(0, 1))
    assert caught.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    assert "api/v3/services" in str(caught.value.hint)


@pytest.mark.parametrize("url", ["ftp://host", "http://", "http://host:port"])
def test_a_wrong_url_is_a_usage_error(url: str) -> None:
    with pytest.raises(AutionalError) as caught:
        connect(url)
    assert caught.value.exit_code == ExitCode.USAGE
