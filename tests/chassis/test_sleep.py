"""After a sleep, of a server or of the whole machine, everybody finds everybody again: by word, not by the refresh."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psutil
import pytest

from services.chassis.auth import Principal, Signer
from services.chassis.cache import Cache
from services.chassis.client import ServiceClient
from services.chassis.db import Database
from services.chassis.errors import ServiceError
from services.chassis.events import Event
from services.chassis.mongo import MongoDatabase
from services.chassis.outbox import OutboxRelay
from services.chassis.resilience import Breakers
from tests.chassis.calling import Target, caller, envelope, listening, registered
from tests.chassis.events import consumer, eventually, publish, record, serving
from tests.chassis.servers import WITNESS, Servers

LEASE_S = 0.9
SLEEP_S = 2.5
SOON_S = 5.0  # for a busy machine; what came by the refresh would come after a minute


@contextmanager
def asleep(servers: Servers, name: str) -> Iterator[None]:
    """Stop a server with everything it forked, and let it go on at the end."""
    process = servers[name].process
    assert process is not None
    pids = [process.pid, *(child.pid for child in psutil.Process(process.pid).children(recursive=True))]
    for pid in pids:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pids:
            os.kill(pid, signal.SIGCONT)


async def test_a_lease_that_lapsed_while_the_registry_slept_is_announced(servers: Servers, bus: Any) -> None:
    async with registered(servers, 0, 1, lease_s=LEASE_S), caller(servers, refresh_s=60) as calling:
        await calling.sees(2)
        with asleep(servers, "redis"):
            looking = asyncio.create_task(calling.directory.refresh("probe"))  # answered before any renewal
            await asyncio.sleep(SLEEP_S)
        woken = time.monotonic()
        await looking
        await calling.sees(2)
        assert time.monotonic() - woken < SOON_S
        assert all(
            score > time.time() * 1000 for _, score in await bus.zrange("registry:probe", 0, -1, withscores=True)
        )


@pytest.mark.parametrize("name", ["postgres", "mongo", "cache"])
async def test_a_server_that_slept_is_used_again_at_once(
    servers: Servers, db: Database, cache_redis: Any, name: str
) -> None:
    mongo = MongoDatabase(servers.settings(WITNESS))
    shelf = Cache(cache_redis, "probe", "shelf")
    await shelf.start()

    async def use() -> bool:
        try:
            async with asyncio.timeout(1):
                if name == "cache":
                    await shelf.invalidate("key")
                else:
                    await (mongo if name == "mongo" else db).ping()
        except Exception:  # noqa: BLE001 - whatever the driver says of a server that does not answer
            return False
        return True

    try:
        assert await use()
        with asleep(servers, name):
            ends = time.monotonic() + SLEEP_S
            while time.monotonic() < ends:
                assert not await use()
        woken = time.monotonic()
        await eventually(use, f"{name} answers")
        assert time.monotonic() - woken < SOON_S
    finally:
        await shelf.stop()
        await mongo.close()


async def test_events_flow_again_after_the_bus_slept(servers: Servers, db: Database, bus: Any) -> None:
    seen: list[str] = []

    async def note(unit: Any, event: Event) -> None:
        await record(unit, event)
        seen.append(event.subject)

    async with serving(consumer(bus, db, happened=note), OutboxRelay("probe", db, bus)):
        await publish(db, "before")
        await eventually(lambda: _has(seen, 1), "the first event arrives")
        with asleep(servers, "redis"):
            await publish(db, "during")
            await asyncio.sleep(SLEEP_S)
        woken = time.monotonic()
        await eventually(lambda: _has(seen, 2), "the second event arrives")
        assert time.monotonic() - woken < SOON_S
    assert seen == ["before", "during"]


async def test_a_circuit_does_not_stay_open_till_a_clock_that_was_set_back_is_there_again(
    servers: Servers, bus: Any
) -> None:
    target = Target(status=503, body=envelope(1008, "UNAVAILABLE", "its database is away", {}))
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:

        async def answers() -> bool:
            try:
                return bool(await calling.client.call("probe", "GET", "/v1/x") == "fine")
            except ServiceError as error:
                if opened := getattr(error.__cause__, "opened_at", None):
                    last_opened.append((opened, error.__cause__))
                return False

        last_opened: list[Any] = []
        for _ in range(6):
            assert not await answers()
        target.status, target.body = 200, Target().body
        last_opened[-1][1].opened_at = time.time() + 3600  # as it looks after the clock went back an hour
        await eventually(answers, "the circuit closes")


async def test_a_token_that_expired_on_its_way_is_no_refusal_of_the_user(servers: Servers, bus: Any) -> None:
    refusal = envelope(1006, "UNAUTHENTICATED", "A valid token is needed", {})
    slept = asyncio.Event()
    target = Target(status=401, body=refusal)

    async def sleep_once() -> None:
        if slept.is_set():
            target.status, target.body = 200, Target().body
        else:
            await asyncio.sleep(0.6)  # longer than half the life of the token below
            slept.set()

    target.before = sleep_once
    signer = Signer(WITNESS.name, servers.settings(WITNESS).private_key_file, life_s=1)
    async with registered(servers, 0), listening(servers, target), caller(servers) as calling:
        client = ServiceClient(calling.directory, signer, Breakers())
        about = Principal(WITNESS.name)
        assert await client.call("probe", "POST", "/v1/x", json={}, principal=about) == "fine"
        target.status, target.body, target.before = 401, refusal, None
        with pytest.raises(ServiceError) as caught:  # a refusal that came at once is one
            await client.call("probe", "POST", "/v1/x", json={}, principal=about)
        assert caught.value.code.status == 401
        await client.close()
    assert len(target.requests) == 3


async def _has(seen: list[str], count: int) -> bool:
    return len(seen) >= count
