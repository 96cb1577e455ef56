"""The life of a platform in a test session: kept, shared with the next run, and gone however the session ends."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from autional_cli.instance import Instance
from autional_cli.pytest_plugin.memory import folder_of, has_room
from tests.guard import guarded
from tests.pytest_plugin.scratch import RUN_S, Scratch

pytestmark = pytest.mark.timeout(300)  # a busy machine may need longer for several platforms
NOTE_PID = """
from pathlib import Path

def test_it_runs(platform):
    pid = platform.control.status()["pids"]["supervisor"]
    with Path("pids").open("a") as file:
        file.write(f"{pid}\\n")
"""
CONTROL = """
def test_it_is_changed(platform):
    def profile():
        return next(each for each in platform.control.status()["services"] if each["name"] == "profile")

    before = profile()["replicas"][0]["pid"]
    platform.control.restart("profile")
    assert profile()["replicas"][0]["pid"] != before
    assert platform.control.drain("profile")["lost_requests"] == 0
    assert profile()["state"] == "stopped"
    platform.control.up("profile")
    platform.control.scale(profile=2)
    assert [each["state"] for each in profile()["replicas"]] == ["ready", "ready"]
"""
CRASHING = """
import os, signal, time
from pathlib import Path
import pytest

@pytest.mark.parametrize("number", range(6))
def test_one_of_these_kills_its_worker(platform, number):
    assert platform.control.status()["state"] == "ready"
    if number == 2:
        os.kill(os.getpid(), signal.SIGKILL)
"""
ASKING = """
def test_it_has_a_database(database):
    assert database("profile").rows("SELECT count(*) AS n FROM outbox") == [{"n": 0}]
"""
ENDLESS = """
import time
from pathlib import Path

def test_it_is_killed_meanwhile(platform):
    Path("running").touch()
    time.sleep(100)
"""


def test_a_kept_platform_stays_and_the_next_run_attaches_to_it(scratch: Scratch) -> None:
    scratch.write("test_it.py", NOTE_PID)
    first = scratch.run("--keep-platform")
    assert first.outcomes() == {"test_it_runs": "passed"}, first.output
    assert "platform kept: instance test-kept " in first.output
    try:
        second = scratch.run("--keep-platform")
        assert second.outcomes() == {"test_it_runs": "passed"}, second.output
        before, after = (scratch.folder / "pids").read_text().split()
        assert before == after
        scratch.write("test_more.py", CONTROL)
        third = scratch.run()  # one that keeps nothing has its own, and leaves the kept one alone
        assert third.outcomes() == {"test_it_runs": "passed", "test_it_is_changed": "passed"}, third.output
        assert (scratch.folder / "pids").read_text().split()[2] != before
        assert scratch.instances() == ["test-kept"]
    finally:
        down(scratch.workspace, "test-kept")


@pytest.mark.skipif(not has_room(), reason="no place in memory for databases here")
def test_a_kept_platform_gives_databases_after_the_machine_was_started_anew(scratch: Scratch) -> None:
    scratch.write("test_it.py", ASKING)
    try:
        first = scratch.run("--keep-platform")
        assert first.outcomes() == {"test_it_has_a_database": "passed"}, first.output
        place = folder_of(Instance.open(scratch.workspace, "test-kept"))
        assert list(place.glob("PG_*"))
        shutil.rmtree(place)  # what a restart does to memory
        again = scratch.run("--keep-platform")
        assert again.outcomes() == {"test_it_has_a_database": "passed"}, again.output
        assert list(place.glob("PG_*"))
    finally:
        down(scratch.workspace, "test-kept")
    assert not place.exists()


def test_a_worker_that_is_killed_leaves_nothing_behind_and_the_others_go_on(scratch: Scratch) -> None:
    scratch.write("test_it.py", CRASHING)
    run = scratch.run("-n", "2")
    assert "crashed while running" in run.output
    ended = run.outcomes()
    assert sum(outcome == "passed" for outcome in ended.values()) == 5, run.output
    scratch.wait_clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
def test_a_session_that_is_killed_leaves_nothing_behind(scratch: Scratch, number: signal.Signals) -> None:
    scratch.write("test_it.py", ENDLESS)
    with scratch.start() as process:
        try:
            wait_for(scratch.folder / "running", process)
            assert len(scratch.instances()) == 1
            process.send_signal(number)
            process.wait(RUN_S)
        finally:
            process.kill()
    scratch.wait_clear()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=lambda n: n.name)
def test_the_command_that_is_killed_takes_its_pytest_along(scratch: Scratch, number: signal.Signals) -> None:
    scratch.write("test_it.py", ENDLESS)
    words, keep = guarded([sys.executable, "-m", "autional_cli", "test", "--", "-p", "no:cacheprovider"])
    given = {key: value for key, value in os.environ.items() if not key.startswith(("AUTIONAL_", "PYTEST_"))}
    given["AUTIONAL_WORKSPACE"] = str(scratch.workspace)
    with (scratch.folder / "output").open("wb") as output:
        process = subprocess.Popen(
            words, cwd=scratch.folder, env=given, pass_fds=keep, stdout=output, stderr=output, start_new_session=True
        )
    try:
        deadline = time.monotonic() + RUN_S
        while not (scratch.folder / "running").exists():
            assert process.poll() is None, (scratch.folder / "output").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        family = psutil.Process(process.pid).children(recursive=True)
        process.send_signal(number)
        process.wait(RUN_S)
        _, alive = psutil.wait_procs(family, 60)
        assert alive == []
    finally:
        process.kill()
        process.wait(RUN_S)
    scratch.wait_clear()


def test_a_platform_that_does_not_start_is_an_error_that_says_why_without_a_traceback(scratch: Scratch) -> None:
    broken = scratch.workspace / "stacks" / "broken.yaml"
    broken.write_text(
        "version: 1\ndriver: embedded\nservices:\n  profile: {env: {AUTIONAL_TRUST_FILE: /nowhere}}\n", encoding="utf-8"
    )
    scratch.write("test_it.py", NOTE_PID + "\n\ndef test_another(platform):\n    pass\n")
    run = scratch.run("--platform-stack", "broken")
    assert run.outcomes() == {"test_it_runs": "error", "test_another": "error"}, run.output
    said = run.failure("test_it_runs")
    assert "the platform did not start: profile failed" in said
    assert "/nowhere" in said
    assert "next: autional" in said
    assert "running.py" not in run.output


def wait_for(path: Path, process: subprocess.Popen[str]) -> None:
    """Return once a file is there; fails past a deadline."""
    deadline = time.monotonic() + RUN_S
    while not path.exists():
        assert process.poll() is None, process.stdout.read() if process.stdout else ""
        assert time.monotonic() < deadline
        time.sleep(0.05)


def down(workspace: Path, instance: str) -> None:
    """End a kept platform as its summary says."""
    command = [sys.executable, "-m", "autional_cli", "down", "--volumes", "--instance", instance]
    done = subprocess.run(command, cwd=workspace, capture_output=True, text=True, timeout=RUN_S, check=False)
    assert done.returncode == 0, done.stderr
    shutil.rmtree(workspace / ".autional" / instance)
