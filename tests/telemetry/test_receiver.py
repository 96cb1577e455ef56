"""`POST /v1/traces`: what the receiver takes, what it refuses, and how it stops."""

from __future__ import annotations

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest
from google.rpc.status_pb2 import Status  # type: ignore[import-untyped]  # ships no types
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import SpanKind

from autional_cli.telemetry.reader import Reader

from .process import ENTRY, run_telemetry
from .recording import Recording, record_login

if TYPE_CHECKING:
    from .process import Telemetry, Workspace

PROTOBUF = "application/x-protobuf"
HEAD = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\n"


def protobuf(trace_id: bytes, span_id: bytes = b"12345678", name: str = "GET /") -> ExportTraceServiceRequest:
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id, span.name = trace_id, span_id, name
    span.start_time_unix_nano, span.end_time_unix_nano = 1_000_000_000, 1_000_500_000
    return request


def test_sdk_exporter_delivers_spans_with_all_attribute_types(shared_telemetry: Telemetry) -> None:
    resource = Resource.create({"service.name": "shop", "service.instance.id": "shop-0"})
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(f"{shared_telemetry.url}/v1/traces")))
    tracer = provider.get_tracer("tests", "1.0")
    values: dict[str, Any] = {"text": "é", "count": 3, "share": 0.5, "ok": True, "list": ["a", "b"], "numbers": [1, 2]}
    with tracer.start_as_current_span("GET /x", kind=SpanKind.SERVER, attributes=values) as span:
        span.record_exception(ValueError("broken"))
        trace_id = f"{span.get_span_context().trace_id:032x}"
    provider.shutdown()

    reader = Reader.open(shared_telemetry.workspace.store)
    trace = reader.fetch(trace_id)
    reader.close()
    assert trace is not None
    (stored,) = trace.spans
    assert stored.attributes == values
    assert (stored.service, stored.source.instance, stored.kind, stored.name) == ("shop", "shop-0", "server", "GET /x")
    assert stored.events[0].attributes["exception.message"] == "broken"


@pytest.mark.parametrize("zipped", [False, True])
def test_protobuf_is_answered_with_protobuf(shared_telemetry: Telemetry, zipped: bool) -> None:
    body = protobuf(os.urandom(16)).SerializeToString()
    headers = {"Content_Type": PROTOBUF, "Content_Encoding": "gzip"} if zipped else {"Content_Type": PROTOBUF}
    answer = shared_telemetry.request("POST", "/v1/traces", gzip.compress(body) if zipped else body, **headers)
    assert (answer.status, answer.headers["content-type"]) == (200, PROTOBUF)
    assert not ExportTraceServiceResponse.FromString(answer.body).HasField("partial_success")


def test_invalid_spans_are_rejected_one_by_one(shared_telemetry: Telemetry) -> None:
    request = protobuf(os.urandom(16))
    for faulty in (protobuf(b"short"), protobuf(bytes(16)), protobuf(os.urandom(16), b"1")):
        request.resource_spans.extend(faulty.resource_spans)
    answer = shared_telemetry.request("POST", "/v1/traces", request.SerializeToString(), Content_Type=PROTOBUF)
    partial = ExportTraceServiceResponse.FromString(answer.body).partial_success
    assert (answer.status, partial.rejected_spans) == (200, 3)
    assert "2 with an invalid trace id" in partial.error_message


def test_rejections_are_told_in_json_too(shared_telemetry: Telemetry) -> None:
    recording = Recording()
    recording.span("bad parent", 0, 1, "nothex")
    body = json.dumps(recording.document()).encode()
    answer = shared_telemetry.request("POST", "/v1/traces", body, Content_Type="application/json; charset=utf-8")
    assert answer.json()["partialSuccess"]["rejectedSpans"] == "1"


def test_an_empty_request_is_a_success(shared_telemetry: Telemetry) -> None:
    assert shared_telemetry.request("POST", "/v1/traces", b"", Content_Type=PROTOBUF).status == 200
    assert shared_telemetry.request("POST", "/v1/traces", b"{}", Content_Type="application/json").json() == {}


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b'{"resourceSpans": 3}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"x"}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"value":{}}]}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"attributes":[{"key":"k","value":{"intValue":"1e3"}}]}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1e999}]}]}]}',
        b"\xff\xfe",
    ],
)
def test_a_body_that_is_not_otlp_json_is_refused(shared_telemetry: Telemetry, body: bytes) -> None:
    answer = shared_telemetry.request("POST", "/v1/traces", body, Content_Type="application/json")
    assert answer.status == 400
    assert answer.json()["code"] == 3


