"""A platform from `up` to `down`, the same for forked and spawned services."""

from __future__ import annotations

import json
import os
import signal
import threading
import time
import urllib.error
from typing import TYPE_CHECKING

import pytest

from autional_cli import ports
from autional_cli.supervisor import client
from tests.supervisor.harness import ENTRIES, OPTIONS, Harness, database, eventually, get, web

if TYPE_CHECKING:
    from pathlib import Path


def test_up_serves_and_down_leaves_nothing(harness: Harness) -> None:
    gateway, identity = web("gateway", calls=["identity"], needs=["db"]), web("identity", needs=["db"])
    db = database()
    harness.define(db, gateway, identity)
    result = harness.up()
    assert result["state"] == "ready"
    assert result["gateway"] == f"http://127.0.0.1:{gateway['port']}"
    assert {s["name"]: s["state"] for s in result["services"]} == {"gateway": "ready", "identity": "ready"}
    assert result["resources"][0] | {"pid": 0, "since": 0} == {
        "name": "db", "driver": "embedded", "version": "1", "state": "ready", "pid": 0, "restarts": 0, "since": 0,
        "url": f"http://autional:***@127.0.0.1:{db['port']}", "status": "", "reason": "",
    }  # fmt: skip
    assert [step["step"] for step in result["timings"] if step["critical"]][-1].endswith(".start")
    pid, session, group, *_ = get(identity).split()
    assert pid == session == group
    stopped = harness.down()
    assert stopped["state"] == "stopped"
    assert harness.survivors() == []
    assert all(ports.is_free(unit["port"]) for unit in (gateway, identity, db))
    assert not (harness.instance.run_dir / "control.sock").exists()
    assert list(harness.instance.run_dir.glob("notify-*")) == []
    assert (harness.instance.home / "source-closed").exists()


def test_a_child_has_its_own_environment_only(harness: Harness, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A_SECRET_OF_THE_SHELL", "x")
    unit = web("identity", env={"GREETING": "hello"})
    harness.define(unit)
    harness.up()
    assert get(unit, "/env/GREETING") == "hello"
    assert get(unit, "/env/A_SECRET_OF_THE_SHELL") == ""
    assert get(unit, "/env/PATH") == os.environ["PATH"]


def test_a_second_up_attaches_and_adds(harness: Harness) -> None:
    one, two = web("identity"), web("session")
    harness.define(one, two)
    first = harness.up("identity")
    assert [s["name"] for s in first["services"]] == ["identity"]
    before = harness.pids()
    second = harness.up("session")
    assert second["started"] == ["session"]
    assert {s["name"] for s in second["services"]} == {"identity", "session"}
    assert harness.pids()["identity"] == before["identity"]
    assert harness.up()["started"] == []


def test_of_two_ups_at_once_one_wins_and_the_other_attaches(harness: Harness) -> None:
    harness.define(web("identity"))
    results: list[dict[str, object]] = []
    threads = [threading.Thread(target=lambda: results.append(harness.up())) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [result["state"] for result in results] == ["ready"] * 3
    assert sorted(len(result["started"]) for result in results) == [0, 0, 1]  # type: ignore[arg-type]
    assert len({json.dumps(result["services"]) for result in results}) == 1


def test_a_service_waits_for_what_it_needs(harness: Harness) -> None:
    harness.define(web("identity", needs=["session"]), web("session"))
    harness.up()
    log = (harness.instance.logs_dir / "supervisor.jsonl").read_text().splitlines()
    events = [json.loads(line)["event"] for line in log]
    assert events.index("session is ready") < events.index("identity is starting")


def test_up_without_waiting_returns_at_once(harness: Harness) -> None:
    harness.define(web("identity"))
    assert harness.up(wait=False)["state"] in ("starting", "ready")
    assert harness.ask("wait", services=["identity"], timeout_s=10)["state"] == "ready"


def test_services_stop_before_what_they_call_and_resources_last(harness: Harness, tmp_path: Path) -> None:
    env = {"STOP_JOURNAL": str(tmp_path / "stops")}
    names = ("session", "identity", "gateway")
    harness.define(
        web("session", env=env), web("identity", env=env, calls=["session"]), web("gateway", env=env, needs=["db"]),
        database(),
    )  # fmt: skip
    harness.up()
    harness.down()
    assert (tmp_path / "stops").read_text().split() == list(reversed(names))


def test_restart_replaces_the_process(harness: Harness) -> None:
    harness.define(web("identity"), web("session"))
    harness.up()
    before = harness.pids()
    harness.ask("restart", services=["identity"])
    after = harness.pids()
    assert (before["identity"] != after["identity"], before["session"] == after["session"]) == (True, True)
    assert harness.unit("identity")["restarts"] == 0
    harness.remember()


def test_a_task_runs_once_and_what_needs_it_waits(harness: Harness, tmp_path: Path) -> None:
    task = {"name": "migrations", "task": True, "entry": f"{ENTRIES}:once", "env": {"RAN": str(tmp_path / "ran")}}
    db = database()
    harness.define(db, task | {"needs": ["db"], "pause": "db"}, web("identity", needs=["migrations"]))
    harness.up()
    assert (harness.instance.data_dir / ".migrations.saved").exists()
    harness.down()
    harness.up()
    assert (tmp_path / "ran").read_text() == "ran\n"


def test_a_supervisor_that_is_asked_to_stop_stops_the_platform(harness: Harness) -> None:
    harness.define(web("identity"))
    harness.up()
    os.kill(harness.pids()["supervisor"], signal.SIGTERM)
    eventually(lambda: not harness.survivors(), "everything to be gone")


def test_data_is_kept_unless_its_removal_is_asked_for(harness: Harness) -> None:
    harness.define(database())
    harness.up()
    harness.down()
    assert (harness.instance.data_dir / "db" / "provisioned").exists()
    harness.up()
    assert harness.down(volumes=True)["volumes_removed"]
    assert not (harness.instance.data_dir / "db" / "provisioned").exists()


def test_down_during_up_ends_both_at_once(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:silent"})
    with client.attach_or_start(harness.instance, OPTIONS) as connection:
        connection.send(op="up", timeout=60)
        eventually(lambda: harness.is_running() and "identity" in harness.pids(), "identity to start")
        began = time.monotonic()
        harness.remember()
        harness.down()
        while "event" in (message := connection.receive(5)):
            pass
    assert "stopped meanwhile" in message["error"]["message"]
    assert time.monotonic() - began < 30  # not the minute that `up` would have waited


def test_a_follower_does_not_hold_up_the_end(harness: Harness) -> None:
    harness.define(web("identity"))
    harness.up()
    with client.require(harness.instance) as connection:
        connection.send(op="follow")
        connection.receive(5)
        harness.down()
        while "event" in (message := connection.receive(5)):
            pass
    assert message == {"result": {}}


def test_nothing_answers_on_the_ports_after_down(harness: Harness) -> None:
    unit = web("identity")
    harness.define(unit)
    harness.up()
    harness.down()
    with pytest.raises(urllib.error.URLError):
        get(unit)
