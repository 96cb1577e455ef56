"""The recorder against the SDK's rules, and its bytes against the official message classes."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import Link, SpanKind, Status, StatusCode

from services.chassis.otlp import OtlpExporter
from services.chassis.otlp_encoding import encode_batch
from services.chassis.spans import MAX_ATTRIBUTES, RecordedSpan, Recorder
from services.chassis.tracing import remote_context

PARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331"
_WAIT_S = 10


class Collector(ThreadingHTTPServer):
    """Keeps what is posted; answers with the next of `statuses`, then 200."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.statuses: list[int] = []
        self.bodies: list[bytes] = []

    def names(self) -> list[str]:
        requests = map(ExportTraceServiceRequest.FromString, self.bodies)
        return [span.name for request in requests for span in request.resource_spans[0].scope_spans[0].spans]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        server: Any = self.server
        status = server.statuses.pop(0) if server.statuses else 200
        if status == 200:
            server.bodies.append(body)
        self.send_response(status)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_args: object) -> None:
        pass


@pytest.fixture
def collector() -> Iterator[Collector]:
    with Collector() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join(_WAIT_S)


@pytest.fixture
def exporter(collector: Collector) -> Iterator[OtlpExporter]:
    running = OtlpExporter(f"http://127.0.0.1:{collector.server_port}", {"service.name": "probe"})
    yield running
    running.close()


def record(recorded: list[RecordedSpan], **options: Any) -> RecordedSpan:
    span = Recorder(recorded.append).start_span("work", Context(), **options)
    assert isinstance(span, RecordedSpan)
    return span


def test_the_bytes_say_what_the_span_said() -> None:
    recorded: list[RecordedSpan] = []
    other = record(recorded, attributes={"text": "é" * 600}).get_span_context()
    parent = remote_context(f"{PARENT}-01")
    span = Recorder(recorded.append).start_span(
        "first", parent, SpanKind.CONSUMER, {"n": -1, "yes": True}, [Link(other)]
    )
    span.set_attributes({"share": 0.5, "many": ["a", "b"], "none": None, "big": 300})
    span.add_event("seen", {"at": 3}, 17)
    span.update_name("renamed")
    span.set_status(StatusCode.ERROR, "it broke")
    span.end()
    request = ExportTraceServiceRequest.FromString(encode_batch({"service.name": "probe", "process.pid": 1}, recorded))
    [resource] = request.resource_spans
    assert {a.key: a.value.string_value or a.value.int_value for a in resource.resource.attributes} == {
        "service.name": "probe",
        "process.pid": 1,
    }
    [read] = resource.scope_spans[0].spans
    assert (read.trace_id.hex(), read.parent_span_id.hex()) == tuple(PARENT.split("-")[1:])
    assert read.span_id.hex() == f"{span.get_span_context().span_id:016x}"
    assert (read.name, read.kind, read.status.code, read.status.message) == ("renamed", 5, 2, "it broke")
    assert 0 < read.start_time_unix_nano <= read.end_time_unix_nano
    values = {attribute.key: attribute.value for attribute in read.attributes}
    assert (values["n"].int_value, values["yes"].bool_value, values["big"].int_value) == (-1, True, 300)
    assert values["share"].double_value == 0.5
    assert [item.string_value for item in values["many"].array_value.values] == ["a", "b"]
    assert "none" not in values
    assert read.dropped_attributes_count == 1
    assert [(event.name, event.time_unix_nano) for event in read.events] == [("seen", 17)]
    assert [link.span_id.hex() for link in read.links] == [f"{other.span_id:016x}"]
    assert read.flags & 0x300 == 0x300


@given(st.dictionaries(st.text(), st.text() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.binary()))
def test_any_attribute_survives_the_way(attributes: dict[str, Any]) -> None:
    recorded: list[RecordedSpan] = []
    record(recorded, attributes=attributes).end()
    request = ExportTraceServiceRequest.FromString(encode_batch({}, recorded))
    read = request.resource_spans[0].scope_spans[0].spans[0].attributes
    kept = dict(list(attributes.items())[:MAX_ATTRIBUTES])
    assert {a.key: getattr(a.value, str(a.value.WhichOneof("value"))) for a in read} == kept


