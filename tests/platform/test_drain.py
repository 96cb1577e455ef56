"""Draining, rolling and scaling a platform that is in use: every request is answered, every event has its effect."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.platform.load import Load, mixed_load
from tests.platform.running import Platform
from tests.platform.test_faults import SERVICES, select, until


@pytest.fixture(scope="module")
def busy() -> Iterator[Platform]:
    """A platform for the tests of this file, in their order; the last one stops it."""
    own = Platform(instance=f"drain-{os.getpid()}")
    try:
        own.up()
        yield own
    finally:
        own.down()


async def run(platform: Platform, *arguments: str) -> Any:
    """Run a command while the load goes on; return its JSON."""
    done = await asyncio.to_thread(platform.run, *arguments, "--format", "json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


async def warm(load: Load, count: int = 30) -> None:
    """Wait until the load has really begun, or gone on."""
    goal = load.answered + count
    async with asyncio.timeout(30):
        while load.answered < goal:  # noqa: ASYNC110 - a count of another task
            await asyncio.sleep(0.01)


def processes(status: dict[str, Any]) -> dict[str, int]:
    return {replica["name"]: replica["pid"] for service in status["services"] for replica in service["replicas"]}


def has_every_effect(platform: Platform, load: Load) -> None:
    """Each registration has led to one profile and one welcome, whatever happened to the processes on the way."""
    users = select(platform, "identity", "SELECT email FROM users")
    assert set(load.registered) <= users, "a registration that was answered with 201 is lost"
    ids = select(platform, "identity", "SELECT id FROM users")
    until(lambda: not select(platform, "identity", "SELECT event_id FROM outbox"), "the outbox running empty", 20)
    until(lambda: select(platform, "profile", "SELECT user_id FROM profiles") == ids, "a profile for each user", 20)


async def test_a_roll_of_everything_under_load_fails_no_request_and_loses_no_event(busy: Platform) -> None:
    status = busy.status()
    before = processes(status)
    async with mixed_load(busy, status["gateway"]) as load:
        await warm(load)
        report = await run(busy, "drain", "--restart", "--all")
        await warm(load)
        again = await run(busy, "drain", "--restart", "gateway", "session")  # from a successor to the next one
        await warm(load)
    assert load.failures == []
    assert load.sent == load.answered
    after = processes(busy.status())
    assert not set(before.values()) & set(after.values())
    assert sorted(service["name"] for service in report["services"]) == sorted(SERVICES)
    assert report["services"][-1]["name"] == "gateway"  # callees before callers
    assert (report["lost_requests"], report["lost_messages"], again["lost_requests"]) == (0, 0, 0)
    assert all(step["ok"] for service in report["services"] for step in service["steps"])
    has_every_effect(busy, load)


async def test_replicas_come_and_go_under_load_without_an_error(busy: Platform) -> None:
    gateway = busy.status()["gateway"]
    async with mixed_load(busy, gateway) as load:
        await warm(load)
        more = await run(busy, "scale", "session=3", "profile=2")
        assert [s["name"] for s in more["services"] if len(s["replicas"]) > 1] == ["profile", "session"]
        await warm(load, 100)
        await run(busy, "drain", "session-1")
        await warm(load)
        await run(busy, "drain", "session-0")
        await warm(load)
        rolled = await run(busy, "drain", "--restart", "session")
        await warm(load)
        less = await run(busy, "scale", "session=1", "profile=1")
        await warm(load)
    assert load.failures == []
    assert {s["name"] for s in rolled["services"]} == {"session", "session-1", "session-2"}
    assert less["drain"]["removed"] == ["profile-1", "session-1", "session-2"]
    assert less["drain"]["lost_requests"] == 0
    assert all(len(service["replicas"]) == 1 for service in busy.status()["services"])
    log = (busy.home / "logs" / "session.jsonl").read_text()
    served = {json.loads(line)["instance"] for line in log.splitlines() if '"event":"request"' in line}
    assert {"session-1", "session-2"} <= served, "the new replicas had no share of the traffic"
    has_every_effect(busy, load)


async def test_down_of_a_busy_platform_loses_nothing(busy: Platform) -> None:
    gateway = busy.status()["gateway"]
    async with mixed_load(busy, gateway) as load:
        await warm(load)
        stopped = await run(busy, "down")
    refused = [failure for failure in load.failures if "ClientConnectorError" in failure]
    assert load.failures == refused, "who was let in is answered; who comes later is refused"
    assert load.sent == load.answered + len(refused)
    drain = stopped["drain"]
    assert (drain["lost_requests"], drain["lost_messages"]) == (0, 0)
    assert drain["services"][0]["name"] == "gateway"  # callers before callees
    busy.up()
    has_every_effect(busy, load)
