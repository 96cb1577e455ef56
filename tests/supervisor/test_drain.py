"""Draining and rolling units, and what is refused."""

from __future__ import annotations

import threading
import time
import urllib.error
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.supervisor import client
from autional_cli.supervisor.drained import complaints, must_be_complete, remarks
from tests.supervisor.harness import ENTRIES, Harness, database, eventually, get, web

if TYPE_CHECKING:
    from collections.abc import Callable


once = pytest.mark.parametrize("method", ["fork"])  # where it cannot matter how a process is born


class Aside:
    """A request that goes on in a thread; `result` or `failure` is there when it has ended."""

    def __init__(self, work: Callable[[], dict[str, Any]]) -> None:
        self.result: dict[str, Any] = {}
        self.failure: AutionalError | None = None
        self._work = work
        self._thread = threading.Thread(target=self._run)
        self._thread.start()

    def _run(self) -> None:
        try:
            self.result = self._work()
        except AutionalError as failure:
            self.failure = failure

    def join(self) -> dict[str, Any]:
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self.result


def lingering(name: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "entry": f"{ENTRIES}:lingering", "stop_timeout_s": 20.0, **more}


def hurried(name: str, **more: Any) -> dict[str, Any]:
    return lingering(name, port=web(name)["port"], hands_over=True, **more)


@once
def test_a_drained_service_stays_stopped_until_up_brings_it_back(harness: Harness) -> None:
    harness.define(database(), web("gateway", calls=["identity"]), web("identity", needs=["db"]))
    harness.up()
    gateway = harness.pids()["gateway"]
    report = harness.ask("drain", services=["identity"])
    assert [(s["name"], s["exit"], s["killed"]) for s in report["services"]] == [
        ("identity", "exited with status 0", False)
    ]
    assert harness.unit("identity")["state"] == "stopped"
    assert harness.ask("why", service="identity")["next"] == "autional up identity"
    assert harness.unit("db")["state"] == "ready"
    again = harness.ask("drain", services=["identity"])
    assert again["services"][0]["exit"] == "was not running"
    assert harness.up()["state"] == "ready"
    assert harness.pids()["gateway"] == gateway
    harness.ask("drain", services=["identity"])
    assert harness.ask("restart", services=["identity"])["state"] == "ready"


@once
def test_everything_is_drained_callers_before_callees_and_resources_stay(harness: Harness, tmp_path: Path) -> None:
    journal = {"STOP_JOURNAL": str(tmp_path / "stops")}
    units = (
        web("session", env=journal),
        web("identity", calls=["session"], env=journal),
        web("gateway", calls=["identity", "session"], env=journal),
    )
    harness.define(database(), *units)
    harness.up()
    report = harness.ask("drain", services=[])
    order = ["gateway", "identity", "session"]
    assert (tmp_path / "stops").read_text().split() == order
    assert [service["name"] for service in report["services"]] == order
    assert harness.unit("db")["state"] == "ready"
    harness.up()
    rolled = harness.ask("restart", services=[])
    assert [service["name"] for service in rolled["drain"]["services"]] == order
    stopped = harness.down()
    assert [service["name"] for service in stopped["drain"]["services"]] == order
    must_be_complete(stopped["drain"])


def test_a_roll_hands_the_port_over_and_somebody_always_answers(harness: Harness) -> None:
    unit = web("identity", hands_over=True)
    harness.define(unit)
    harness.up()
    failures: list[str] = []
    answered: list[str] = []
    stop = threading.Event()

    def ask_for_ever() -> None:
        while not stop.is_set():
            try:
                answered.append(get(unit).split()[0])
            except (urllib.error.URLError, OSError) as error:
                failures.append(repr(error))

    asking = threading.Thread(target=ask_for_ever)
    asking.start()
    pids = [harness.pids()["identity"]]
    for successor in ("1", "", "1"):
        report = harness.ask("drain", services=["identity"], restart=True)
        assert report["restarted"]
        assert get(unit, "/env/SUCCESSOR") == successor  # it takes turns, so that no name is used twice at a time
        harness.remember()
        pids.append(harness.pids()["identity"])
    stop.set()
    asking.join(10)
    assert failures == []
    assert len(set(pids)) == 4
    assert set(map(str, pids)) <= set(answered)
    assert harness.unit("identity")["restarts"] == 0
    assert len(list(harness.instance.run_dir.glob("notify-*"))) == 1


@once
@pytest.mark.skipif(not Path("/proc/self/autogroup").exists(), reason="this kernel schedules no autogroups")
def test_a_successor_yields_to_who_serves_until_it_serves_itself(harness: Harness) -> None:
    unit = web("identity", entry=f"{ENTRIES}:yielding", hands_over=True)
    harness.define(unit, web("later", background=True))
    harness.up()
    assert get(unit, "/share") == "0"
    harness.ask("drain", services=["identity"], restart=True)
    assert get(unit, "/env/SUCCESSOR") == "1"
    assert get(unit, "/share") == "0"
    later = Path(f"/proc/{harness.pids()['later']}/autogroup")
    eventually(lambda: later.read_text().split()[-1] == "10", "a service in the background to yield for good")