def test_a_body_that_is_not_protobuf_is_refused_with_a_status_message(shared_telemetry: Telemetry) -> None:
    answer = shared_telemetry.request("POST", "/v1/traces", b"\xff\xff\xff", Content_Type=PROTOBUF)
    assert answer.status == 400
    assert "ExportTraceServiceRequest" in Status.FromString(answer.body).message


@pytest.mark.parametrize("body", [b"not gzip", gzip.compress(b"x" * 100)[:-10]], ids=["text", "cut"])
def test_broken_gzip_is_refused(shared_telemetry: Telemetry, body: bytes) -> None:
    answer = shared_telemetry.request(
        "POST", "/v1/traces", body, Content_Type="application/json", Content_Encoding="gzip"
    )
    assert answer.status == 400


def test_a_small_body_that_unpacks_to_a_large_one_is_refused(shared_telemetry: Telemetry) -> None:
    body = gzip.compress(b" " * (17 * 1024 * 1024))
    answer = shared_telemetry.request(
        "POST", "/v1/traces", body, Content_Type="application/json", Content_Encoding="gzip"
    )
    assert answer.status == 413


def test_a_body_declared_too_large_is_refused_before_it_is_read(shared_telemetry: Telemetry) -> None:
    with socket.create_connection(("127.0.0.1", shared_telemetry.port), timeout=10) as connection:
        head = f"{HEAD}Content-Type: {PROTOBUF}\r\nContent-Length: {2**30}\r\n\r\n"
        connection.sendall(head.encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


def test_a_chunked_body_is_cut_at_the_limit(shared_telemetry: Telemetry) -> None:
    with socket.create_connection(("127.0.0.1", shared_telemetry.port), timeout=10) as connection:
        head = f"{HEAD}Content-Type: {PROTOBUF}\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = b"100000\r\n" + b"x" * 0x100000 + b"\r\n"
        for _ in range(17):
            connection.sendall(chunk)
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    ("method", "headers", "status"),
    [
        ("GET", {}, 405),
        ("POST", {}, 415),
        ("POST", {"Content_Type": "text/plain"}, 415),
        ("POST", {"Content_Type": PROTOBUF, "Content_Encoding": "br"}, 415),
    ],
)
def test_other_methods_and_encodings_are_refused(
    shared_telemetry: Telemetry, method: str, headers: dict[str, str], status: int
) -> None:
    assert shared_telemetry.request(method, "/v1/traces", b"", **headers).status == status


def test_unknown_paths_and_methods_have_json_answers(shared_telemetry: Telemetry) -> None:
    assert shared_telemetry.get("/healthz").json() == {"status": "ok"}
    assert shared_telemetry.get("/nope").json()["error"]["httpCode"] == 404
    assert shared_telemetry.get("/api/v3/nope").json()["error"]["httpCode"] == 404
    assert shared_telemetry.request("DELETE", "/api/v3/traces").status == 405


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.0.0.1:4318", "localhost", "LOCALHOST:80", "[::1]:4318", "app.localhost", "10.0.0.7"]
)
def test_addresses_and_localhost_are_served(shared_telemetry: Telemetry, host: str) -> None:
    assert shared_telemetry.request("GET", "/healthz", Host=host).status == 200


@pytest.mark.parametrize(
    "host", ["evil.example", "localhost.evil.example:4318", "127.0.0.1.evil.example", "evil-localhost", "a@127.0.0.1"]
)
@pytest.mark.parametrize(("method", "path"), [("GET", "/api/v3/services"), ("POST", "/v1/traces"), ("GET", "/healthz")])
def test_a_name_of_elsewhere_is_not_served(shared_telemetry: Telemetry, host: str, method: str, path: str) -> None:
    recording = Recording()
    recording.span("GET /", 0, 1)
    body = json.dumps(recording.document()).encode() if method == "POST" else None
    answer = shared_telemetry.request(method, path, body, Host=host, Content_Type="application/json")
    assert answer.status == 421
    assert shared_telemetry.get(f"/api/v3/traces/{recording.trace_id}").status == 404


