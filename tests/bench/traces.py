"""How fast traces are taken in, found and shown. `python tests/bench/traces.py` prints one JSON object."""

from __future__ import annotations

import http.client
import json
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest  # noqa: E402
from telemetry.process import Telemetry, Workspace, run_telemetry  # noqa: E402
from telemetry.recording import record_login  # noqa: E402

from autional_cli.telemetry.reader import Reader  # noqa: E402

BATCHES, BATCH_TRACES = 120, 32
SENDERS = 4
RUNS = 15
IDLE_S = 10.0


def encode_batch() -> tuple[bytes, str]:
    """Encode a batch of logins as protobuf; returns it with the id of one."""
    request = ExportTraceServiceRequest()
    for _ in range(BATCH_TRACES):
        login = record_login()
        for span in login.spans:
            resource = request.resource_spans.add()
            resource.resource.attributes.add(key="service.name").value.string_value = span.service
            added = resource.scope_spans.add().spans.add()
            added.trace_id, added.span_id = bytes.fromhex(span.trace_id), bytes.fromhex(span.span_id)
            added.parent_span_id = bytes.fromhex(span.parent_id or "")
            added.name, added.kind = span.name, 2
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


def measure_ingest(telemetry: Telemetry) -> dict[str, Any]:
    """Send from several connections at once while another process's reader looks traces up."""
    batches = [encode_batch() for _ in range(BATCHES)]
    spans = BATCHES * BATCH_TRACES * len(record_login().spans)
    lookups: list[float] = []
    start = time.perf_counter()
    with ThreadPoolExecutor(SENDERS) as senders:
        parts = [[body for body, _ in batches[number::SENDERS]] for number in range(SENDERS)]
        running = [senders.submit(send_all, telemetry, part) for part in parts]
        reader = Reader.open(telemetry.workspace.store)
        while not all(future.done() for future in running):
            began = time.perf_counter()
            reader.fetch(batches[len(lookups) % BATCHES][1])
            lookups.append(time.perf_counter() - began)
        reader.close()
        for future in running:
            future.result()
    elapsed = time.perf_counter() - start
    p99 = statistics.quantiles(lookups, n=100)[98]
    return {"spans_per_s": round(spans / elapsed), "lookup_p99_ms_during_ingest": round(p99 * 1e3, 2)}


def measure_idle(telemetry: Telemetry) -> float:
    """Return the share of one core that the idle process uses, in percent."""

    def used() -> float:
        threads = Path(f"/proc/{telemetry.process.pid}/task").glob("*/schedstat")
        return sum(int(thread.read_text().split()[0]) for thread in threads) / 1e9

    before = used()
    time.sleep(IDLE_S)
    return round((used() - before) / IDLE_S * 100, 3)


def time_process(arguments: list[str], environment: dict[str, str]) -> float:
    """Return the median wall time of a whole process in milliseconds."""
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        subprocess.run([sys.executable, *arguments], env=environment, check=True, stdout=subprocess.DEVNULL)
        times.append(time.perf_counter() - began)
    return round(statistics.median(times) * 1e3, 1)


def measure() -> dict[str, Any]:
    """Measure everything once."""
    with tempfile.TemporaryDirectory() as directory, run_telemetry(Workspace(Path(directory))) as telemetry:
        results = measure_ingest(telemetry)
        telemetry.send(record_login(time.time_ns()))
        environment = telemetry.workspace.environment()
        results["trace_last_ms"] = time_process(["-m", "autional_cli", "trace", "last"], environment)
        results["import_sqlite3_ms"] = time_process(["-c", "import sqlite3"], environment)
        results["trace_to_sqlite3"] = round(results["trace_last_ms"] / results["import_sqlite3_ms"], 1)
        results["idle_cpu_percent"] = measure_idle(telemetry)
    return results


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
