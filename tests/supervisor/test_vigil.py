"""What every view says of a unit after READY is true: frozen, silent, unable to write; and nothing is killed for it."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.drivers.base import WATCHDOG_S
from autional_cli.errors import AutionalError, ExitCode
from tests.supervisor.harness import ENTRIES, Harness, database, web

if TYPE_CHECKING:
    from collections.abc import Callable

WAIT_S = 30.0
fork_only = pytest.mark.parametrize("method", ["fork"], indirect=True)


def until(done: Callable[[], Any], what: str) -> Any:
    """Look until `done`; what is watched from outside sends no event."""
    deadline = time.monotonic() + WAIT_S
    while not (found := done()):
        assert time.monotonic() < deadline, what
        time.sleep(0.05)
    return found


def is_(harness: Harness, name: str, state: str) -> bool:
    return str(harness.unit(name)["state"]) == state


def test_what_is_frozen_is_shown_as_such_and_is_ready_again_with_the_same_process(harness: Harness) -> None:
    db, page = database(), web("page", needs=["db"])
    harness.define(db, page)
    harness.up()
    pids = harness.pids()
    for name in ("db", "page"):
        os.kill(pids[name], signal.SIGSTOP)
        until(lambda name=name: is_(harness, name, "unhealthy"), f"{name} is unhealthy")  # type: ignore[misc]
        told = harness.ask("why", service="page")
        assert told["cause"]["name"] == name
        assert "stopped by a signal" in told["summary"]
        assert told["next"] == f"kill -CONT {pids[name]}"
        assert harness.status()["state"] == "unhealthy"
        os.kill(pids[name], signal.SIGCONT)
        until(lambda name=name: is_(harness, name, "ready"), f"{name} is ready again")  # type: ignore[misc]
        assert harness.unit(name)["reason"] == ""
    assert harness.pids() == pids
    assert harness.status()["state"] == "ready"


def test_a_service_that_stands_on_what_is_frozen_says_so_in_its_row(harness: Harness) -> None:
    harness.define(database(), web("page", needs=["db"]))
    harness.up()
    os.kill(harness.pids()["db"], signal.SIGSTOP)
    until(lambda: is_(harness, "db", "unhealthy"), "db is unhealthy")
    replica = harness.status()["services"][0]["replicas"][0]
    assert (replica["state"], replica["lacks"]) == ("ready", ["db is unhealthy"])
    os.kill(harness.pids()["db"], signal.SIGCONT)


@fork_only
def test_a_process_that_stops_to_say_that_it_is_alive_is_unhealthy_and_lives_on(harness: Harness) -> None:
    mute = harness.root / "mute"
    harness.define({"name": "page", "entry": f"{ENTRIES}:breathing", "env": {"MUTE": str(mute)}}, web("plain"))
    harness.up()
    pid = harness.pids()["page"]
    mute.touch()
    silent_since = time.monotonic()
    until(lambda: is_(harness, "page", "unhealthy"), "page is unhealthy")
    assert time.monotonic() - silent_since >= WATCHDOG_S - 1
    assert "no sign of life" in harness.unit("page")["reason"]
    assert is_(harness, "plain", "ready")  # it never promised a sign of life
    mute.unlink()
    until(lambda: is_(harness, "page", "ready"), "page is ready again")
    assert harness.pids()["page"] == pid


@fork_only
def test_a_sleep_of_everything_blames_and_kills_nobody(harness: Harness) -> None:
    mute = harness.root / "mute"
    page = {"name": "page", "entry": f"{ENTRIES}:breathing", "env": {"MUTE": str(mute)}}
    harness.define(database(), web("plain", needs=["db"]), page)
    harness.up()
    pids = harness.pids()
    for pid in pids.values():
        os.kill(pid, signal.SIGSTOP)
    time.sleep(WATCHDOG_S + 2)  # what is tested is a sleep of this length
    for name in sorted(pids, key="supervisor".__ne__):  # it wakes first and sees the others as they were
        os.kill(pids[name], signal.SIGCONT)
    until(lambda: harness.status()["state"] == "ready", "all is ready")
    assert harness.pids() == pids
    said = (harness.instance.logs_dir / "supervisor.jsonl").read_text()
    assert "no sign of life" not in said
    assert "not answered" not in said


def test_what_is_frozen_is_stopped_in_order(harness: Harness) -> None:
    page = web("page", stop_timeout_s=20.0)
    harness.define(page)
    harness.up()
    os.kill(harness.pids()["page"], signal.SIGSTOP)
    began = time.monotonic()
    harness.down()
    assert time.monotonic() - began < 15  # it was not waited for in vain


def test_a_frozen_supervisor_is_named_at_once(harness: Harness) -> None:
    harness.define(web("page"))
    harness.up()
    pid = harness.pids()["supervisor"]
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with pytest.raises(AutionalError) as caught:
            until(lambda: harness.status() and False, "the stop is seen")
        assert time.monotonic() - began < 10
    finally:
        os.kill(pid, signal.SIGCONT)
    assert str(pid) in caught.value.message
    assert (caught.value.hint, caught.value.exit_code) == (f"kill -CONT {pid}", ExitCode.BACKEND_UNAVAILABLE)
