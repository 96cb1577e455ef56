"""Both backends of `autional trace` behave alike, and our API has Jaeger's shapes."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.telemetry.jaeger import JaegerClient
from autional_cli.telemetry.model import Backend, Query
from autional_cli.telemetry.reader import Reader

from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .process import Telemetry


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
