"""Tables, handlers and events for the tests of the bus."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from redis.asyncio import Redis
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine

from services.chassis.bus import Consumer
from services.chassis.clock import new_id, utcnow
from services.chassis.db import Database, UnitOfWork
from services.chassis.events import FIELD, Event, dead_stream, stream
from services.chassis.inbox import Handler, through_inbox
from services.chassis.lifecycle import Ready
from services.chassis.schema import create_event_tables_v1
from services.chassis.settings import Settings
from tests.chassis.servers import HAPPENED, OTHER

WAIT_S = 30.0  # a busy machine needs room; what does not come, does not come


def create_tables(settings: Settings) -> None:
    """Create the event tables with the migration that every service begins with, and a table for effects."""

    def create(connection: Connection) -> None:
        with Operations.context(MigrationContext.configure(connection)):
            create_event_tables_v1()
        connection.execute(text("CREATE TABLE effects (subject text NOT NULL, note text NOT NULL DEFAULT '')"))

    async def run() -> None:
        engine = create_async_engine(settings.database_url.get_secret_value())
        async with engine.begin() as connection:
            await connection.run_sync(create)
        await engine.dispose()

    asyncio.run(run())


async def empty_tables(db: Database) -> None:
    """Forget what other tests left."""
    async with db.transaction() as unit:
        await unit.session.execute(text("TRUNCATE outbox, inbox, effects"))


async def publish(db: Database, *subjects: str, kind: str = HAPPENED) -> None:
    """Commit one event for each subject."""
    async with db.transaction() as unit:
        for subject in subjects:
            unit.publish(kind, subject, {"n": subject})


async def record(unit: UnitOfWork, event: Event) -> None:
    """The effect that tests count."""
    await unit.session.execute(text("INSERT INTO effects (subject) VALUES (:s)"), {"s": event.subject})


async def effects(db: Database) -> list[str]:
    """Return the subjects whose effect is committed."""
    async with db.transaction() as unit:
        return list((await unit.session.execute(text("SELECT subject FROM effects"))).scalars())


async def waiting(db: Database) -> int:
    """Return how many events wait in the outbox."""
    async with db.transaction() as unit:
        return int((await unit.session.execute(text("SELECT count(*) FROM outbox"))).scalar_one())


async def on_bus(bus: Redis, kind: str = HAPPENED) -> list[Event]:
    """Return the events of a stream."""
    entries: Any = await bus.xrange(stream(kind))
    return [Event.decode(fields[FIELD]) for _, fields in entries]


async def dead_letters(bus: Redis, service: str = "probe") -> list[dict[bytes, bytes]]:
    """Return the dead letters of a service."""
    entries: Any = await bus.xrange(dead_stream(service))
    return [fields for _, fields in entries]


async def pending(bus: Redis, kind: str = HAPPENED, group: str = "probe") -> int:
    """Return how many entries a group has not acknowledged."""
    summary: Any = await bus.xpending(stream(kind), group)
    return int(summary["pending"])


def event(subject: str, *, sequence: int = 1, kind: str = HAPPENED, traceparent: str = "") -> Event:
    """Return an event as a producer would put it on the bus."""
    return Event(new_id(), "/tests", kind, subject, utcnow(), sequence, {"n": subject}, traceparent)


async def deliver(bus: Redis, *events: Event) -> None:
    """Put events on the bus."""
    for each in events:
        await bus.xadd(stream(each.type), {FIELD: each.encode()})


async def eventually(check: Callable[[], Awaitable[bool]], what: str) -> None:
    """Wait until another process or server has come to what `check` looks for; there is nothing to await."""
    try:
        async with asyncio.timeout(WAIT_S):
            while not await check():  # noqa: ASYNC110 - what is waited for happens in another process
                await asyncio.sleep(0.01)
    except TimeoutError:
        raise AssertionError(f"did not happen within {WAIT_S:g} s: {what}") from None


def consumer(bus: Redis, db: Database, *, replica: str = "probe-0", **handlers: Handler) -> Consumer:
    """Return a consumer of both event types; `happened` and `other` are the handlers, `record` by default."""
    by_kind = {HAPPENED: handlers.get("happened", record), OTHER: handlers.get("other", record)}
    return Consumer("probe", replica, bus, {kind: through_inbox(db, h) for kind, h in by_kind.items()})


class Serving(Protocol):
    """What `serving` runs."""

    async def serve(self, ready: Ready) -> None: ...
    async def shutdown(self) -> None: ...


@asynccontextmanager
async def serving(*servers: Serving) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run servers of the chassis, ready, until the block ends."""
    tasks = []
    for server in servers:
        ready = asyncio.Event()
        task = asyncio.create_task(server.serve(ready.set))
        tasks.append(task)
        waiter = asyncio.create_task(ready.wait())
        await asyncio.wait([task, waiter], timeout=WAIT_S, return_when=asyncio.FIRST_COMPLETED)
        waiter.cancel()
        if task.done():
            task.result()
    try:
        yield tasks
    finally:
        for server, task in zip(servers, tasks, strict=True):
            if not task.done():
                async with asyncio.timeout(WAIT_S):
                    await server.shutdown()
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