def test_two_hosts_are_not_better_than_one(shared_telemetry: Telemetry) -> None:
    with socket.create_connection(("127.0.0.1", shared_telemetry.port), timeout=10) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: evil.example\r\nHost: localhost\r\n\r\n")
        assert connection.recv(64).split()[1] in (b"400", b"421")


@pytest.mark.parametrize(
    ("origin", "status"),
    [("http://localhost:3000", 200), ("http://127.0.0.1", 200), ("https://evil.example", 403), ("null", 403)],
)
def test_pages_of_elsewhere_cannot_send(shared_telemetry: Telemetry, origin: str, status: int) -> None:
    body = json.dumps(record_login().document()).encode()
    answer = shared_telemetry.request("POST", "/v1/traces", body, Content_Type="application/json", Origin=origin)
    assert answer.status == status
    assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_what_a_form_can_send_is_not_otlp(shared_telemetry: Telemetry, kind: str) -> None:
    body = json.dumps(record_login().document()).encode()
    assert shared_telemetry.request("POST", "/v1/traces", body, Content_Type=kind).status == 415


@pytest.mark.parametrize("fields", [[f"X-{number}: 1" for number in range(200)], [f"X-Large: {'x' * 40_000}"]])
def test_a_head_has_bounds(shared_telemetry: Telemetry, fields: list[str]) -> None:
    with socket.create_connection(("127.0.0.1", shared_telemetry.port), timeout=10) as connection:
        head = "\r\n".join(["GET /healthz HTTP/1.1", "Host: localhost", *fields, "", ""])
        connection.sendall(head.encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 431")


def test_a_head_that_never_ends_is_given_up(shared_telemetry: Telemetry) -> None:
    with socket.create_connection(("127.0.0.1", shared_telemetry.port), timeout=30) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n")
        assert connection.recv(64).startswith(b"HTTP/1.1 408")


def test_a_full_disk_is_a_retryable_refusal_and_the_process_lives_on(workspace: Workspace) -> None:
    limit = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
    huge = Recording()
    for number in range(200):
        huge.span(f"span {number}", 0, 1, text="x" * 5000)
    with run_telemetry(workspace, before=limit) as telemetry:
        body = json.dumps(huge.document()).encode()
        answer = telemetry.request("POST", "/v1/traces", body, Content_Type="application/json")
        assert (answer.status, answer.headers["retry-after"]) == (503, "1")
        assert "cannot be written" in answer.json()["message"]
        small = record_login()
        telemetry.send(small)
        assert telemetry.get(f"/api/v3/traces/{small.trace_id}").status == 200
        assert telemetry.get(f"/api/v3/traces/{huge.trace_id}").status == 404


def test_a_stop_finishes_what_was_accepted(workspace: Workspace) -> None:
    login = record_login()
    body = json.dumps(login.document()).encode()
    with run_telemetry(workspace) as telemetry:
        with socket.create_connection(("127.0.0.1", telemetry.port), timeout=10) as connection:
            head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            connection.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body[:100])
            telemetry.get("/healthz")  # the half request has been read by now
            telemetry.process.send_signal(signal.SIGTERM)
            assert telemetry.next_notification() == {"STOPPING": "1"}
            connection.sendall(body[100:])
            assert connection.recv(64).startswith(b"HTTP/1.1 200")
        assert telemetry.process.wait(10) == 0
    reader = Reader.open(workspace.store)
    trace = reader.fetch(login.trace_id)
    reader.close()
    assert trace is not None
    assert len(trace.spans) == len(login.spans)


def test_what_was_answered_survives_kill_minus_9(workspace: Workspace) -> None:
    login = record_login()
    with run_telemetry(workspace) as telemetry:
        telemetry.send(login)
        telemetry.stop(signal.SIGKILL)
    with run_telemetry(workspace) as telemetry:
        assert telemetry.get(f"/api/v3/traces/{login.trace_id}").status == 200


def test_a_taken_port_is_an_error_exit(workspace: Workspace, telemetry: Telemetry) -> None:
    environment = workspace.environment(
        AUTIONAL_HTTP_PORT=str(telemetry.port),
        AUTIONAL_TRACES_DB=str(workspace.store),
        AUTIONAL_LOGS_DIR=str(workspace.logs),
    )
    second = subprocess.run(
        [sys.executable, "-c", ENTRY], env=environment, capture_output=True, text=True, timeout=20, check=False
    )
    assert second.returncode == 1
    assert f'"port":"{telemetry.port}"' in second.stderr
