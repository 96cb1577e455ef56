"""`autional trace` and `autional logs` as a user runs them: real processes beside a real telemetry process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING

import pytest

from autional_cli.telemetry.log_lines import format_timestamp
from tests.guard import guarded

from .process import Telemetry, Workspace, run_telemetry
from .recording import Recording, record_login

if TYPE_CHECKING:
    from collections.abc import Iterator

SECOND = 10**9


@pytest.fixture(scope="module")
def telemetry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Telemetry]:
    with run_telemetry(Workspace(tmp_path_factory.mktemp("commands"))) as running:
        yield running


@pytest.fixture
def login(telemetry: Telemetry) -> Recording:
    """A finished login of some seconds ago, with two log lines."""
    recorded = record_login(time.time_ns() - 5 * SECOND)
    start_s = recorded.start_ns / 1e9
    identity = next(span for span in recorded.spans if span.name == "POST /v1/login")
    logged = {"trace_id": recorded.trace_id, "span_id": identity.span_id}
    telemetry.workspace.log("identity", "password verified", start_s + 0.021, user="u1", **logged)
    telemetry.workspace.log("audit", "written", start_s + 0.045, level="warning", trace_id=recorded.trace_id)
    telemetry.send(recorded)
    return recorded


def test_a_trace_by_its_prefix_is_drawn_with_logs_paths_and_verdict(telemetry: Telemetry, login: Recording) -> None:
    shown = telemetry.workspace.run("trace", login.trace_id[:10], "--await")
    assert shown.returncode == 0, shown.stderr
    assert "31.2 ms to response, 107 ms to completion" in shown.stdout
    assert "info password verified user=u1" in shown.stdout
    assert "61.0 ms queued in user.logged_in before notification processed it" in shown.stdout
    assert "critical path to completion: " in shown.stdout
    assert "complete: every span that is named is here" in shown.stdout
    assert "\x1b" not in shown.stdout
    assert shown.stderr == ""


def test_json_has_the_documented_shape(telemetry: Telemetry, login: Recording) -> None:
    shown = telemetry.workspace.run("trace", login.trace_id, "--format", "json", "--await")
    data = json.loads(shown.stdout)
    assert (data["schema"], data["trace_id"], data["backend"], data["complete"]) == (
        1,
        login.trace_id,
        "embedded",
        True,
    )
    assert len(data["spans"]) == len(login.spans)
    assert [entry["event"] for entry in data["logs"]] == ["password verified", "written"]


def test_a_jaeger_url_gives_the_same_spans(telemetry: Telemetry, login: Recording) -> None:
    own = json.loads(telemetry.workspace.run("trace", login.trace_id, "--format", "json").stdout)
    other = json.loads(
        telemetry.workspace.run("trace", login.trace_id, "--format", "json", "--jaeger", telemetry.url).stdout
    )
    assert other["backend"] == "jaeger"
    assert (other["spans"], other["critical_path"]) == (own["spans"], own["critical_path"])
    last = telemetry.workspace.run("trace", "last", "--service", "identity", "--jaeger", telemetry.url)
    assert login.trace_id in last.stdout


def test_last_is_the_newest_whole_request(telemetry: Telemetry) -> None:
    now = time.time_ns()
    whole, half, background = record_login(now + 1), Recording(now + 2), Recording(now + 3)
    half.span("GET /half", 0, 1, kind="server", service="identity")
    half.span("lost", 0, 1, "00000000000000aa", service="identity")
    background.span("poll outbox", 0, 1, kind="client", service="identity")
    for recording in (whole, half, background):
        telemetry.send(recording)
    shown = telemetry.workspace.run("trace", "last")
    assert whole.trace_id in shown.stdout, shown.stderr
    assert half.trace_id in telemetry.workspace.run("trace", half.trace_id[:8]).stdout


def test_last_can_be_narrowed_to_a_service(telemetry: Telemetry) -> None:
    recording = Recording(time.time_ns() - 60 * SECOND)
    recording.span("GET /rare", 0, 1, kind="server", service="rare")
    telemetry.send(recording)
    assert recording.trace_id in telemetry.workspace.run("trace", "last", "--service", "rare").stdout
    missing = telemetry.workspace.run("trace", "last", "--service", "rar")
    assert (missing.returncode, "no trace names a service 'rar'; did you mean 'rare'?" in missing.stderr) == (2, True)


def test_await_returns_when_the_last_service_has_reported(telemetry: Telemetry, login: Recording) -> None:
    late = record_login(time.time_ns())
    command = [sys.executable, "-m", "autional_cli", "trace", late.trace_id, "--await", "--timeout", "15"]
    environment = telemetry.workspace.environment()
    words, keep = guarded(command)
    with subprocess.Popen(words, env=environment, stdout=subprocess.PIPE, text=True, pass_fds=keep) as waiting:
        spans, late.spans = late.spans, late.spans[1:9]
        telemetry.send(late)
        late.spans = [spans[0], *spans[9:13]]
        telemetry.send(late)
        late.spans = spans[13:]
        telemetry.send(late)
        shown, _ = waiting.communicate(timeout=20)
    assert waiting.returncode == 0
    assert "complete: every span" in shown
    assert "notification" in shown


def test_await_gives_up_at_its_deadline_and_shows_what_there_is(telemetry: Telemetry) -> None:
    recording = Recording()
    recording.span("orphan", 0, 1, "00000000000000aa", kind="client")
    telemetry.send(recording)
    shown = telemetry.workspace.run("trace", recording.trace_id, "--await", "--timeout", "0.3")
    assert shown.returncode == 5
    assert "INCOMPLETE" in shown.stdout
    assert "the root span is missing" in shown.stderr
    nothing = telemetry.workspace.run("trace", "f" * 32, "--await", "--timeout", "0.1")
    assert (nothing.returncode, nothing.stdout) == (5, "")


def test_slowest_and_errors_are_lists_that_name_their_window(telemetry: Telemetry) -> None:
    for took, failed in ((3000, False), (2000, True)):
        recording = Recording(time.time_ns() - 10 * SECOND)
        recording.span(f"GET /{took}", 0, took, kind="server", service="listed", error=failed)
        telemetry.send(recording)
    slowest = telemetry.workspace.run("trace", "--slowest", "1", "--since", "5m", "--service", "listed")
    assert "GET /3000" in slowest.stdout
    assert "GET /2000" not in slowest.stdout
    assert "1 trace that began from 20" in slowest.stderr
    (failed_one,) = json.loads(
        telemetry.workspace.run("trace", "--errors", "--service", "listed", "--format", "json").stdout
    )
    assert (failed_one["name"], failed_one["duration_us"], failed_one["errors"]) == ("GET /2000", 2_000_000, 1)
    assert failed_one["window"]["from"] < failed_one["started_at"] < failed_one["window"]["to"]


@pytest.mark.parametrize("format_", ["table", "json"])
def test_an_empty_list_prints_brackets(telemetry: Telemetry, format_: str) -> None:
    recording = Recording(time.time_ns())
    recording.span("GET /fine", 0, 1, kind="server", service="fine")
    telemetry.send(recording)
    shown = telemetry.workspace.run("trace", "--errors", "--service", "fine", "--format", format_)
    assert (shown.returncode, shown.stdout) == (0, "[]\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ((), "say which trace"),
        (("last", "--errors"), "say which trace"),
        (("xyz",), "not a trace id"),
        (("abc",), "not a trace id"),
        (("f" * 33,), "not a trace id"),
        (("ffffffff",), "there is no trace ffffffff"),
        (("--errors", "--since", "yesterday"), "--since: 'yesterday'"),
        (("--slowest", "0"), "at least 1"),
        (("last", "--jaeger", "ftp://x"), "not an HTTP URL"),
        (("last", "--instance", "../x"), "not an instance name"),
    ],
)
def test_wrong_usage_exits_2_and_says_why(telemetry: Telemetry, arguments: tuple[str, ...], said: str) -> None:
    shown = telemetry.workspace.run("trace", *arguments)
    assert (shown.returncode, shown.stdout) == (2, "")
    assert said in shown.stderr
    assert "Traceback" not in shown.stderr


def test_an_ambiguous_prefix_lists_the_candidates(telemetry: Telemetry) -> None:
    for last in "12":
        recording = Recording(trace_id="5ca1ab1e" + "0" * 23 + last)
        recording.span("GET /", 0, 1, kind="server")
        telemetry.send(recording)
    shown = telemetry.workspace.run("trace", "5ca1ab1e")
    assert shown.returncode == 2
    assert "5ca1ab1e" + "0" * 23 + "1" in shown.stderr
    assert "5ca1ab1e" + "0" * 23 + "2" in shown.stderr


def test_a_traceparent_is_an_id_too(telemetry: Telemetry, login: Recording) -> None:
    shown = telemetry.workspace.run("trace", f"00-{login.trace_id}-{login.spans[0].span_id}-01")
    assert login.trace_id in shown.stdout


def test_without_a_backend_the_exit_is_4_with_a_hint(workspace: Workspace) -> None:
    for arguments in (("trace", "last"), ("logs",), ("trace", "last", "--jaeger", "http://127.0.0.1:1")):
        shown = workspace.run(*arguments)
        assert shown.returncode == 4, shown.stderr
        assert "next: " in shown.stderr
    workspace.home.mkdir(parents=True)
    workspace.store.write_text("no database")
    assert workspace.run("trace", "last").returncode == 4


def test_traces_can_be_read_while_the_platform_is_down(workspace: Workspace) -> None:
    recorded = record_login()
    with run_telemetry(workspace) as running:
        running.send(recorded)
    assert workspace.run("trace", recorded.trace_id[:8]).returncode == 0


def test_the_logs_of_a_trace_are_indexed_as_they_are_written(workspace: Workspace) -> None:
    recorded = record_login()
    workspace.log("identity", "before the start", recorded.start_ns / 1e9, trace_id=recorded.trace_id)
    with run_telemetry(workspace) as running:
        workspace.log("identity", "while running", recorded.start_ns / 1e9 + 1, trace_id=recorded.trace_id)
        running.send(recorded)
    data = json.loads(workspace.run("trace", recorded.trace_id, "--format", "json").stdout)
    assert [entry["event"] for entry in data["logs"]] == ["before the start", "while running"]


def test_trace_imports_nothing_heavy(telemetry: Telemetry, login: Recording) -> None:
    heavy = ["rich", "pydantic", "asyncio", "opentelemetry", "google.protobuf", "urllib.request", "http.client", "yaml"]
    code = (
        "import sys; from autional_cli.commands.trace import app\n"
        "try: app()\n"
        f"finally: print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, login.trace_id],
        env=telemetry.workspace.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert shown.stderr == "[]\n"
    assert login.trace_id in shown.stdout


def test_logs_are_merged_filtered_and_written_as_ndjson(workspace: Workspace) -> None:
    now = time.time()
    for number in range(60):
        workspace.log("identity" if number % 2 else "mailbox", f"event {number}", now - 60 + number)
    assert len(workspace.run("logs").stdout.splitlines()) == 50
    assert "identity info     event 59" in workspace.run("logs", "-n", "1").stdout
    lines = workspace.run(
        "logs", "mailbox", "--since", format_timestamp(now - 10.5), "--format", "json"
    ).stdout.splitlines()
    assert [json.loads(line)["event"] for line in lines] == ["event 50", "event 52", "event 54", "event 56", "event 58"]
    assert workspace.run("logs", "--grep", "nothing like it").stdout == "[]\n"
    unknown = workspace.run("logs", "mailbx")
    assert (unknown.returncode, "did you mean 'mailbox'?" in unknown.stderr) == (2, True)


def test_following_logs_prints_what_comes_and_ends_with_130(workspace: Workspace) -> None:
    workspace.log("identity", "old", time.time())
    environment = workspace.environment()
    command = [sys.executable, "-m", "autional_cli", "logs", "-f", "-n", "1", "--format", "json"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, process_group=0
    ) as following:
        assert following.stdout is not None
        watchdog = threading.Timer(20, following.kill)
        watchdog.start()
        assert json.loads(following.stdout.readline())["event"] == "old"
        workspace.log("session", "new", time.time())
        assert json.loads(following.stdout.readline())["event"] == "new"
        os.killpg(following.pid, signal.SIGINT)
        assert following.wait(10) == 130
        watchdog.cancel()


def test_a_reader_that_leaves_early_is_no_error(workspace: Workspace) -> None:
    for number in range(3000):
        workspace.log("identity", f"event {number}", time.time())
    command = f"{sys.executable} -m autional_cli logs -n 3000 | head -n 1"
    shown = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command],
        env=workspace.environment(),
        capture_output=True,
        text=True,
        timeout=20,
        check=False,
    )
    assert (shown.returncode, shown.stderr) == (0, "")