def test_a_span_that_ended_changes_no_more() -> None:
    recorded: list[RecordedSpan] = []
    span = record(recorded)
    span.end(5)
    span.end(6)
    span.set_attribute("late", 1)
    span.update_name("late")
    span.set_status(StatusCode.ERROR)
    span.add_event("late")
    assert recorded == [span]
    assert (span.end_ns, span.attributes, span.name, span.status, span.events) == (5, {}, "work", 0, [])


def test_ok_is_final_and_too_many_attributes_are_counted() -> None:
    span = record([])
    span.set_status(Status(StatusCode.ERROR, "first"))
    span.set_status(StatusCode.UNSET)
    assert (span.status, span.description) == (2, "first")
    span.set_status(StatusCode.OK)
    span.set_status(StatusCode.ERROR)
    assert span.status == StatusCode.OK.value
    span.set_attributes({f"key{number}": number for number in range(MAX_ATTRIBUTES + 3)})
    assert (len(span.attributes), span.dropped_attributes) == (MAX_ATTRIBUTES, 3)


@pytest.mark.parametrize(("flags", "recording"), [("01", True), ("03", True), ("00", False), ("02", False)])
def test_sampling_and_identity_follow_the_parent_as_with_the_sdk(flags: str, recording: bool) -> None:
    sdk = TracerProvider(shutdown_on_exit=False)
    sdk.add_span_processor(SimpleSpanProcessor(InMemorySpanExporter()))
    parent = remote_context(f"{PARENT}-{flags}")
    for provider in (sdk, Recorder(lambda _span: None)):
        span = provider.get_tracer("tests").start_span("child", parent)
        context = span.get_span_context()
        assert span.is_recording() is recording
        assert f"{context.trace_id:032x}" == PARENT.split("-")[1]
        assert f"{int(context.trace_flags):02x}" == flags


def test_the_api_sees_the_span_and_its_failure() -> None:
    recorded: list[RecordedSpan] = []
    tracer = Recorder(recorded.append).get_tracer("user code")
    with pytest.raises(KeyError), tracer.start_as_current_span("outer", kind=SpanKind.SERVER) as outer:
        with tracer.start_as_current_span("inner"):
            assert trace.get_current_span() is not outer
        assert trace.get_current_span() is outer
        raise KeyError("missing")
    inner, failed = recorded
    assert inner.parent is not None
    assert inner.parent.span_id == failed.span_id
    assert failed.status == StatusCode.ERROR.value
    assert [name for name, _, _ in failed.events] == ["exception"]


def test_a_flush_delivers_everything(collector: Collector, exporter: OtlpExporter) -> None:
    recorder = Recorder(exporter.finished)
    for _ in range(1300):
        recorder.start_span("work").end()
    assert exporter.flush(_WAIT_S)
    assert collector.names() == ["work"] * 1300
    assert exporter.dropped == 0


def test_spans_leave_by_themselves(collector: Collector, exporter: OtlpExporter) -> None:
    for name in ("first", "second"):
        Recorder(exporter.finished).start_span(name).end()
        deadline = time.monotonic() + _WAIT_S
        while name not in collector.names():
            assert time.monotonic() < deadline, f"{name} did not arrive"
            time.sleep(0.01)


def test_a_collector_that_is_busy_is_asked_again_and_one_that_refuses_is_not(
    collector: Collector, exporter: OtlpExporter
) -> None:
    recorder = Recorder(exporter.finished)
    collector.statuses = [503]
    recorder.start_span("busy").end()
    assert exporter.flush(_WAIT_S)
    collector.statuses = [400]
    recorder.start_span("refused").end()
    assert exporter.flush(_WAIT_S)
    assert (collector.names(), exporter.dropped) == (["busy"], 1)


def test_what_nobody_takes_is_dropped_and_counted_and_close_is_quick() -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    exporter = OtlpExporter(f"http://127.0.0.1:{port}", {})
    for _ in range(20_000):  # more than the queue holds
        Recorder(exporter.finished).start_span("work").end()
    started = time.monotonic()
    exporter.close()
    assert time.monotonic() - started < 15  # each batch by itself would be tried for five seconds
    assert exporter.dropped == 20_000
