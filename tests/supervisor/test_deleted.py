"""What is deleted in the folder of a running instance comes back, or the person is told what to run."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import signal
import time
from typing import TYPE_CHECKING

import pytest

from autional_cli import secrets
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor import client, last
from autional_cli.supervisor.process import is_alive, start_time
from autional_cli.supervisor.volumes import LOCK, acquire
from tests.supervisor.harness import ENTRIES, Harness, database, web
from tests.supervisor.test_vigil import fork_only, until

if TYPE_CHECKING:
    from pathlib import Path


def is_locked(path: Path) -> bool:
    """Whether somebody else holds the lock on a file."""
    with path.open("r+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False


def test_a_deleted_run_folder_comes_back_with_everything_that_is_said_through_it(harness: Harness) -> None:
    journal = harness.root / "stopped"
    harness.define(database(), web("page", needs=["db"], env={"STOP_JOURNAL": str(journal)}))
    harness.up()
    pids = harness.pids()
    shutil.rmtree(harness.instance.run_dir)
    assert harness.status()["state"] == "ready"  # whoever asks at once waits for it
    until(lambda: (harness.instance.run_dir / "notify-page.sock").exists(), "the socket of the service is back")
    harness.up()
    assert harness.pids() == pids
    harness.down()
    assert journal.read_text() == "page\n"


@pytest.mark.parametrize("kind", ["file", "folder"])
@fork_only
def test_what_was_put_in_the_place_of_the_control_socket_makes_way(harness: Harness, kind: str) -> None:
    harness.define(web("page"))
    harness.up()
    path = harness.instance.run_dir / "control.sock"
    path.unlink()
    if kind == "file":
        path.write_text("not a socket")
    else:
        path.mkdir()
    assert harness.status()["state"] == "ready"


@fork_only
def test_a_supervisor_that_does_not_listen_is_named_with_the_command_that_stops_it(harness: Harness) -> None:
    harness.instance.create()
    lock = acquire(harness.instance.home)  # as a supervisor that is stuck before it listens
    assert lock is not None
    began = time.monotonic()
    assert client.connect(harness.instance) is None
    failure = client.unreachable(harness.instance, "did not answer")
    assert time.monotonic() - began < 10
    assert f"(pid {os.getpid()})" in failure.message
    assert f"kill {os.getpid()}" in str(failure.hint)
    os.close(lock)


@fork_only
def test_the_guardian_keeps_a_lock_that_the_next_supervisor_sees(harness: Harness) -> None:
    harness.define({"name": "page", "entry": f"{ENTRIES}:lingering"})
    harness.up()
    before = harness.pids()["guardian"]
    lock = harness.instance.home / "guardian.lock"
    until(lambda: is_locked(lock), "the guardian has its lock")
    lock.unlink()
    until(lambda: harness.pids().get("guardian", before) != before, "another guardian is there")
    until(lambda: lock.exists() and is_locked(lock), "it has a lock that others see")
    everyone = dict(harness.remember())
    os.kill(harness.pids()["supervisor"], signal.SIGKILL)
    until(lambda: not [pid for pid, started in everyone.items() if is_alive(pid, started)], "everything has ended")


@fork_only
def test_notes_and_secrets_come_back_as_they_were(harness: Harness) -> None:
    harness.define(web("page"))
    instance = harness.instance
    instance.create()
    known = secrets.ensure(instance, ["page"])
    instance.remember(block=11000, stack="small")
    harness.up()
    time.sleep(1)  # the supervisor reads twice a second what it is to keep
    instance.secrets_file.unlink()
    instance.state_file.write_text("garbage")
    until(lambda: secrets.read(instance) == known, "the secrets are back")
    until(lambda: instance.recall().get("stack") == "small", "the notes are back")
    assert instance.secrets_file.stat().st_mode & 0o777 == 0o600


@fork_only
def test_after_kill_of_the_supervisor_why_says_so_and_what_to_run(harness: Harness) -> None:
    harness.define(web("page"))
    harness.up()
    pid, everyone = harness.pids()["supervisor"], dict(harness.remember())
    assert last.killed(harness.instance) == ""
    os.kill(pid, signal.SIGKILL)
    until(lambda: not [p for p, started in everyone.items() if is_alive(p, started)], "everything has ended")
    with pytest.raises(AutionalError) as caught:
        last.recall(harness.instance, "page")
    assert f"supervisor (pid {pid}) was killed" in caught.value.message
    assert "nothing of it is left running" in caught.value.message
    assert (caught.value.hint, caught.value.exit_code) == ("autional up", ExitCode.BACKEND_UNAVAILABLE)
    harness.up()
    assert last.killed(harness.instance) == ""
    harness.down()
    assert last.killed(harness.instance) == ""  # it was stopped in order


@fork_only
def test_a_removed_lock_stops_the_platform_and_why_says_so(harness: Harness) -> None:
    harness.define(web("page"))
    harness.up()
    pid = harness.pids()["supervisor"]
    started = start_time(pid)
    (harness.instance.home / LOCK).unlink()
    until(lambda: not is_alive(pid, started), "the supervisor has stopped")
    assert "the lock in it, was removed" in last.killed(harness.instance)


def test_secrets_that_are_gone_while_their_data_is_there_are_not_replaced(tmp_path: Path) -> None:
    instance = Harness(tmp_path, "fork").instance
    instance.create()
    secrets.refuse_lost(instance)
    data = instance.data_dir / "postgres"
    data.mkdir()
    (data / "autional.json").write_text(json.dumps({"format": "postgresql-18"}))
    with pytest.raises(AutionalError) as caught:
        secrets.refuse_lost(instance)
    assert caught.value.exit_code is ExitCode.CONFIGURATION
    assert "autional down --volumes" in str(caught.value.hint)
    secrets.ensure(instance, ["identity"])
    secrets.refuse_lost(instance)
    instance.discard_run_dir()
