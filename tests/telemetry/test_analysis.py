"""What is said about a trace: gaps, root cause, findings, and how far to trust it."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import Any

from autional_cli import terminal
from autional_cli.telemetry.analyse import Analysis, analyse
from autional_cli.telemetry.model import Query, Summary, Trace
from autional_cli.telemetry.palette import Palette
from autional_cli.telemetry.report import report
from autional_cli.telemetry.waterfall import draw

from .recording import Recording, record_login

SQL: dict[str, Any] = {"db__system__name": "postgresql", "db__namespace": "identity"}


@dataclass
class Known:
    """A backend that has seen these services process messages."""

    name: str = "embedded"
    processing: dict[str, list[str]] = field(default_factory=dict)

    def consumers(self, message: str, since_ns: int) -> list[str]:
        return self.processing.get(message, [])

    def search(self, query: Query) -> list[Summary]:
        return []


def study(
    recording: Recording, *, later_s: float = 30, trace: Trace | None = None, known: Known | None = None
) -> Analysis:
    now_ns = recording.start_ns + round(later_s * 1e9)
    return analyse(trace or recording.trace(), known or Known(), now_ns=now_ns)  # type: ignore[arg-type]


def kinds(analysis: Analysis) -> list[str]:
    return [problem.kind for problem in analysis.problems]


def test_gaps_are_named_after_what_was_waited_for() -> None:
    messages = [gap.message for gap in study(record_login()).gaps]
    assert messages == [
        "2.9 ms in the outbox before user.logged_in was sent",
        "6.0 ms queued in user.logged_in before audit processed it",
        "61.0 ms queued in user.logged_in before notification processed it",
    ]


def test_slow_hand_over_and_untraced_work_are_gaps() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 100, kind="server")
    call = recording.span("GET", 5, 60, root, kind="client")
    recording.span("GET /b", 25, 60, call, service="b", kind="server")
    assert [(gap.kind, gap.message) for gap in study(recording).gaps] == [
        ("network", "20.0 ms before b took GET /b (connecting or queueing)"),
        ("untraced", "20.0 ms without a span inside gateway GET"),
        ("untraced", "40.0 ms without a span inside gateway GET /a"),
    ]


def test_the_root_cause_is_the_deepest_error_that_reached_the_request() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server", error=True, http__response__status_code=500)
    recording.span("handled", 1, 2, recording.span("deep", 0, 3, recording.span("er", 0, 4, root)), error=True)
    call = recording.span("GET", 5, 40, root, kind="client", error=True)
    serve = recording.span("GET /b", 6, 39, call, service="b", kind="server", error=True)
    recording.span("SELECT", 7, 8, serve, service="b", error=True, exception=("TimeoutError", "pool\nexhausted"))
    cause = study(recording).root_cause
    assert cause is not None
    assert (cause.node.span.name, cause.error, cause.message) == ("SELECT", "TimeoutError", "pool\nexhausted")
    assert [node.span.name for node in cause.path] == ["GET /a", "GET", "GET /b", "SELECT"]
    assert cause.reached_root


def test_an_error_that_was_handled_is_said_to_be() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    recording.span("attempt", 1, 2, root, error=True, error__type="503")
    analysis = study(recording)
    assert analysis.root_cause is not None
    assert (analysis.root_cause.error, analysis.root_cause.reached_root) == ("503", False)
    assert "the request itself did not fail" in draw(analysis, width=100, palette=Palette(False))


def test_a_trace_without_errors_has_no_root_cause() -> None:
    assert study(record_login()).root_cause is None


def test_one_query_per_row_is_found() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    for number in range(6):
        recording.span("SELECT tags", number * 2, number * 2 + 1, root, db__query__text="SELECT 1 WHERE id=$1", **SQL)
    (finding,) = study(recording).findings
    assert finding.kind == "n_plus_one"
    assert finding.message.startswith("N+1: 6 times SELECT tags in gateway GET /a, 6.0 ms")


def test_different_queries_are_no_pattern() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    for number in range(6):
        recording.span("SELECT", number * 2, number * 2 + 1, root, db__query__text=f"SELECT a FROM t{number}", **SQL)
    assert study(recording).findings == []


def test_reading_calls_one_after_the_other_are_found() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    recording.span("GET profile", 1, 11, root, kind="client")
    recording.span("GET wallet", 11.2, 31, root, kind="client")
    (finding,) = study(recording).findings
    assert finding.kind == "serial_calls"
    assert "GET profile, GET wallet" in finding.message
    assert "saves 10.0 ms" in finding.message


def test_calls_that_overlap_or_change_something_are_no_pattern() -> None:
    writing = Recording()
    root = writing.span("GET /a", 0, 50, kind="server")
    call = writing.span("Sessions/Open", 1, 11, root, kind="client")
    writing.span("INSERT sessions", 2, 3, call, service="session", **SQL)
    writing.span("GET wallet", 11.2, 31, root, kind="client")
    assert study(writing).findings == []

    concurrent = Recording()
    root = concurrent.span("GET /a", 0, 50, kind="server")
    concurrent.span("GET profile", 1, 11, root, kind="client")
    concurrent.span("GET wallet", 1.5, 31, root, kind="client")
    assert study(concurrent).findings == []


def test_retries_are_found() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    for number in range(3):
        recording.span("GET", number * 10, number * 10 + 5, root, kind="client", error=number < 2)
    (finding,) = study(recording).findings
    assert finding.message == "retry storm: 3 attempts at gateway GET, the last one succeeded, 25.0 ms"


def test_redeliveries_and_pool_waits_are_found() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    send = recording.span("send e", 1, 2, root, kind="producer")
    for number in range(2):
        details: dict[str, Any] = {
            "service": "audit",
            "kind": "consumer",
            "error": number == 0,
            "messaging__message__id": "m1",
        }
        recording.span("process e", 5 + number * 10, 9 + number * 10, send, **details)
    recording.span("SELECT", 3, 20, root, autional__pool_wait_ms=12.5, **SQL)
    assert [finding.message for finding in study(recording).findings] == [
        "gateway waited 12.5 ms for a database connection; its pool is too small, or a transaction holds one too long",
        "2 deliveries of e to audit, done at last",
    ]


def test_a_whole_trace_is_complete() -> None:
    known = Known(processing={"user.logged_in": ["audit", "notification"]})
    analysis = study(record_login(), known=known)
    assert analysis.complete
    assert analysis.problems == []


def test_spans_that_came_a_moment_ago_may_not_be_all() -> None:
    login = record_login()
    trace = login.trace()
    trace.received_ns = login.start_ns + 29_900_000_000
    analysis = study(login, trace=trace)
    assert kinds(analysis) == ["still_arriving"]
    assert not analysis.complete


def test_a_message_that_its_usual_consumers_have_not_processed_is_awaited() -> None:
    known = Known(processing={"user.logged_in": ["audit", "notification"]})
    login = record_login(processed=False)
    soon, late = study(login, known=known), study(login, known=known, later_s=300)
    assert soon.problems[0].message == "user.logged_in has not been processed yet by audit, notification"
    assert late.problems[0].message == "user.logged_in was never processed by audit, notification"
    assert (soon.complete, late.complete) == (False, True)


def test_missing_parents_roots_and_rejected_spans_make_it_incomplete() -> None:
    recording = Recording()
    recording.span("serve", 3, 9, "00000000000000aa", kind="server")
    recording.span("other", 4, 5, "00000000000000bb", service="b")
    trace = recording.trace()
    trace.rejected = 2
    analysis = study(recording, trace=trace)
    assert kinds(analysis) == ["missing_root", "orphans", "dropped"]
    assert not analysis.complete
    assert "INCOMPLETE" in draw(analysis, width=100, palette=Palette(False))


def test_a_corrected_clock_is_told_and_does_not_hide_anything() -> None:
    recording = Recording()
    call = recording.span("call", 1000, 1020, kind="client")
    recording.span("serve", 20, 30, call, service="other", kind="server")
    analysis = study(recording)
    assert analysis.problems[0].message == "the clock of other is about 985 ms behind; its spans were moved"
    assert analysis.complete


def test_the_report_keeps_version_1() -> None:
    login = record_login(time.time_ns())
    data = report(study(login))
    assert {
        "schema", "trace_id", "backend", "complete", "problems", "duration_us", "services", "spans", "critical_path",
        "root_cause", "logs",
    } <= data.keys()  # fmt: skip
    assert (data["schema"], data["duration_us"], data["completion_us"]) == (1, 31200, 107000)
    assert data["services"] == ["gateway", "identity", "mfa", "session", "audit", "notification"]
    first = data["spans"][0]
    assert {
        "span_id", "parent_id", "links", "service", "name", "kind", "start_us", "duration_us", "self_us", "status",
        "attributes",
    } <= first.keys()  # fmt: skip
    assert (first["parent_id"], first["start_us"], first["self_us"], first["status"]) == (None, 0, 1700, "ok")
    assert sum(section["us"] for section in data["critical_path"]["to_response"]) == 31200
    assert sum(section["us"] for section in data["critical_path"]["to_completion"]) == 107000
    assert {section["span_id"] for section in data["critical_path"]["to_response"]} <= {
        s["span_id"] for s in data["spans"]
    }


def test_equal_leaves_are_folded_and_errors_stay_visible() -> None:
    recording = Recording()
    root = recording.span("GET /a", 0, 50, kind="server")
    for number in range(9):
        recording.span("SELECT", number * 2, number * 2 + 1, root, error=number == 7)
    lines = draw(study(recording), width=100, palette=Palette(False)).splitlines()
    selects = [line for line in lines if line.startswith("gateway   ")]
    assert len(selects) == 3
    assert "SELECT \N{MULTIPLICATION SIGN}7" in selects[0]
    assert "✗ SELECT" in selects[1]


def test_a_terminal_without_unicode_gets_ascii() -> None:
    text = draw(study(record_login()), width=90, palette=Palette(False), unicode=False)
    assert text.isascii()
    assert "#" in text


def test_colours_only_when_asked_for() -> None:
    painted, plain = (draw(study(record_login()), width=90, palette=Palette(is_on)) for is_on in (True, False))
    assert "\x1b[38;5;" in terminal.reveal(painted, lines=True)
    assert "\x1b" not in terminal.reveal(plain, lines=True)
