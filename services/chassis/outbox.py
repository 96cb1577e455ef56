"""The outbox relay: moves committed events from the service's database to the bus.

PostgreSQL's NOTIFY wakes it; a slow sweep covers a lost notification. Rows are taken with SKIP LOCKED, so replicas
share the work, and deleted in the transaction that put them on the bus: a crash in between sends an event twice, never
zero times, and the consumers' inbox drops the second.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Sequence

import asyncpg
from redis.asyncio import Redis
from redis.exceptions import RedisError
from sqlalchemy import delete, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.backoff import RETURN_S, Backoff
from services.chassis.db import OUTBOX_CHANNEL, Database
from services.chassis.errors import ServiceError
from services.chassis.events import FIELD, Event, send_span, stream
from services.chassis.lifecycle import Ready, Stage
from services.chassis.logging import get_logger
from services.chassis.metrics import EVENTS_PUBLISHED
from services.chassis.models import OUTBOX
from services.chassis.pacing import Pacer
from services.chassis.upkeep import prune_inbox, trim_streams

log = get_logger(__name__)
_BATCH = 200
_SWEEP_S = 15.0
_OLDEST = select(OUTBOX.c.position).order_by(OUTBOX.c.position).limit(_BATCH).with_for_update(skip_locked=True)
# The lock is taken inside the statement that deletes; MATERIALIZED, or the limit could be applied more than once.
_OLDEST_CTE = _OLDEST.cte("oldest").prefix_with("MATERIALIZED", dialect="postgresql")
_TAKE = delete(OUTBOX).where(OUTBOX.c.position == _OLDEST_CTE.c.position).returning(OUTBOX)
_UPKEEP_S = 900.0
_LOST = (OSError, RedisError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, ServiceError)


class OutboxRelay:
    """A server of the chassis: runs until shut down, and makes one last pass then."""

    name = "outbox"
    stage = Stage.RELAY

    def __init__(
        self, service: str, db: Database, bus: Redis, kinds: Sequence[str] = (), *, sweep_s: float = _SWEEP_S
    ) -> None:
        """`kinds` are the event types this service publishes: their streams are its to trim."""
        self._service = service
        self._db = db
        self._bus = bus
        self._wake = asyncio.Event()
        self._stopping = False
        self._kinds = kinds
        self._sweep_s = sweep_s
        self._upkeep_at = time.monotonic() + sweep_s
        self._passing = asyncio.Lock()
        self._pacer = Pacer()

    async def serve(self, ready: Ready) -> None:
        """Relay until `shutdown`; the database or the bus going away only delays it."""
        ready()
        backoff = Backoff(first_s=0.1, most_s=RETURN_S)
        while not self._stopping:
            try:
                await self._relay_while_connected(backoff)
            except _LOST as error:
                log.warning("outbox relay interrupted", error=repr(error), retry_in_s=backoff.next_s)
                await backoff.wait()

    async def _relay_while_connected(self, backoff: Backoff) -> None:
        connection = await self._db.listen(OUTBOX_CHANNEL, self._wake.set)
        try:
            while not self._stopping and not connection.is_closed():
                await self._pacer.turn()
                self._wake.clear()
                while await self._pass() == _BATCH:
                    pass
                backoff.reset()
                await self._sleep()
        finally:
            connection.terminate()

    async def _sleep(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._sweep_s):
                await self._wake.wait()
        if not self._stopping and time.monotonic() >= self._upkeep_at:  # by the clock: a busy relay never idles
            self._upkeep_at = time.monotonic() + _UPKEEP_S
            await prune_inbox(self._db)
            await trim_streams(self._bus, self._kinds)

    async def _pass(self) -> int:
        """Move one batch; return how many rows it held. The last pass waits for one that is under way."""
        async with self._passing:
            return await self._move()

    async def _move(self) -> int:
        async with AsyncSession(self._db.engine) as session, session.begin():
            rows = sorted((await session.execute(_TAKE)).all(), key=lambda row: row.position)
            if not rows:
                return 0
            async with self._bus.pipeline(transaction=False) as pipeline:
                for row in rows:
                    event = Event(
                        id=row.event_id,
                        source=f"/{self._service}",
                        type=row.type,
                        subject=row.subject,
                        time=row.occurred_at,
                        sequence=row.position,
                        data=row.data,
                        traceparent=send_span(row.type, row.event_id, row.traceparent),
                    )
                    pipeline.xadd(stream(row.type), {FIELD: event.encode()})
                await pipeline.execute()
        for row in rows:
            EVENTS_PUBLISHED.labels(row.type).inc()
        return len(rows)

    async def shutdown(self) -> None:
        """Make a last pass, so that what was committed during the drain leaves too."""
        self._stopping = True
        self._wake.set()
        try:
            while await self._pass():
                pass
        except _LOST as error:
            log.warning("last outbox pass failed; the rows stay for the next start", error=repr(error))
