"""What goes wrong while a platform starts, runs and stops; the same for forked and spawned services."""

from __future__ import annotations

import os
import signal
import socket
from typing import TYPE_CHECKING

import pytest

from autional_cli import ports
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor import client
from autional_cli.supervisor.drained import must_be_complete
from autional_cli.supervisor.process import start_time
from tests.supervisor.harness import ENTRIES, OPTIONS, Harness, database, eventually, get, web

if TYPE_CHECKING:
    from pathlib import Path


def test_a_service_that_cannot_start_fails_with_its_last_words(harness: Harness) -> None:
    harness.define(web("gateway", calls=["identity"]), {"name": "identity", "entry": f"{ENTRIES}:crash"})
    with pytest.raises(AutionalError) as caught:
        harness.up()
    assert caught.value.exit_code == ExitCode.SERVICE_FAILED
    assert "the configuration is missing" in caught.value.message
    assert caught.value.hint == "autional why identity"
    found = harness.ask("why", service="gateway")
    assert found["cause"]["name"] == "identity"
    assert found["path"] == ["gateway", "identity"]
    assert found["exit"] == "exited with status 1"
    assert found["cause"]["restarts"] == 4
    assert any("the configuration is missing" in line for line in found["output"])
    assert harness.status()["state"] == "failed"
    with pytest.raises(AutionalError, match="identity failed"):
        harness.ask("wait", services=["identity"])


