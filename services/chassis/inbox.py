"""Exactly one effect per event: the inbox row and the effect share one transaction."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from sqlalchemy.dialects.postgresql import insert

from services.chassis.bus import Apply
from services.chassis.db import Database, UnitOfWork
from services.chassis.events import Event
from services.chassis.models import INBOX

Handler = Callable[[UnitOfWork, Event], Awaitable[None]]


def through_inbox(db: Database, handler: Handler) -> Apply:
    """Return an `Apply` that runs `handler` in a unit of work for each event that was not processed before."""

    async def apply(events: Sequence[Event]) -> None:
        async with db.transaction() as unit:
            for event in events:
                await once(unit, event)

    async def once(unit: UnitOfWork, event: Event) -> None:
        row = insert(INBOX).values(event_id=event.id, type=event.type).on_conflict_do_nothing()
        first = await unit.session.execute(row.returning(INBOX.c.event_id))
        if first.first() is not None:
            await handler(unit, event)

    return apply
