"""Events leave the process exactly if their unit of work commits."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import Any

import pytest
from redis.exceptions import ResponseError
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.chassis.db import Database
from services.chassis.events import FIELD, stream
from services.chassis.outbox import OutboxRelay
from services.chassis.tracing import span
from services.chassis.upkeep import INBOX_KEPT, STREAM_KEPT, prune_inbox, trim_streams
from tests.chassis.events import consumer, deliver, effects, event, eventually, on_bus, publish, serving, waiting
from tests.chassis.servers import HAPPENED, OTHER, Servers


def relay(db: Database, bus: Any, **options: float) -> OutboxRelay:
    return OutboxRelay("probe", db, bus, (HAPPENED, OTHER), **options)


async def test_what_was_committed_before_the_relay_runs_still_goes_out(db: Database, bus: Any) -> None:
    await publish(db, "a", "b")
    async with serving(relay(db, bus)):
        await eventually(lambda: _empty(db), "the outbox is empty")
    assert [e.subject for e in await on_bus(bus)] == ["a", "b"]


async def test_a_running_relay_is_woken_by_the_commit(db: Database, bus: Any) -> None:
    async with serving(relay(db, bus)):
        await publish(db, "first")
        await eventually(lambda: _empty(db), "the relay listens")
        started = time.monotonic()
        await publish(db, "second")
        await eventually(lambda: _empty(db), "the second is relayed")
        assert time.monotonic() - started < 5  # far below the sweep


async def test_what_was_rolled_back_never_goes_out(db: Database, bus: Any) -> None:
    async with serving(relay(db, bus)):
        with pytest.raises(RuntimeError):
            async with db.transaction() as unit:
                unit.publish(HAPPENED, "never", {})
                raise RuntimeError("the work failed")
        await publish(db, "always")
        await eventually(lambda: _empty(db), "the outbox is empty")
    assert [e.subject for e in await on_bus(bus)] == ["always"]


async def test_two_replicas_relaying_at_once_send_each_event_once(servers: Servers, db: Database, bus: Any) -> None:
    subjects = [str(n) for n in range(900)]
    await publish(db, *subjects)
    other = Database(servers.settings(replica=1))
    async with serving(relay(db, bus), relay(other, bus)):
        await eventually(lambda: _empty(db), "the outbox is empty")
    await other.close()
    assert sorted(e.subject for e in await on_bus(bus)) == sorted(subjects)


async def test_a_crash_between_bus_and_commit_sends_twice_but_has_one_effect(db: Database, bus: Any) -> None:
    await publish(db, "a")
    # What a relay that dies there leaves behind: the entry is in the stream, and its row is in the outbox again.
    async with db.transaction() as unit:
        row = (await unit.session.execute(text("SELECT event_id, subject FROM outbox"))).one()
    async with serving(relay(db, bus)):
        await eventually(lambda: _empty(db), "the first sending")
        async with db.transaction() as unit:
            again = "INSERT INTO outbox (event_id, type, subject, data) VALUES (:id, :type, :subject, '{}')"
            await unit.session.execute(text(again), {"id": row.event_id, "type": HAPPENED, "subject": row.subject})
        await eventually(lambda: _empty(db), "the second sending")
    assert [e.id for e in await on_bus(bus)] == [row.event_id, row.event_id]
    async with serving(consumer(bus, db)):
        await publish(db, "unsent")
        await deliver(bus, event("last"))
        await eventually(lambda: _has(db, "last"), "the last event is applied")
    assert await effects(db) == ["a", "last"]


async def test_the_last_pass_sends_what_was_committed_during_the_drain(db: Database, bus: Any) -> None:
    stopping = relay(db, bus)
    async with serving(stopping) as tasks:
        async with AsyncSession(db.engine) as session, session.begin():
            await session.execute(text("ALTER TABLE outbox DISABLE TRIGGER outbox_inserted"))
        try:
            await publish(db, "late")
            await stopping.shutdown()
            await asyncio.wait_for(tasks[0], 5)
        finally:
            async with AsyncSession(db.engine) as session, session.begin():
                await session.execute(text("ALTER TABLE outbox ENABLE TRIGGER outbox_inserted"))
    assert [e.subject for e in await on_bus(bus)] == ["late"]


async def test_an_event_carries_the_trace_of_the_work_that_published_it(db: Database, bus: Any, spans: object) -> None:
    from opentelemetry.trace import SpanKind

    with span("work", SpanKind.SERVER, {}) as work:
        await publish(db, "a")
    async with serving(relay(db, bus)):
        await eventually(lambda: _empty(db), "the outbox is empty")
    assert f"{work.get_span_context().trace_id:032x}" in (await on_bus(bus))[0].traceparent


# Upkeep


async def old_entries(bus: Any, count: int, *, age: timedelta = STREAM_KEPT * 2) -> list[str]:
    at_ms = int((time.time() - age.total_seconds()) * 1000)
    ids = [f"{at_ms}-{n}" for n in range(1, count + 1)]
    async with bus.pipeline(transaction=False) as pipeline:
        for entry_id in ids:
            pipeline.xadd(stream(HAPPENED), {FIELD: event("old").encode()}, id=entry_id)
        await pipeline.execute()
    return ids


async def read(bus: Any, group: str, count: int, *, ack: int) -> None:
    answer = await bus.xreadgroup(group, "c", {stream(HAPPENED): ">"}, count=count)
    entries = [entry_id for entry_id, _ in answer[0][1]]
    if ack:
        await bus.xack(stream(HAPPENED), group, *entries[:ack])


async def test_a_stream_is_trimmed_up_to_what_every_group_has_acknowledged(bus: Any) -> None:
    ids = await old_entries(bus, 600)
    for group in ("probe", "witness"):
        await bus.xgroup_create(stream(HAPPENED), group, id="0")
    await read(bus, "probe", 600, ack=600)
    await read(bus, "witness", 600, ack=350)
    assert await trim_streams(bus, [HAPPENED, OTHER]) >= 200
    left = [entry_id.decode() for entry_id, _ in await bus.xrange(stream(HAPPENED))]
    assert left[-250:] == ids[350:]


async def test_what_a_group_has_not_read_is_never_trimmed(bus: Any) -> None:
    await old_entries(bus, 500)
    for group in ("probe", "witness"):
        await bus.xgroup_create(stream(HAPPENED), group, id="0")
    await read(bus, "probe", 500, ack=500)
    assert await trim_streams(bus, [HAPPENED]) == 0
    assert await bus.xlen(stream(HAPPENED)) == 500


async def test_a_day_of_events_is_kept_though_everybody_has_read_them(bus: Any) -> None:
    await old_entries(bus, 500, age=STREAM_KEPT - timedelta(minutes=5))
    await bus.xgroup_create(stream(HAPPENED), "probe", id="0")
    await read(bus, "probe", 500, ack=500)
    assert await trim_streams(bus, [HAPPENED]) == 0


async def test_a_stream_that_nobody_reads_yet_is_left_alone(bus: Any) -> None:
    await old_entries(bus, 500)
    assert await trim_streams(bus, [HAPPENED]) == 0


async def test_the_inbox_forgets_what_was_processed_long_ago(db: Database) -> None:
    async with db.transaction() as unit:
        for age in (INBOX_KEPT * 2, INBOX_KEPT / 2):
            statement = "INSERT INTO inbox (event_id, type, processed_at) VALUES (:id, 'x', :at)"
            await unit.session.execute(text(statement), {"id": event("x").id, "at": utcnow() - age})
    assert await prune_inbox(db) == 1


async def test_a_busy_relay_does_the_upkeep_too(db: Database, bus: Any) -> None:
    await old_entries(bus, 500)
    await bus.xgroup_create(stream(HAPPENED), "probe", id="0")
    await read(bus, "probe", 500, ack=500)

    async def trimmed() -> bool:
        await publish(db, "busy")  # it is never idle for a whole sweep
        return int(await bus.xlen(stream(HAPPENED))) < 500

    async with serving(relay(db, bus, sweep_s=0.2)):
        await eventually(trimmed, "the stream is trimmed")


async def test_a_service_may_not_write_to_the_streams_of_others(bus: Any) -> None:
    with pytest.raises(ResponseError):
        await bus.xadd(stream("user.created"), {FIELD: b""})


async def _empty(db: Database) -> bool:
    return await waiting(db) == 0


async def _has(db: Database, subject: str) -> bool:
    return subject in await effects(db)
