"""Traces as senders really send them, told as they were: over OTLP in both encodings, through the command line,
from the store and from the Jaeger API."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.telemetry.model import Link

from .bench import Bench, problems
from .process import Workspace, run_telemetry
from .recording import Recording

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .process import Telemetry

SECOND = 10**9
EARLIER = 5 * SECOND


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with run_telemetry(Workspace(tmp_path_factory.mktemp("odd"))) as running:
        yield running


@pytest.fixture(params=[("json", "embedded"), ("protobuf", "embedded"), ("json", "jaeger"), ("protobuf", "jaeger")])
def bench(telemetry: Telemetry, request: pytest.FixtureRequest) -> Bench:
    return Bench(telemetry, *request.param)


def recorded() -> Recording:
    return Recording(time.time_ns() - EARLIER)


def by_name(report: Any) -> dict[str, Any]:
    return {f"{span['service']} {span['name']}": span for span in report["spans"]}


def lasts(path: list[Any]) -> int:
    return sum(section["us"] for section in path)


def test_a_server_with_the_id_of_its_client_is_shown_below_it(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 30, service="a", kind="server")
    client = recording.span("call", 2, 28, root, service="a", kind="client")
    server = recording.span("serve", 4, 26, root, service="b", kind="server")
    server.span_id = client.span_id
    recording.span("query", 5, 20, server, service="b", kind="client")
    recording.span("prepare", 2, 3, client, service="a")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    spans = by_name(report)
    assert len(report["spans"]) == 5
    assert [spans[name]["depth"] for name in ("a GET /", "a call", "b serve", "b query", "a prepare")] == [
        0,
        1,
        2,
        3,
        2,
    ]
    assert report["complete"]
    assert "1 server has the span id of the client" in problems(report)["shared_ids"]
    assert lasts(report["critical_path"]["to_response"]) == report["duration_us"] == 30_000


def test_other_spans_with_one_id_are_all_shown_and_said(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 30, service="a", kind="server")
    first = recording.span("first", 1, 10, root, service="a")
    second = recording.span("second", 11, 20, root, service="b")
    second.span_id = first.span_id
    bench.send(recording.spans[0], first)
    bench.send(second)
    report = bench.report(recording.trace_id)
    assert {"a first", "b second"} < set(by_name(report))
    assert "2 different spans share an id" in problems(report)["duplicate_ids"]


def test_a_span_that_is_sent_again_is_the_same_span(bench: Bench) -> None:
    recording = recorded()
    recording.span("GET /", 0, 30, service="a", kind="server")
    bench.send(*recording.spans)
    bench.send(*recording.spans, *recording.spans)
    report = bench.report(recording.trace_id)
    assert len(report["spans"]) == 1
    assert problems(report) == {}


def test_a_span_id_in_two_traces_is_two_spans(bench: Bench) -> None:
    one, other = recorded(), recorded()
    one.span("one", 0, 1, service="a", kind="server")
    other.span("other", 0, 1, service="a", kind="server").span_id = one.spans[0].span_id
    bench.send(*one.spans, *other.spans)
    assert [span["name"] for span in bench.report(one.trace_id)["spans"]] == ["one"]
    assert [span["name"] for span in bench.report(other.trace_id)["spans"]] == ["other"]


def test_a_server_that_runs_on_after_its_caller_gave_up_is_shown_whole(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 110, service="a", kind="server", error=True)
    call = recording.span("call", 5, 105, root, service="a", kind="client", error=True)
    serve = recording.span("serve", 8, 500, call, service="b", kind="server")
    recording.span("slow", 10, 300, serve, service="b", kind="client")
    recording.span("late", 310, 480, serve, service="b", kind="client")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    spans = by_name(report)
    assert (spans["b serve"]["duration_us"], spans["b late"]["duration_us"]) == (492_000, 170_000)
    assert spans["b serve"]["runs_on"]
    assert not spans["b late"]["asynchronous"]
    assert report["gaps"] == []
    assert (report["duration_us"], lasts(report["critical_path"]["to_response"])) == (110_000, 110_000)
    assert (report["completion_us"], lasts(report["critical_path"]["to_completion"])) == (500_000, 500_000)
    assert any("b serve ran on for 395 ms after a gave up" in each["message"] for each in report["diagnosis"])


def test_with_two_roots_the_time_to_completion_is_that_of_its_path(bench: Bench) -> None:
    recording = recorded()
    recording.span("POST /orders", 0, 20, service="a", kind="server")
    recording.span("nightly", 200, 900, service="b", kind="internal")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    assert (report["duration_us"], report["completion_us"]) == (20_000, 20_000)
    assert lasts(report["critical_path"]["to_completion"]) == 20_000
    assert by_name(report)["b nightly"]["duration_us"] == 700_000
    assert "2 spans without a parent" in problems(report)["several_roots"]


def test_a_64_bit_id_is_found_however_it_is_written(bench: Bench) -> None:
    recording = recorded()
    short = secrets.token_hex(8).replace("0", "a")
    recording.trace_id = short.rjust(32, "0")
    recording.span("GET /", 0, 1, service="a", kind="server")
    bench.send(*recording.spans)
    whole = recording.trace_id
    dashed = f"{whole[:8]}-{whole[8:12]}-{whole[12:16]}-{whole[16:20]}-{whole[20:]}"
    for text in (short, whole, short.upper(), whole.upper(), dashed, dashed.upper(), f"00-{whole}-{'1' * 16}-01"):
        assert bench.report(text)["trace_id"] == whole


def test_a_64_bit_id_that_begins_with_zeros_is_found_without_them(bench: Bench) -> None:
    recording = recorded()
    recording.trace_id = ("a" + secrets.token_hex(6)[1:] + "b").rjust(32, "0")
    recording.span("GET /", 0, 1, service="a", kind="server")
    bench.send(*recording.spans)
    assert bench.report(recording.trace_id.lstrip("0"))["trace_id"] == recording.trace_id


def test_a_request_whose_caller_is_outside_is_complete_and_the_last(bench: Bench) -> None:
    service = f"edge-{secrets.token_hex(4)}"
    recording = Recording(time.time_ns() - SECOND)
    top = recording.span("GET /outside", 0, 30, "00f067aa0ba902b7", service=service, kind="server")
    recording.span("call", 1, 20, top, service=service, kind="client")
    bench.send(*recording.spans)
    report = bench.report("last")
    assert report["trace_id"] == recording.trace_id
    assert report["complete"]
    assert problems(report)["outside_caller"].startswith("the caller is outside: 00f067aa0ba902b7")
    assert report["duration_us"] == 30_000
    shown = bench.telemetry.workspace.run("trace", "--slowest", "1000", "--service", service, *bench.asked).stdout
    assert f"{service}  GET /outside" in shown


def test_but_not_when_its_callers_are_ours(bench: Bench) -> None:
    inner = f"inner-{secrets.token_hex(4)}"
    usual = recorded()
    root = usual.span("GET /", 0, 30, service="edge", kind="server")
    call = usual.span("call", 1, 29, root, service="edge", kind="client")
    usual.span("serve", 2, 28, call, service=inner, kind="server")
    half = recorded()
    half.span("serve", 2, 28, "00f067aa0ba902b8", service=inner, kind="server")
    bench.send(*usual.spans, *half.spans)
    report = bench.report(half.trace_id)
    assert not report["complete"]
    assert "missing_root" in problems(report)


def test_a_missing_parent_in_the_middle_is_said(bench: Bench) -> None:
    recording = recorded()
    recording.span("GET /", 0, 30, service="a", kind="server")
    recording.span("deep", 5, 9, "00f067aa0ba902b9", service="b", kind="server")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    assert (report["complete"], set(problems(report))) == (False, {"orphans"})
    assert "1 span of b" in problems(report)["orphans"]


@pytest.mark.parametrize(
    ("start", "end", "said"),
    [
        (7_000_000, 3_000_000, "ended before it began"),
        (None, 3_000_000, "has no start"),
        (3_000_000, None, "has no end"),
        (None, None, "has neither start nor end"),
        (86_400 * SECOND, 86_401 * SECOND, "lies in the future"),
    ],
)
def test_impossible_times_are_shown_with_what_was_recorded(
    bench: Bench, start: int | None, end: int | None, said: str
) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 30, service="a", kind="server")
    odd = recording.span("odd", 0, 0, root, service="a")
    odd.start_ns, odd.end_ns = (0 if at is None else recording.start_ns + at for at in (start, end))
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    message = problems(report)["impossible_times"]
    assert message.startswith(f"a odd {said}: recorded start {odd.start_ns} (")
    assert f"end {odd.end_ns}" in message
    span = by_name(report)["a odd"]
    assert span["recorded"] == {"start_ns": odd.start_ns, "end_ns": odd.end_ns}
    assert span["start_us"] >= 0
    assert span["start_us"] <= 30_000 or said == "lies in the future"
    assert report["duration_us"] == 30_000
    assert message.split(":")[0] in bench.drawing(recording.trace_id)


def test_a_root_without_times_does_not_begin_in_1970(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 0, service="a", kind="server")
    root.start_ns = root.end_ns = 0
    recording.span("work", 1, 5, root, service="a")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    assert not report["started_at"].startswith("1970")
    assert "impossible_times" in problems(report)


def test_a_clock_that_is_behind_is_corrected_and_said(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 30, service="a", kind="server")
    call = recording.span("call", 1, 29, root, service="a", kind="client")
    recording.span("serve", -5_000, -4_980, call, service="b", kind="server")
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    assert by_name(report)["b serve"]["start_us"] == 5_000  # in the middle of its caller
    assert "the clock of b is about" in problems(report)["clock_skew"]
    assert report["complete"]


@pytest.mark.parametrize("length", [1, 2, 3])
def test_parents_in_a_circle_are_cut_and_said(bench: Bench, length: int) -> None:
    recording = recorded()
    spans = [recording.span(f"step {number}", number, 10 - number, service="a") for number in range(length)]
    for number, span in enumerate(spans):
        span.parent_id = spans[number - 1].span_id
    bench.send(*spans)
    report = bench.report(recording.trace_id)
    assert len(report["spans"]) == length
    assert set(problems(report)) == {"circle"}
    assert not report["complete"]


def test_links_to_what_nobody_knows_are_kept_and_harm_nothing(bench: Bench) -> None:
    recording = recorded()
    root = recording.span("GET /", 0, 30, service="a", kind="server")
    root.links = [Link("c" * 32, "d" * 16, {}), Link(recording.trace_id, "e" * 16, {})]
    bench.send(*recording.spans)
    report = bench.report(recording.trace_id)
    assert report["complete"]
    assert [link["span_id"] for link in report["spans"][0]["links"]] == ["d" * 16, "e" * 16]
    assert lasts(report["critical_path"]["to_completion"]) == 30_000
