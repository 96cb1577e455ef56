"""What a request and a span may hold, and what is said of what was cut."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from autional_cli.telemetry.model import Event, Link

from .recording import Recording
from .test_limits import MIB, run_limited

if TYPE_CHECKING:
    from .process import Telemetry, Workspace


def record_excess() -> Recording:
    recording = Recording()
    span = recording.span("n" * 5000, 0, 1, service="s" * 1000, kind="server", long="é" * 1000)
    span.attributes |= {f"key-{number}": number for number in range(20)} | {"deep": [[[[[[[[[["x"]]]]]]]]]]}
    span.events = [Event(f"event {number}", span.start_ns, {"a": 1}) for number in range(9)]
    span.links = [Link("1" * 32, "2" * 16, {}) for _ in range(7)]
    return recording


def as_protobuf(recording: Recording) -> bytes:
    request = ExportTraceServiceRequest()
    for span in recording.spans:
        resource = request.resource_spans.add()
        service = resource.resource.attributes.add()
        service.key, service.value.string_value = "service.name", span.service
        made = resource.scope_spans.add().spans.add(
            trace_id=bytes.fromhex(span.trace_id), span_id=bytes.fromhex(span.span_id), name=span.name, kind=2
        )
        made.start_time_unix_nano, made.end_time_unix_nano = span.start_ns, span.end_ns
        for key, value in span.attributes.items():
            pair = made.attributes.add(key=key)
            if isinstance(value, int):
                pair.value.int_value = value
            elif isinstance(value, str):
                pair.value.string_value = value
            else:
                nested = pair.value
                for _ in range(10):
                    nested = nested.array_value.values.add()
                nested.string_value = "x"
        for event in span.events:
            made.events.add(name=event.name, time_unix_nano=event.time_ns)
        for link in span.links:
            made.links.add(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id))
    return bytes(request.SerializeToString())


@pytest.mark.parametrize("encoding", ["application/json", "application/x-protobuf"])
def test_what_is_cut_off_a_span_is_said_in_its_trace(workspace: Workspace, encoding: str) -> None:
    recording = record_excess()
    body = json.dumps(recording.document()).encode() if encoding.endswith("json") else as_protobuf(recording)
    with run_limited(workspace, attributes=10, attribute_bytes=100, events=4, links=2) as telemetry:
        assert telemetry.request("POST", "/v1/traces", body, Content_Type=encoding).status == 200
        answer = telemetry.get(f"/api/v3/traces/{recording.trace_id}").json()
        report = json.loads(workspace.run("trace", recording.trace_id, "--format", "json").stdout)
        drawn = workspace.run("trace", recording.trace_id).stdout
    (span,) = report["spans"]
    assert (len(span["attributes"]), len(span["events"]), len(span["links"])) == (10, 4, 2)
    assert span["cut"]["attributes"] == 12
    assert (span["cut"]["events"], span["cut"]["links"]) == (5, 5)
    assert span["cut"]["values"] >= 3
    assert span["attributes"]["long"] == "é" * 50 + "…"
    assert len(span["name"]) == 1025
    assert "cut on arrival: attributes left out: 12, events left out: 5, links left out: 5, texts shortened" in drawn
    exported = answer["result"]["resourceSpans"][0]["scopeSpans"][0]["spans"][0]
    assert exported["droppedEventsCount"] == 5


def test_the_spans_of_one_request_are_bounded_and_the_rest_is_counted(workspace: Workspace) -> None:
    recording = Recording()
    for number in range(30):
        recording.span(f"step {number}", 0, 1)
    body = json.dumps(recording.document()).encode()
    with run_limited(workspace, request_spans=25) as telemetry:
        answer = telemetry.request("POST", "/v1/traces", body, Content_Type="application/json")
        assert answer.json()["partialSuccess"]["rejectedSpans"] == "5"
        assert "more than 25 spans" in answer.json()["partialSuccess"]["errorMessage"]
        report = json.loads(workspace.run("trace", recording.trace_id, "--format", "json").stdout)
    assert (len(report["spans"]), report["complete"]) == (25, False)
    assert any(problem["kind"] == "dropped" for problem in report["problems"])


def test_a_request_may_be_no_larger_than_the_store_can_take_at_once(workspace: Workspace) -> None:
    head = "POST /v1/traces HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    with (
        run_limited(workspace, size_bytes=16 * MIB, request_bytes=16 * MIB) as telemetry,
        socket.create_connection(("127.0.0.1", telemetry.port), timeout=10) as connection,
    ):
        connection.sendall(f"{head}Content-Length: {MIB + 1}\r\n\r\n".encode())
        assert connection.recv(64).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize("depth", [200, 3000])
def test_values_in_values_end_the_request_and_not_the_process(shared_telemetry: Telemetry, depth: int) -> None:
    value = '{"arrayValue":{"values":[' * depth + '{"intValue":"1"}' + "]}}" * depth
    span = {"traceId": "a" * 32, "spanId": "b" * 16, "name": "x", "startTimeUnixNano": "1", "endTimeUnixNano": "2"}
    document = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": [{**span, "attributes": "HERE"}]}]}]})
    body = document.replace('"HERE"', f'[{{"key":"k","value":{value}}}]').encode()
    answer = shared_telemetry.request("POST", "/v1/traces", body, Content_Type="application/json")
    assert answer.status in (200, 400)
    assert shared_telemetry.get("/healthz").status == 200
