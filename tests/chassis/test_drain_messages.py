"""What becomes of messages when a real service process drains."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.chassis.db import Database, UnitOfWork
from services.chassis.events import Event
from tests.chassis.events import consumer, deliver, effects, event, eventually, pending, serving
from tests.chassis.processes import probe
from tests.chassis.servers import Servers

AT_ONCE = {"AUTIONAL_LAME_DUCK_S": "0"}
LATE = {"AUTIONAL_SHUTDOWN_TIMEOUT_S": "1.5"}  # of which work in hand may use one second


@pytest.mark.parametrize("successor", ["probe-0", "probe-7"])
async def test_a_message_that_was_not_finished_in_time_is_counted_and_handled_by_the_next_process(
    servers: Servers, db: Database, bus: Redis, tmp_path: Path, successor: str
) -> None:
    await deliver(bus, event("long"), event("next"))  # before the start, so that one read has both
    async with probe(servers, tmp_path, **AT_ONCE, **LATE) as process:
        await process.ready()
        await process.gates.arrived("consume")
        process.child.terminate()
        report = await process.report()
        assert await process.ended() == 0
    assert (report["completed"], report["aborted"], report["unacked"]) == (0, 0, 2)
    assert [step["name"] for step in report["steps"] if not step["ok"]] == ["intake"]
    assert await effects(db) == []
    async with probe(servers, tmp_path, **AT_ONCE, AUTIONAL_REPLICA=successor) as process:
        for _ in range(2):
            await process.gates.arrived("consume")
            process.gates.open("consume")
        await eventually(lambda: _acknowledged(bus), "both are acknowledged")
    assert sorted(await effects(db)) == ["long", "next"]


async def _acknowledged(bus: Redis) -> bool:
    return await pending(bus) == 0


async def test_what_a_process_gives_back_is_taken_over_by_one_that_has_long_been_running(
    db: Database, bus: Redis
) -> None:
    """A roll drains the old process when the new one is ready: nobody starts after that to look for what was left."""
    held = asyncio.Event()

    async def hold(_unit: UnitOfWork, _event: Event) -> None:
        held.set()
        await asyncio.Event().wait()

    old = consumer(bus, db, happened=hold)
    serves = asyncio.create_task(old.serve(lambda: None))
    await deliver(bus, event("left"))
    await held.wait()
    async with serving(consumer(bus, db, replica="probe-1")):
        await deliver(bus, event("seen"))
        await eventually(lambda: _applied(db, "seen"), "the other event")  # so it has looked for abandoned entries once
        serves.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serves
        assert await old.give_back() == 1
        await eventually(lambda: _applied(db, "left"), "what was left")


async def _applied(db: Database, subject: str) -> bool:
    return subject in await effects(db)
