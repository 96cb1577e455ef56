"""Sends spans to a telemetry process in either encoding, and asks for them in either way."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from autional_cli.telemetry.model import KINDS
from autional_cli.telemetry.otlp_json import encode_traces

if TYPE_CHECKING:
    from autional_cli.telemetry.model import Span

    from .process import Telemetry


def as_protobuf(spans: list[Span]) -> bytes:
    request = ExportTraceServiceRequest()
    for span in spans:
        resource = request.resource_spans.add()
        for key, value in span.source.resource.items():
            resource.resource.attributes.add(key=key).value.string_value = value
        made = resource.scope_spans.add().spans.add(
            trace_id=bytes.fromhex(span.trace_id),
            span_id=bytes.fromhex(span.span_id),
            parent_span_id=bytes.fromhex(span.parent_id or ""),
            name=span.name,
            start_time_unix_nano=span.start_ns,
            end_time_unix_nano=span.end_ns,
        )
        made.kind = KINDS.index(span.kind)  # type: ignore[assignment]
        made.status.code = 2 if span.error else 0  # type: ignore[assignment]
        for link in span.links:
            made.links.add(trace_id=bytes.fromhex(link.trace_id), span_id=bytes.fromhex(link.span_id))
    return bytes(request.SerializeToString())


class Bench:
    """One telemetry process, one way to send to it and one way to ask it."""

    def __init__(self, telemetry: Telemetry, encoding: str, backend: str) -> None:
        self.telemetry, self.encoding = telemetry, encoding
        self.asked = ("--jaeger", telemetry.url) if backend == "jaeger" else ()

    def send(self, *spans: Span) -> None:
        is_json = self.encoding == "json"
        body = json.dumps(encode_traces(spans)).encode() if is_json else as_protobuf(list(spans))
        kind = "application/json" if is_json else "application/x-protobuf"
        answer = self.telemetry.request("POST", "/v1/traces", body, Content_Type=kind)
        assert (answer.status, answer.body) in ((200, b"{}"), (200, b"")), answer

    def report(self, text: str) -> Any:
        """Return the trace as JSON, once it is no longer "still arriving"."""
        deadline = time.monotonic() + 20
        while True:
            shown = self.telemetry.workspace.run("trace", text, "--format", "json", *self.asked)
            assert shown.returncode == 0, shown.stderr
            found = json.loads(shown.stdout)
            if "still_arriving" not in problems(found) or time.monotonic() > deadline:
                return found

    def drawing(self, text: str) -> str:
        return self.telemetry.workspace.run("trace", text, *self.asked).stdout


def problems(report: Any) -> dict[str, str]:
    return {problem["kind"]: problem["message"] for problem in report["problems"]}
