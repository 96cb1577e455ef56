"""More and fewer replicas, and what is refused, as a person types it; on a small workspace."""

from __future__ import annotations

import json
import socket
from typing import TYPE_CHECKING, Any

import pytest

from autional_cli.block import EXTRA_OFFSETS
from autional_cli.errors import ExitCode
from tests.supervisor.harness import eventually, get
from tests.supervisor.test_commands import Cli, cli, workspace

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["cli", "workspace"]  # fixtures


@pytest.fixture
def running(cli: Cli) -> Iterator[Cli]:
    cli("up")
    yield cli


def replicas(cli: Cli, service: str = "alpha") -> dict[str, dict[str, Any]]:
    listed = next(found for found in cli.json("ps")["services"] if found["name"] == service)
    return {replica["name"]: replica for replica in listed["replicas"]}


def port(replica: dict[str, Any]) -> dict[str, Any]:
    return {"port": replica["url"].rpartition(":")[2]}


def test_replicas_are_started_shown_kept_through_edits_and_drained(running: Cli) -> None:
    told = running("scale", "alpha=3")
    assert "until `autional down`" in told.stdout
    before = replicas(running)
    assert list(before) == ["alpha", "alpha-1", "alpha-2"]
    assert len({replica["url"] for replica in before.values()}) == 3
    for replica in before.values():
        assert get(port(replica), "/env/AUTIONAL_SERVICE") == "alpha"
    assert get(port(before["alpha-2"]), "/env/AUTIONAL_REPLICA") == "alpha-2"
    assert "alpha-2 is ready" in running("why", "alpha-2").stdout
    assert before["alpha-2"]["url"] in running("ps").stdout

    edited = running.workspace / "services" / "alpha" / "service.py"
    edited.write_text(edited.read_text() + "\n# edited\n")
    eventually(lambda: all_new(before, replicas(running)), "every replica to be a new process")
    running("up")
    assert list(replicas(running)) == ["alpha", "alpha-1", "alpha-2"]

    report = running.json("scale", "alpha=1")
    assert [service["name"] for service in report["drain"]["services"]] == ["alpha-2", "alpha-1"]  # newest first
    assert list(replicas(running)) == ["alpha"]
    assert running("why", "alpha-2", exit_code=ExitCode.USAGE).stderr

    running("scale", "alpha=2")
    running("down")
    running("up")
    assert list(replicas(running)) == ["alpha"]


def all_new(before: dict[str, dict[str, Any]], now: dict[str, dict[str, Any]]) -> bool:
    if list(before) != list(now):
        return False
    return all(now[n]["state"] == "ready" and now[n]["pid"] not in (None, before[n]["pid"]) for n in before)


def test_one_replica_is_drained_by_its_name_and_up_brings_it_back(running: Cli) -> None:
    running("scale", "alpha=2")
    done = running("drain", "alpha-0")
    assert "alpha" in done.stdout
    assert "stopped   alpha" in done.stderr
    states = {name: replica["state"] for name, replica in replicas(running).items()}
    assert states == {"alpha": "stopped", "alpha-1": "ready"}
    running("scale", "alpha=2")
    assert {replica["state"] for replica in replicas(running).values()} == {"ready"}
    running("drain", "--all")
    assert {s["state"] for s in running.json("ps")["services"]} == {"stopped"}
    running("scale", "alpha=1")
    assert {s["name"]: s["state"] for s in running.json("ps")["services"]} == {"gateway": "stopped", "alpha": "ready"}


def test_what_cannot_be_scaled_is_refused_and_nothing_changes(running: Cli) -> None:
    before = replicas(running)
    for wanted, words in (
        ("alpha=0", "autional drain alpha"),
        ("alpha=-1", "at least one"),
        (f"alpha={len(EXTRA_OFFSETS) + 2}", f"room for {len(EXTRA_OFFSETS)}"),
        ("alpa=2", "did you mean 'alpha'"),
        ("gateway=2", "the gateway is one process"),
        ("alpha=many", "is not SERVICE=N"),
        ("alpha", "is not SERVICE=N"),
        ("redis=2", "no service 'redis'"),
    ):
        assert words in running("scale", "--", wanted, exit_code=ExitCode.USAGE).stderr, wanted
    running("scale", "gateway=1")
    assert replicas(running) == before


def test_a_port_that_somebody_else_holds_is_named_and_the_old_number_stays(running: Cli) -> None:
    running("scale", "alpha=2")
    taken = int(port(replicas(running)["alpha-1"])["port"])
    running("scale", "alpha=1")
    with socket.create_server(("127.0.0.1", taken)):
        refused = running("scale", "alpha=2", exit_code=ExitCode.BACKEND_UNAVAILABLE)
        assert str(taken) in refused.stderr
    assert list(replicas(running)) == ["alpha"]
    running("up")
    assert list(replicas(running)) == ["alpha"]


def test_a_drain_says_how_it_went_and_refuses_what_makes_no_sense(running: Cli) -> None:
    for arguments, words in (
        ((), "autional drain --all"),
        (("alpha", "--all"), "autional drain --all"),
        (("--self", "--restart"), "--self"),
        (("alpa",), "did you mean 'alpha'"),
        (("redis",), "no service"),
        (("alpha", "--timeout", "-1"), "--timeout"),
    ):
        assert words in running("drain", *arguments, exit_code=ExitCode.USAGE).stderr, arguments
    report = running.json("drain", "alpha")
    assert set(report) >= {"schema", "lost_requests", "lost_messages", "elapsed_ms", "services"}
    assert set(report["services"][0]) >= {"name", "in_flight", "completed", "aborted", "unacked", "steps"}
    assert set(report["services"][0]["steps"][0]) >= {"name", "ms", "ok"}
    running("wait", "alpha", "--for", "stopped", "--timeout", "2")
    assert "1 drained" in running("drain", "alpha").stdout
    restarted = running.json("restart", "alpha")
    assert restarted["drain"]["restarted"]
    rolled = json.loads(running("drain", "--restart", "--all", "--format", "json").stdout)
    assert [service["name"] for service in rolled["services"]] == ["alpha", "gateway"]
    running("down")
    assert "autional up" in running("drain", "alpha", exit_code=ExitCode.BACKEND_UNAVAILABLE).stderr
