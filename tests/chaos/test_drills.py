"""Each drill happens for real and is undone; without load, which has its own test."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import psutil
import pytest

from tests.platform.running import Platform

QUICK_S = 0.35  # what an answer takes at most on a busy machine when nothing delays it
DELAY_MS = 800


def until(done: Callable[[], Any], what: str, timeout_s: float = 10.0) -> Any:
    """Look until `done` is true; processes of somebody else send no event."""
    deadline = time.monotonic() + timeout_s
    while not (result := done()):
        assert time.monotonic() < deadline, f"{what} did not happen within {timeout_s} s"
        time.sleep(0.02)
    return result


@contextmanager
def drilling(platform: Platform, *arguments: str) -> Iterator[subprocess.Popen[str]]:
    """A drill that has begun; whatever is left of the command at the end is ended."""
    process = platform.start("chaos", *arguments, "--users", "0")
    assert process.stderr is not None
    try:
        line = process.stderr.readline()
        assert line.startswith(arguments[0]), line + process.stderr.read()
        yield process
    finally:
        process.kill()
        process.communicate()


def url(platform: Platform, service: str) -> str:
    return str(next(s["url"] for s in platform.status()["services"] if s["name"] == service)) + "/openapi.json"


def get(address: str) -> tuple[int, float, dict[str, Any]]:
    """Return status, seconds and document of an answer."""
    began = time.perf_counter()
    try:
        with urlopen(address, timeout=20) as response:
            body, status = response.read(), response.status
    except HTTPError as error:
        body, status = error.read(), error.code
    return status, time.perf_counter() - began, json.loads(body)


def is_quick(address: str) -> bool:
    status, seconds, _ = get(address)
    return status == 200 and seconds < QUICK_S


def stopped(pids: list[int]) -> list[bool]:
    """Return which processes are stopped; one that had just ended stays a zombie while its parent is stopped."""
    states = [psutil.Process(pid).status() for pid in pids]
    return [state == psutil.STATUS_STOPPED for state in states if state != psutil.STATUS_ZOMBIE]


def database_pids(platform: Platform) -> list[int]:
    pid = platform.pid("postgres")
    return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]


def test_a_service_that_was_rolled_takes_faults_as_before(platform: Platform) -> None:
    for _ in range(2):  # a successor, and what follows it under the first name
        rolled = platform.run("drain", "profile", "--restart")
        assert rolled.returncode == 0, rolled.stderr
        profile = url(platform, "profile")
        with drilling(platform, "latency", "profile", "--ms", str(DELAY_MS), "--for", "20"):
            assert get(profile)[1] >= DELAY_MS / 1000
        until(lambda at=profile: is_quick(at), "the end of the latency")  # type: ignore[misc]


def test_latency_is_undone_at_once_when_the_command_is_killed(platform: Platform) -> None:
    profile, mfa = url(platform, "profile"), url(platform, "mfa")
    get(profile)  # the document is made at the first request
    get(mfa)
    with drilling(platform, "latency", "profile", "--ms", str(DELAY_MS), "--for", "60s") as command:
        assert get(profile)[1] >= DELAY_MS / 1000
        until(lambda: is_quick(mfa), "an answer in time of a service that is not late")
        command.send_signal(signal.SIGKILL)
        until(lambda: is_quick(profile), "the end of the delay")


def test_a_rule_ends_in_the_service_itself_when_the_supervisor_cannot_take_it_back(platform: Platform) -> None:
    mfa, supervisor = url(platform, "mfa"), psutil.Process(platform.status()["pids"]["supervisor"])
    get(mfa)
    with drilling(platform, "latency", "mfa", "--ms", str(DELAY_MS), "--for", "2s"):
        assert get(mfa)[1] >= DELAY_MS / 1000
        supervisor.suspend()
        try:
            until(lambda: is_quick(mfa), "the end of the delay", 5.0)
        finally:
            supervisor.resume()
    until(lambda: platform.run("chaos", "latency", "mfa", "--users", "0", "--for", "100ms").returncode == 0, "its end")


def test_errors_are_enveloped_and_end_with_their_time(platform: Platform) -> None:
    session = url(platform, "session")
    get(session)
    with drilling(platform, "errors", "session", "--rate", "1", "--for", "1s") as command:
        status, _, document = get(session)
        assert (status, document["error"]) == (500, "INTERNAL")
        assert document["trace_id"]
        out, errors = command.communicate(timeout=20)
    assert command.returncode == 0, errors
    assert "0 lost" in out
    assert get(session)[0] == 200


def test_a_cut_link_is_silent_and_a_call_goes_through_once_it_is_mended(platform: Platform) -> None:
    gateway = platform.status()["gateway"]
    get(f"{gateway}/api/v1/audit/openapi.json")
    with drilling(platform, "cut", "gateway", "audit", "--for", "3s"):
        whole = f"{gateway}/api/v1/session/openapi.json"
        until(lambda: is_quick(whole), "an answer by a link that is not cut", 1.5)
        status, seconds, _ = get(f"{gateway}/api/v1/audit/openapi.json")
    assert (status, seconds > 0.5) == (200, True)


def test_a_stopped_service_goes_on_at_once_when_the_command_is_killed(platform: Platform) -> None:
    pid = platform.pid("notification")
    with drilling(platform, "stop", "notification", "--for", "60s") as command:
        until(lambda: all(stopped([pid])), "SIGSTOP")
        command.send_signal(signal.SIGKILL)
        until(lambda: not any(stopped([pid])), "SIGCONT")
    assert platform.pid("notification") == pid


def test_a_service_that_is_restarted_during_its_stop_is_not_left_hanging(platform: Platform) -> None:
    with drilling(platform, "stop", "notification", "--for", "60s") as command:
        assert platform.run("restart", "notification", timeout_s=20).returncode == 0
        assert command.wait(20) == 0


def test_a_killed_service_is_started_again(platform: Platform) -> None:
    before = platform.pid("profile")
    done = platform.run("chaos", "kill", "profile", "--users", "0", "--format", "json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["units"] == ["profile"]
    assert platform.run("wait", "profile", "--timeout", "10").returncode == 0
    assert platform.pid("profile") != before


def test_every_process_of_the_database_is_paused_and_goes_on(platform: Platform) -> None:
    pids = database_pids(platform)
    with drilling(platform, "pause-database", "--for", "1s") as command:
        until(lambda: all(stopped(pids)), "SIGSTOP of every process")
        _, errors = command.communicate(timeout=30)
    assert command.returncode == 0, errors
    assert not any(stopped(database_pids(platform)))


def test_a_full_disk_refuses_writes_serves_reads_and_is_undone(platform: Platform) -> None:
    write = ("db", "shell", "identity", "--write", "-c", "DELETE FROM users WHERE false")
    with drilling(platform, "disk-full", "--for", "60s") as command:
        until(lambda: "read-only" in platform.run(*write).stderr, "the refusal")
        assert platform.run("db", "shell", "identity", "-c", "SELECT 1").returncode == 0
        command.send_signal(signal.SIGKILL)
        until(lambda: platform.run(*write).returncode == 0, "a write")


def test_a_second_drill_is_refused_while_one_runs_and_names_it(platform: Platform) -> None:
    with drilling(platform, "latency", "mfa", "--for", "60s") as command:
        second = platform.run("chaos", "kill", "audit", "--users", "0")
        assert second.returncode == 2
        assert "latency mfa" in second.stderr
        command.send_signal(signal.SIGINT)
        assert command.wait(20) == 130
    assert platform.run("chaos", "latency", "mfa", "--users", "0", "--for", "100ms").returncode == 0


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("latency", "profil"), 2, "did you mean 'profile'"),
        (("latnecy", "profile"), 2, "did you mean 'latency'"),
        (("kill", "postgress"), 2, "did you mean 'postgres'"),
        (("stop", "postgres"), 2, "no service 'postgres'"),
        (("cut", "profile", "audit"), 2, "never call each other"),
        (("latency", "profile", "--for", "soon"), 2, "not a duration"),
        (("latency", "profile", "--for", "1000s"), 2, "out of range"),
        (("errors", "profile", "--rate", "2"), 2, "out of range"),
    ],
)
def test_bad_input_is_refused_before_anything_happens(
    platform: Platform, arguments: tuple[str, ...], code: int, said: str
) -> None:
    done = platform.run("chaos", *arguments)
    assert (done.returncode, said in done.stderr) == (code, True), done.stderr
    assert "next:" in done.stderr


def test_the_list_names_every_drill_and_how_it_ends(platform: Platform) -> None:
    listed = platform.json("chaos", "--list")["drills"]
    assert {drill["name"] for drill in listed} >= {"latency", "errors", "cut", "stop", "kill", "pause-database"}
    assert all(drill["undo"] for drill in listed)


def test_under_load_the_report_says_who_suffered_and_that_nothing_is_lost(platform: Platform) -> None:
    options = ("--for", "1s", "--users", "9", "--load", "18", "--format", "json")
    done = platform.run("chaos", "stop", "profile", *options)
    assert done.returncode == 0, done.stderr + done.stdout
    report = json.loads(done.stdout)
    capabilities = {each["name"]: each for each in report["capabilities"]}
    assert capabilities["profile.change"]["verdict"] in ("degraded", "failed")
    assert capabilities["mfa.factors"]["verdict"] == "answered"
    assert report["recovered"] is True
    assert report["messages"]["balanced"] is True
    assert report["messages"]["applied"] == report["messages"]["due"] > 0
    counts = report["requests"]
    assert counts["sent"] == counts["answered"] + counts["refused"] + counts["failed"] > 0


def test_when_the_supervisor_is_killed_what_was_frozen_goes_on_and_ends_and_a_start_has_no_fault() -> None:
    own = Platform(instance=f"chaos-own-{os.getpid()}")
    try:
        own.up("mfa")
        pids = database_pids(own)
        with drilling(own, "pause-database", "--for", "60s") as command:
            until(lambda: all(stopped(pids)), "SIGSTOP of every process")
            os.kill(own.status()["pids"]["supervisor"], signal.SIGKILL)
            assert command.wait(20) == 4
        until(lambda: not any(psutil.pid_exists(pid) for pid in pids), "the end of the database", 20)
        own.up("mfa")
        with drilling(own, "pause-database", "--for", "60s"):
            began = time.monotonic()
            assert own.run("down").returncode == 0
            assert time.monotonic() - began < 15, "the drill was not undone before the stop"
        refused = own.run("chaos", "kill", "mfa", "--users", "0")
        assert refused.returncode == 4
    finally:
        own.down()
