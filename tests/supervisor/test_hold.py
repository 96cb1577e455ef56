"""Services build themselves up while what they need is not ready, and go on when it is."""

from __future__ import annotations

import os
import signal
from typing import Any

import pytest

from autional_cli.errors import AutionalError
from autional_cli.supervisor import client, turns
from tests.supervisor.harness import ENTRIES, OPTIONS, Harness, eventually, free_port, get

WAITS = "waits for what it needs"


def held(harness: Harness, *more: str) -> dict[str, Any]:
    """Define a service that holds and needs what the test opens; begin the start and wait until it is built."""
    late = {"name": "late", "entry": f"{ENTRIES}:gated", "env": {"OPEN": str(harness.root / "open")}}
    unit = {"name": "identity", "entry": f"{ENTRIES}:held", "port": free_port(), "needs": ["late"], "holds": True}
    harness.define(late, unit)
    with client.attach_or_start(harness.instance, OPTIONS) as connection, pytest.raises(AutionalError):
        connection.request("up", services=(), timeout_s=0.1)
    eventually(lambda: harness.unit("identity")["status"] == WAITS, "the service to be built")
    harness.remember()
    return unit


def test_a_service_is_built_while_it_waits_and_the_same_process_serves_then(harness: Harness) -> None:
    unit = held(harness)
    waiting = harness.unit("identity")
    assert (waiting["state"], waiting["status"]) == ("pending", WAITS)
    (harness.root / "open").touch()
    assert harness.up()["state"] == "ready"
    assert get(unit).split()[0] == str(waiting["pid"])
    assert harness.unit("identity")["restarts"] == 0


def test_a_service_that_dies_while_it_waits_is_started_again_when_its_turn_comes(harness: Harness) -> None:
    unit = held(harness)
    os.kill(harness.unit("identity")["pid"], signal.SIGKILL)
    (harness.root / "open").touch()
    assert harness.up()["state"] == "ready"
    assert get(unit)


def test_a_service_that_waits_stops_at_once_and_cleanly(harness: Harness) -> None:
    held(harness)
    stopped = harness.down()
    report = next(service for service in stopped["drain"]["services"] if service["name"] == "identity")
    assert (report["exit"], report["killed"], report["problem"]) == ("exited with status 0", False, "")


def test_a_killed_supervisor_takes_a_service_that_waits_with_it(harness: Harness) -> None:
    held(harness)
    os.kill(harness.status()["pids"]["supervisor"], signal.SIGKILL)
    eventually(lambda: harness.survivors() == [], "everything to be gone")


async def test_turns_are_taken_in_order_and_end_once() -> None:
    places = turns.Turns(1)
    first = await places.take()
    first.end()
    first.end()  # gives no second place back
    second = await places.take()
    assert places._free.locked()
    second.end()


async def test_a_turn_ends_by_itself_when_its_process_waits_for_something_else() -> None:
    places = turns.Turns(1, longest_s=0.01)
    await places.take()
    await places.take()
