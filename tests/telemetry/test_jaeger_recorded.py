"""The client against answers in the shapes that Jaeger documents, good and bad."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.telemetry.jaeger import JaegerClient
from autional_cli.telemetry.model import Query

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

Route = tuple[int, bytes]


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


@pytest.mark.parametrize("absent", [None, (200, b"\n<!DOCTYPE html><html><body>Jaeger UI</body></html>")])
def test_a_jaeger_without_summaries_is_searched_for_whole_traces(
    serve: Callable[..., str], absent: Route | None
) -> None:
    spans = [
        result("0000000000000002", "root", startTimeUnixNano="5000", endTimeUnixNano="9000"),
        result("0000000000000003", "child", parentSpanId="0000000000000002", startTimeUnixNano="6000"),
    ]
    body = "".join(json.dumps(document) for document in spans).encode()
    routes: dict[str, Route] = {"/api/v3/services": (200, b'{"services":["a"]}'), "/api/v3/traces": (200, body)}
    if absent is not None:  # Jaeger 2.13: its page answers for what it does not serve
        routes["/api/v3/trace-summaries"] = absent
    client = connect(serve(routes))
    (summary,) = client.search(Query(0, 10**18))
    client.close()
    assert (summary.root_name, summary.spans, summary.errors, summary.duration_ns) == ("root", 2, 2, 4000)


def test_what_jaeger_records_of_itself_is_left_out_of_a_search(serve: Callable[..., str]) -> None:
    own = json.dumps(result("0000000000000009", "/api/v3/traces", startTimeUnixNano="9000")).encode()
    theirs = json.dumps(result("0000000000000002", "root", startTimeUnixNano="5000")).encode()
    routes = {"/api/v3/services": (200, b'{"services":["a","jaeger"]}')}
    client = connect(serve(routes | {"/api/v3/traces?a": (200, theirs), "/api/v3/traces?jaeger": (200, own)}))
    assert [summary.root_name for summary in client.search(Query(0, 10**18))] == ["root"]
    assert [summary.root_name for summary in client.search(Query(0, 10**18, service="jaeger"))] == ["/api/v3/traces"]
    client.close()


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
