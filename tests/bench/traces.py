"""How fast traces are taken in, and how fast one is found meanwhile."""

from __future__ import annotations

import http.client
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from autional_cli.telemetry.reader import Reader
from tests.bench.report import Result, quantile
from tests.telemetry.process import Telemetry, Workspace, run_telemetry
from tests.telemetry.recording import record_login

_BATCHES, _BATCH_TRACES = 120, 32
_SENDERS = 4


def encode_batch() -> tuple[bytes, str]:
    """Encode a batch of logins as protobuf; returns it with the id of one."""
    request = ExportTraceServiceRequest()
    for _ in range(_BATCH_TRACES):
        login = record_login()
        for span in login.spans:
            process = request.resource_spans.add()
            process.resource.attributes.add(key="service.name").value.string_value = span.service
            added = process.scope_spans.add().spans.add(name=span.name, kind=2)
            added.trace_id, added.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
            added.parent_span_id = bytes.fromhex(span.parent_id or "")
            added.start_time_unix_nano, added.end_time_unix_nano = span.start_ns, span.end_ns
            for key, value in span.attributes.items():
                added.attributes.add(key=key).value.string_value = value
    return request.SerializeToString(), login.trace_id


def send_all(telemetry: Telemetry, bodies: list[bytes]) -> None:
    """Send batches over one connection."""
    connection = http.client.HTTPConnection("127.0.0.1", telemetry.port, timeout=60)
    for body in bodies:
        connection.request("POST", "/v1/traces", body, {"Content-Type": "application/x-protobuf"})
        response = connection.getresponse()
        response.read()
        assert response.status == 200, response.status
    connection.close()


def measure() -> Result:
    """Send from several connections at once, while a reader in another process looks traces up."""
    result = Result(name="trace store")
    batches = [encode_batch() for _ in range(_BATCHES)]
    lookups: list[float] = []
    with tempfile.TemporaryDirectory() as directory, run_telemetry(Workspace(Path(directory))) as telemetry:
        started = time.perf_counter()
        with ThreadPoolExecutor(_SENDERS) as senders:
            parts = [[body for body, _ in batches[number::_SENDERS]] for number in range(_SENDERS)]
            running = [senders.submit(send_all, telemetry, part) for part in parts]
            reader = Reader.open(telemetry.workspace.store)
            while not all(future.done() for future in running):
                began = time.perf_counter()
                reader.fetch(batches[len(lookups) % _BATCHES][1])
                lookups.append(time.perf_counter() - began)
            reader.close()
            for future in running:
                future.result()
        elapsed = time.perf_counter() - started
    spans = _BATCHES * _BATCH_TRACES * len(record_login().spans)
    result.add("spans taken in a second, over HTTP", spans / elapsed, "/s")
    result.add("lookup of a trace meanwhile, P99", quantile(lookups, 0.99) * 1000, "ms")
    return result