def test_a_service_that_never_reports_ready_is_stopped_and_explained(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:silent", "start_timeout_s": 0.3})
    with pytest.raises(AutionalError, match="did not report readiness within 0 s"):
        harness.up()


def test_up_times_out_with_the_names_of_what_is_late(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:silent"})
    with pytest.raises(AutionalError, match="identity") as caught:
        harness.up(timeout_s=0.5)
    assert caught.value.exit_code == ExitCode.WAIT_TIMED_OUT
    assert harness.status()["state"] == "starting"


def test_a_service_that_ignores_the_stop_signal_is_killed(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:stubborn", "stop_timeout_s": 0.3})
    harness.up()
    harness.down()
    assert harness.survivors() == []


def test_down_says_what_it_had_to_kill_when_its_time_is_up(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:stubborn", "stop_timeout_s": 30})
    harness.up()
    report = harness.down(timeout_s=0.3)["drain"]
    with pytest.raises(AutionalError, match="identity: did not stop in time and was killed") as caught:
        must_be_complete(report)
    assert caught.value.exit_code == ExitCode.DRAIN_INCOMPLETE
    eventually(lambda: not harness.survivors(), "everything to be gone")


def test_what_a_service_leaves_in_its_process_group_goes_with_it(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:with_grandchild"})
    harness.up()
    grandchild = int(harness.unit("identity")["status"])
    harness.seen[grandchild] = start_time(grandchild)
    harness.down()
    eventually(lambda: not harness.survivors(), "the grandchild to be gone")


def test_a_crash_restarts_that_service_alone(harness: Harness) -> None:
    one, two = web("identity"), web("session")
    harness.define(one, two)
    harness.up()
    before = harness.pids()
    os.kill(before["identity"], signal.SIGKILL)
    eventually(lambda: harness.unit("identity")["restarts"] == 1, "the restart", 5)
    harness.ask("wait", services=["identity"])
    assert get(one).split()[0] != str(before["identity"])
    assert harness.pids()["session"] == before["session"]
    found = harness.ask("why", service="identity")
    assert found["summary"].startswith(
        "identity is ready again; it was restarted once, last because it was killed by SIG"
    )
    assert found["unit"]["exit"] == {"code": None, "signal": 9}
    harness.remember()


def test_a_resource_that_crashes_comes_back(harness: Harness) -> None:
    db = database()
    harness.define(db, web("identity", needs=["db"]))
    harness.up()
    before = harness.pids()
    os.kill(before["db"], signal.SIGKILL)
    eventually(lambda: harness.unit("db")["restarts"] == 1, "the restart", 5)
    harness.ask("wait", services=["db"])
    assert harness.pids()["identity"] == before["identity"]
    harness.remember()


def test_a_failed_service_starts_again_when_asked(harness: Harness, tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    unit = web("identity") | {"entry": f"{ENTRIES}:crash_until_fixed", "env": {"BROKEN": str(tmp_path / "broken")}}
    harness.define(unit)
    with pytest.raises(AutionalError, match="still broken"):
        harness.up()
    (tmp_path / "broken").unlink()
    assert harness.up()["state"] == "ready"
    assert harness.unit("identity")["reason"] == ""


def test_a_task_that_fails_is_the_reason_for_what_needs_it(harness: Harness, tmp_path: Path) -> None:
    env = {"RAN": str(tmp_path / "ran"), "STATUS": "4"}
    task = {"name": "migrations", "task": True, "entry": f"{ENTRIES}:once", "env": env}
    harness.define(task, web("identity", needs=["migrations"]))
    with pytest.raises(AutionalError, match="migrations failed: exited with status 4"):
        harness.up()
    assert harness.ask("why", service="identity")["path"] == ["identity", "migrations"]


def test_a_taken_port_names_its_holder_and_leaves_nothing(harness: Harness) -> None:
    unit = web("identity")
    harness.define(unit)
    with socket.create_server(("127.0.0.1", unit["port"])), pytest.raises(AutionalError) as caught:
        harness.up()
    assert f"port {unit['port']}" in caught.value.message
    assert f"pid {os.getpid()}" in caught.value.message
    assert caught.value.exit_code == ExitCode.BACKEND_UNAVAILABLE
    eventually(lambda: not harness.is_running(), "the supervisor to end")
    assert harness.up()["state"] == "ready"


def test_a_resource_that_refuses_its_data_undoes_a_first_start(harness: Harness) -> None:
    one, two = database("cache"), database("db")
    harness.define(one, two, web("identity", needs=["db"]))
    (harness.instance.data_dir / "db").mkdir(parents=True)
    (harness.instance.data_dir / "db" / "foreign").touch()
    with pytest.raises(AutionalError, match="holds files of something else") as caught:
        harness.up()
    assert (caught.value.hint, caught.value.exit_code) == ("move them", ExitCode.BACKEND_UNAVAILABLE)
    eventually(lambda: not harness.is_running(), "the supervisor to end")
    assert ports.is_free(one["port"])
    assert [path.name for path in (harness.instance.data_dir / "db").iterdir()] == ["foreign"]


def test_a_broken_definition_is_reported_and_leaves_nothing(harness: Harness) -> None:
    harness.define(problem="stacks/full.yaml:3:1: unknown key")
    with pytest.raises(AutionalError, match=r"stacks/full.yaml:3:1") as caught:
        harness.up()
    assert caught.value.exit_code == ExitCode.CONFIGURATION
    eventually(lambda: not harness.is_running(), "the supervisor to end")


def test_cancelling_the_first_up_stops_everything(harness: Harness) -> None:
    harness.define(database(), {"name": "identity", "entry": f"{ENTRIES}:silent"})
    with client.attach_or_start(harness.instance, OPTIONS) as connection:
        connection.send(op="up", timeout=30)
        while connection.receive(10)["unit"] | {"pid": 1} != {"name": "db", "state": "ready"}:
            if "db" in harness.pids() and "identity" in harness.pids():
                break
        harness.remember()
        connection.send(op="cancel")
        while "event" in (message := connection.receive(20)):
            pass
    assert message["error"]["exit_code"] == ExitCode.INTERRUPTED
    eventually(lambda: not harness.survivors(), "everything to be gone")


def test_cancelling_a_later_up_stops_what_it_had_started(harness: Harness) -> None:
    harness.define(web("identity"), {"name": "session", "entry": f"{ENTRIES}:silent"})
    harness.up("identity")
    with client.require(harness.instance) as connection:
        connection.send(op="up", services=["session"], timeout=30)
        eventually(lambda: "session" in harness.pids(), "session to start")
        harness.remember()
        connection.send(op="cancel")
        while "event" in connection.receive(20):
            pass
    status = {s["name"]: s["state"] for s in harness.status()["services"]}
    assert status == {"identity": "ready", "session": "stopped"}


def test_the_platform_stays_when_the_client_vanishes(harness: Harness) -> None:
    harness.define(web("identity"))
    with client.attach_or_start(harness.instance, OPTIONS) as connection:
        connection.send(op="up", timeout=30)
    eventually(lambda: harness.is_running() and harness.status()["state"] == "ready", "the platform to be ready")
    harness.remember()


def test_a_closed_terminal_leaves_the_supervisor_alone(harness: Harness) -> None:
    unit = web("identity")
    harness.define(unit)
    harness.up()
    os.kill(harness.pids()["supervisor"], signal.SIGHUP)
    assert get(unit)
    assert harness.status()["state"] == "ready"


def test_names_that_do_not_run_are_refused(harness: Harness) -> None:
    harness.define(web("identity"))
    harness.up()
    for op, fields in (
        ("restart", {"services": ["ghost"]}),
        ("why", {"service": "ghost"}),
        ("wait", {"services": ["ghost"]}),
    ):
        with pytest.raises(AutionalError, match="ghost does not run"):
            harness.ask(op, **fields)


def test_why_is_answered_after_the_platform_is_gone(harness: Harness) -> None:
    from autional_cli.supervisor.last import recall

    harness.define({"name": "identity", "entry": f"{ENTRIES}:crash"})
    with pytest.raises(AutionalError):
        harness.up()
    harness.down()
    assert "identity is failed" in recall(harness.instance, "identity")["summary"]
    with pytest.raises(AutionalError, match="not running"):
        recall(harness.instance, "session")