@once
def test_a_successor_that_cannot_start_leaves_the_old_process_serving(harness: Harness, tmp_path: Path) -> None:
    broken = tmp_path / "broken"
    unit = web("identity", entry=f"{ENTRIES}:crash_until_fixed", env={"BROKEN": str(broken)}, hands_over=True)
    harness.define(unit)
    harness.up()
    pid = harness.pids()["identity"]
    broken.touch()
    with pytest.raises(AutionalError, match="its old process serves on") as caught:
        harness.ask("drain", services=["identity"], restart=True)
    assert caught.value.exit_code == ExitCode.SERVICE_FAILED
    assert "still broken" in caught.value.message
    assert get(unit).split()[0] == str(pid)
    broken.unlink()
    harness.ask("drain", services=["identity"], restart=True)
    assert harness.pids()["identity"] != pid


def test_after_a_crash_the_port_is_free_again_and_the_service_comes_back(harness: Harness) -> None:
    unit = web("identity", hands_over=True)
    harness.define(unit)
    harness.up()
    harness.ask("drain", services=["identity"], restart=True)
    pid = harness.pids()["identity"]
    with pytest.raises((urllib.error.URLError, OSError)):
        get(unit, "/die")
    eventually(lambda: harness.pids().get("identity") not in (pid, None), "a new process")
    eventually(lambda: harness.unit("identity")["state"] == "ready", "it to be ready")
    assert get(unit).split()[0] == str(harness.pids()["identity"])


def test_what_is_not_done_at_the_deadline_is_cut_off_and_named(harness: Harness) -> None:
    harness.define(hurried("identity"))
    harness.up()
    began = time.monotonic()
    report = harness.ask("drain", services=["identity"], timeout_s=0.3)
    assert time.monotonic() - began < 15  # not the half minute that a service has otherwise
    (service,) = report["services"]
    assert (service["in_flight"], service["aborted"], service["unacked"], service["killed"]) == (1, 1, 2, False)
    assert report["lost_requests"] == 1
    assert complaints(report) == ["identity: lost request GET / (trace t)"]
    assert len(remarks(report)) == 2
    with pytest.raises(AutionalError, match="trace t") as caught:
        must_be_complete(report)
    assert caught.value.exit_code == ExitCode.DRAIN_INCOMPLETE


@once
def test_no_time_at_all_cuts_off_at_once(harness: Harness) -> None:
    harness.define(hurried("identity"))
    harness.up()
    report = harness.ask("drain", services=["identity"], timeout_s=0)
    assert report["services"][0]["aborted"] <= 1
    assert report["elapsed_ms"] < 15_000  # not the half minute that a service has otherwise


@once
def test_a_service_that_ignores_the_signal_is_killed_and_what_it_had_counts_as_lost(harness: Harness) -> None:
    stubborn = {"name": "session", "entry": f"{ENTRIES}:stubborn", "stop_timeout_s": 0.3}
    harness.define(hurried("identity", env={"DEAF": "1"}), stubborn)
    harness.up()
    report = harness.ask("drain", services=[], timeout_s=0.3)
    services = {service["name"]: service for service in report["services"]}
    assert services["session"]["killed"]
    assert not services["session"]["steps"][0]["ok"]
    assert (services["identity"]["killed"], services["identity"]["aborted"]) == (True, 1)
    with pytest.raises(AutionalError, match="session: did not stop in time and was killed"):
        must_be_complete(report)


@once
def test_who_asks_for_the_same_drain_attaches_and_another_one_is_refused(harness: Harness) -> None:
    harness.define(hurried("identity"), web("session"))
    harness.up()
    first = Aside(lambda: harness.ask("drain", services=["identity"], timeout_s=3))
    eventually(lambda: harness.unit("identity")["state"] == "draining", "the drain to begin")
    second = Aside(lambda: harness.ask("drain", services=["identity"], timeout_s=3))
    with pytest.raises(AutionalError, match="identity is being drained") as caught:
        harness.ask("drain", services=["session"])
    assert caught.value.exit_code == ExitCode.USAGE
    assert {**first.join(), "attached": True} == second.join()
    assert harness.unit("session")["state"] == "ready"


@once
def test_an_up_that_waits_is_told_when_a_service_is_drained_meanwhile(harness: Harness) -> None:
    harness.define({"name": "identity", "entry": f"{ENTRIES}:silent"}, web("session"))
    up = Aside(lambda: harness.up(timeout_s=20))
    eventually(harness.is_running, "the supervisor")
    eventually(lambda: "identity" in harness.pids(), "identity to be starting")
    harness.remember()
    harness.ask("drain", services=["identity"])
    up.join()
    assert up.failure is not None
    assert up.failure.exit_code == ExitCode.SERVICE_FAILED
    assert "identity was drained meanwhile" in up.failure.message


@once
def test_what_cannot_be_drained_is_a_usage_error(harness: Harness) -> None:
    harness.define(web("identity", needs=["db"]), database())
    harness.up()
    with pytest.raises(AutionalError, match="did you mean 'identity'") as unknown:
        harness.ask("drain", services=["identiti"])
    with pytest.raises(AutionalError, match="db is no service") as resource:
        harness.ask("drain", services=["db"])
    assert unknown.value.exit_code == resource.value.exit_code == ExitCode.USAGE
    assert harness.ask("drain", services=["identity-0"])["services"][0]["name"] == "identity"


@once
def test_a_client_that_leaves_does_not_stop_the_drain(harness: Harness) -> None:
    harness.define(hurried("identity"))
    harness.up()
    with client.require(harness.instance) as connection:
        connection.send(op="drain", services=["identity"], timeout=0.5)
        connection.receive(5)
    eventually(lambda: harness.unit("identity")["state"] == "stopped", "the drain to be finished")
