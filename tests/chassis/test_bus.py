"""Events have exactly one effect, a failing one is retried and then set aside, and nothing else waits for it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import pytest
from redis.exceptions import ResponseError

from services.chassis.bus import MAX_ATTEMPTS, Consumer
from services.chassis.db import Database, UnitOfWork
from services.chassis.errors import ResourceUnavailableError
from services.chassis.events import FIELD, ONLY, Event, stream
from services.chassis.inbox import through_inbox
from services.chassis.redis import connect
from tests.chassis.events import (
    consumer,
    dead_letters,
    deliver,
    effects,
    event,
    eventually,
    on_bus,
    pending,
    record,
    serving,
)
from tests.chassis.servers import HAPPENED, OTHER, Servers

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


async def test_an_event_delivered_twice_has_one_effect(db: Database, bus: Any) -> None:
    same = event("a")
    await deliver(bus, same, same)
    async with serving(consumer(bus, db)):
        await deliver(bus, same, event("end"))
        await until(db, "end")
    assert sorted(await effects(db)) == ["a", "end"]


async def test_events_out_of_order_have_one_effect_each(db: Database, bus: Any) -> None:
    events = [event(str(n), sequence=n) for n in (3, 1, 2)]
    async with serving(consumer(bus, db)):
        await deliver(bus, *events, events[1])
        await until(db, "2")
    assert sorted(await effects(db)) == ["1", "2", "3"]


async def test_an_event_that_always_fails_is_tried_three_times_with_growing_pauses_then_set_aside(
    db: Database, bus: Any
) -> None:
    tried: list[float] = []

    async def fail(unit: UnitOfWork, event: Event) -> None:
        if event.subject != "bad":
            return await record(unit, event)
        tried.append(time.monotonic())
        await record(unit, event)
        raise RuntimeError("this one never works")

    bad = event("bad", traceparent=TRACEPARENT)
    async with serving(consumer(bus, db, happened=fail)):
        await deliver(bus, bad)
        await eventually(lambda: _reached(tried, 1), "the first attempt")
        await deliver(bus, event("good"), event("another", kind=OTHER))
        await until(db, "good")
        await until(db, "another")
        assert len(tried) < MAX_ATTEMPTS  # the others did not wait for it
        await eventually(lambda: _buried(bus, 1), "the dead letter")
    assert len(tried) == MAX_ATTEMPTS
    pauses = [after - before for before, after in pairwise(tried)]
    assert pauses[0] > 0.4
    assert pauses[1] > 2 * pauses[0]
    assert sorted(await effects(db)) == ["another", "good"]  # what a failed attempt wrote was rolled back
    [letter] = await dead_letters(bus)
    assert (letter[b"attempts"], letter[b"error"]) == (b"3", b"RuntimeError('this one never works')")
    assert letter[b"stream"] == stream(HAPPENED).encode()
    assert Event.decode(letter[FIELD]) == bad
    assert await pending(bus) == 0


@pytest.mark.parametrize(
    "fields",
    [
        {b"event": b"not json"},
        {b"event": b"[]"},
        {b"event": b'{"specversion":"1.0","id":7,"data":{}}'},
        {b"event": b'{"specversion":"0.3"}'},
        {b"something": b"else"},
        {b"event": event("x").encode().replace(b'"data":{"n":"x"}', b'"data":"text"')},
    ],
)
async def test_an_entry_that_is_not_a_cloudevent_is_set_aside_at_once(
    db: Database, bus: Any, fields: dict[bytes, bytes]
) -> None:
    async with serving(consumer(bus, db)):
        await bus.xadd(stream(HAPPENED), fields)
        await deliver(bus, event("good"))
        await until(db, "good")
    [letter] = await dead_letters(bus)
    assert b"not a CloudEvent" in letter[b"error"]
    kept = {key if key == FIELD else b"given." + key: value for key, value in fields.items()}
    assert kept.items() <= letter.items()
    assert await pending(bus) == 0


async def test_a_consumer_killed_between_effect_and_acknowledgement_has_no_second_effect(
    db: Database, bus: Any
) -> None:
    await bus.xgroup_create(stream(HAPPENED), "probe", id="0", mkstream=True)
    applied = event("a")
    await deliver(bus, applied)
    await bus.xreadgroup("probe", "probe-0", {stream(HAPPENED): ">"})
    await through_inbox(db, record)([applied])  # … and here it was killed
    assert await pending(bus) == 1
    async with serving(consumer(bus, db)):
        await eventually(lambda: _pending(bus, 0), "the entry is acknowledged")
    assert await effects(db) == ["a"]


async def test_a_restarted_replica_finds_all_its_pending_entries(db: Database, bus: Any) -> None:
    subjects = [str(n) for n in range(230)]  # more than two reads
    await bus.xgroup_create(stream(HAPPENED), "probe", id="0", mkstream=True)
    await deliver(bus, *(event(subject) for subject in subjects))
    await bus.xreadgroup("probe", "probe-0", {stream(HAPPENED): ">"}, count=1000)
    async with serving(consumer(bus, db)):
        await eventually(lambda: _pending(bus, 0), "all are acknowledged")
    assert sorted(await effects(db)) == sorted(subjects)


async def test_what_a_vanished_replica_left_is_taken_over_by_another(db: Database, bus: Any) -> None:
    subjects = [str(n) for n in range(130)]  # more than one claim
    await bus.xgroup_create(stream(HAPPENED), "probe", id="0", mkstream=True)
    await deliver(bus, *(event(subject) for subject in subjects))
    await bus.xreadgroup("probe", "probe-9", {stream(HAPPENED): ">"}, count=1000)
    entries = await bus.xrange(stream(HAPPENED))
    ids = [entry_id for entry_id, _ in entries]
    await bus.xclaim(stream(HAPPENED), "probe", "probe-9", 0, ids, idle=120_000)
    async with serving(consumer(bus, db)):
        await eventually(lambda: _pending(bus, 0), "all are acknowledged")
    assert sorted(await effects(db)) == sorted(subjects)


async def test_two_replicas_share_the_events(servers: Servers, db: Database, bus: Any) -> None:
    subjects = [str(n) for n in range(200)]
    async with (
        connect(servers.settings(replica=1).bus_url.get_secret_value(), name="probe-1") as second,
        serving(consumer(bus, db), consumer(second, db, replica="probe-1")),
    ):
        await deliver(bus, *(event(subject) for subject in subjects))
        await eventually(lambda: _pending_after(bus, db, len(subjects)), "all are applied")
    assert sorted(await effects(db)) == sorted(subjects)


async def test_groups_are_made_again_when_the_bus_lost_its_data(servers: Servers, db: Database, bus: Any) -> None:
    async with serving(consumer(bus, db)):
        await deliver(bus, event("before"))
        await until(db, "before")
        async with connect(servers.operator_url("redis"), name="tests") as operator:
            await operator.flushall()
        await deliver(bus, event("after"))
        await until(db, "after")


async def test_consuming_goes_on_after_the_bus_was_killed_and_restarted(
    servers: Servers, db: Database, bus: Any
) -> None:
    first_done = asyncio.Event()
    go_on = asyncio.Event()

    async def slow(unit: UnitOfWork, event: Event) -> None:
        await record(unit, event)
        first_done.set()
        await go_on.wait()

    async with serving(consumer(bus, db, happened=slow)):
        await deliver(bus, event("before"))
        await asyncio.wait_for(first_done.wait(), 5)
        await servers["redis"].kill()
        try:
            go_on.set()  # its effect is committed while nobody can take the acknowledgement
            await until(db, "before")
        finally:
            await servers["redis"].start()
        await deliver(bus, event("after"))
        await until(db, "after")
        await eventually(lambda: _pending(bus, 0), "the acknowledgement that was lost is made up for")
    assert sorted(await effects(db)) == ["after", "before"]


async def test_while_the_own_database_is_away_the_consumer_waits_and_uses_up_no_attempt(db: Database, bus: Any) -> None:
    calls = 0

    async def away(unit: UnitOfWork, event: Event) -> None:
        nonlocal calls
        calls += 1
        if calls <= MAX_ATTEMPTS + 1:
            raise ResourceUnavailableError("database")
        await record(unit, event)

    async with serving(consumer(bus, db, happened=away)):
        await deliver(bus, event("a"))
        await until(db, "a")
    assert await dead_letters(bus) == []
    assert await pending(bus) == 0


async def test_what_is_for_another_service_alone_is_acknowledged_without_an_effect(db: Database, bus: Any) -> None:
    theirs, ours = event("theirs"), event("ours")
    async with serving(consumer(bus, db)):
        await bus.xadd(stream(HAPPENED), {FIELD: theirs.encode(), ONLY: b"another"})
        await bus.xadd(stream(HAPPENED), {FIELD: ours.encode(), ONLY: b"probe"})
        await until(db, "ours")
    assert await effects(db) == ["ours"]
    assert await pending(bus) == 0


async def test_in_a_batch_one_failing_event_does_not_take_the_others_along(db: Database, bus: Any) -> None:
    sizes: list[int] = []
    inner = through_inbox(db, record)

    async def apply(events: Sequence[Event]) -> None:
        sizes.append(len(events))
        if any(each.subject == "bad" for each in events):
            raise RuntimeError("one of them is bad")
        await inner(events)

    await bus.xgroup_create(stream(HAPPENED), "probe", id="0", mkstream=True)
    await deliver(bus, *(event(subject) for subject in ("a", "bad", "b", "c")))
    batching = Consumer("probe", "probe-0", bus, {HAPPENED: apply}, batch=50)
    async with serving(batching):
        for subject in ("a", "b", "c"):
            await until(db, subject)
    assert sizes[0] == 4
    assert await pending(bus) == 1  # the bad one alone


async def test_a_shutdown_finishes_and_acknowledges_the_batch_in_hand(db: Database, bus: Any) -> None:
    begun, go_on = asyncio.Event(), asyncio.Event()

    async def slow(unit: UnitOfWork, event: Event) -> None:
        begun.set()
        await go_on.wait()
        await record(unit, event)

    await bus.xgroup_create(stream(HAPPENED), "probe", id="0", mkstream=True)
    await bus.xgroup_create(stream(OTHER), "probe", id="0", mkstream=True)
    await deliver(bus, event("a"), event("b"), event("c", kind=OTHER), event("d", kind=OTHER))
    stopping = consumer(bus, db, happened=slow)
    async with serving(stopping):
        await asyncio.wait_for(begun.wait(), 5)
        shutdown = asyncio.create_task(stopping.shutdown())
        await asyncio.sleep(0)
        assert not shutdown.done()
        go_on.set()
        await asyncio.wait_for(shutdown, 5)
        assert sorted(await effects(db)) == ["a", "b", "c", "d"]
        assert (await pending(bus), await pending(bus, OTHER)) == (0, 0)
        await deliver(bus, event("too late"))
    assert "too late" not in await effects(db)
    assert len(await on_bus(bus)) == 3


async def test_an_idle_consumer_shuts_down_at_once(db: Database, bus: Any) -> None:
    stopping = consumer(bus, db)
    async with serving(stopping) as tasks:
        await asyncio.wait_for(stopping.shutdown(), 4)  # not the five seconds of a read
        await asyncio.wait_for(tasks[0], 4)


async def until(db: Database, subject: str) -> None:
    async def applied() -> bool:
        return subject in await effects(db)

    await eventually(applied, f"{subject!r} is applied")


async def _reached(tried: list[float], count: int) -> bool:
    return len(tried) >= count


async def _buried(bus: Any, count: int) -> bool:
    return len(await dead_letters(bus)) >= count


async def _pending(bus: Any, count: int) -> bool:
    try:
        return await pending(bus) == count
    except ResponseError:  # no group yet
        return False


async def _pending_after(bus: Any, db: Database, count: int) -> bool:
    return len(await effects(db)) >= count and await pending(bus) == 0
