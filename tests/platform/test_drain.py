"""Draining, rolling and scaling a platform that is in use: every request is answered, every event has its effect."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from autional_cli.environment import environment
from autional_cli.instance import Instance
from autional_cli.supervisor.topology import all_resources
from autional_cli.workspace.discover import discover
from autional_cli.workspace.load import load_stack
from tests.guard import guarded
from tests.platform.load import Load, mixed_load
from tests.platform.running import AUTIONAL, ROOT, Platform
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


async def warm(load: Load, count: int = 15) -> None:
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
        await warm(load, 60)
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


def test_a_service_without_a_supervisor_is_drained_by_its_pre_stop_hook(busy: Platform) -> None:
    with alone(busy, "profile-alone", "29912") as (process, told):
        hook = {key: value for key, value in told.items() if key in ("AUTIONAL_REPLICA", "AUTIONAL_SERVICE")}
        other = subprocess.run([AUTIONAL, "drain", "--self"], env={**CLEAN, "AUTIONAL_REPLICA": "nobody"}, **HOOK)
        assert other.returncode == 4, "a hook that is told of another service must not touch this one"
        assert process.poll() is None
        done = subprocess.run([AUTIONAL, "drain", "--self", "--format", "json"], env={**CLEAN, **hook}, **HOOK)
        assert done.returncode == 0, done.stderr
        report = json.loads(done.stdout)
        assert process.wait(5) == 0
    assert report["pid"] == process.pid
    assert [service["name"] for service in report["services"]] == ["profile"]
    steps = report["services"][0]["steps"]
    assert [step["name"] for step in steps[:2]] == ["readiness", "lame-duck"]
    assert all(step["ok"] for step in steps)


def test_the_hook_hurries_a_service_at_its_deadline_and_says_when_it_does_not_end(busy: Platform) -> None:
    with alone(busy, "profile-late", "29913", AUTIONAL_LAME_DUCK_S="20") as (process, told):
        hook = {**CLEAN, "AUTIONAL_REPLICA": told["AUTIONAL_REPLICA"]}
        process.send_signal(signal.SIGSTOP)
        stuck = subprocess.run([AUTIONAL, "drain", "--self", "--timeout", "0.2"], env=hook, **HOOK)
        assert stuck.returncode == 8
        assert str(process.pid) in stuck.stderr
        process.send_signal(signal.SIGCONT)
        again = subprocess.run([AUTIONAL, "drain", "--self", "--timeout", "8"], env=hook, **HOOK)
        assert again.returncode == 0, again.stderr  # the lame duck of 20 s was cut short
        assert process.wait(5) == 0


CLEAN = {key: value for key, value in os.environ.items() if not key.startswith("AUTIONAL_")}
HOOK: dict[str, Any] = {"capture_output": True, "text": True, "timeout": 30, "check": False}


@contextmanager
def alone(platform: Platform, replica: str, port: str, **env: str) -> Iterator[tuple[subprocess.Popen[str], Any]]:
    """Run profile as a container would, by its environment alone; yield it when it serves."""
    specs = discover(ROOT)
    instance = Instance.open(ROOT, platform.instance)
    told = environment(instance, specs["profile"], load_stack(ROOT, "full", specs), all_resources(instance))
    told |= {"AUTIONAL_HTTP_PORT": port, "AUTIONAL_REPLICA": replica, "AUTIONAL_LAME_DUCK_S": "0.1", **env}
    told |= {"AUTIONAL_LOG_FILE": ""}
    argv = [sys.executable, "-m", "services.chassis", "profile"]
    given = {**CLEAN, **{key: value for key, value in told.items() if value}}
    words, keep = guarded(argv)
    process = subprocess.Popen(words, cwd=ROOT, env=given, stdout=subprocess.PIPE, text=True, pass_fds=keep)
    try:
        assert process.stdout is not None
        next(line for line in process.stdout if '"event":"ready"' in line)
        yield process, told
    finally:
        process.kill()
        process.communicate(timeout=10)


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
