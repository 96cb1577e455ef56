"""What keeps the bus and the inbox from growing for ever; the outbox relay's sweep runs it now and then.

Streams are trimmed by MINID, at the lowest entry that some group has not acknowledged and never within a day of now.
MAXLEN would drop what nobody has read yet. A stream without any group is left alone for the same reason.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import ResponseError
from sqlalchemy import delete
from sqlalchemy.ext.asyncio import AsyncSession

from services.chassis.clock import utcnow
from services.chassis.db import Database
from services.chassis.events import stream
from services.chassis.logging import get_logger
from services.chassis.models import INBOX

log = get_logger(__name__)

INBOX_KEPT = timedelta(days=7)  # far longer than an event can stay undelivered and come a second time
STREAM_KEPT = timedelta(hours=24)  # for people who look, and for replays

EntryId = tuple[int, int]


async def trim_streams(redis: Redis, kinds: Iterable[str]) -> int:
    """Remove what every group has acknowledged, in whole nodes; return how many entries went."""
    bus: Any = redis  # redis-py types its answers as unions of every protocol version
    removed = 0
    for name in map(stream, kinds):
        try:
            removed += await _trim(bus, name)
        except ResponseError as error:  # nothing was published yet, or it is no stream: no reason to leave the others
            log.debug("stream not trimmed", stream=name, error=str(error))
    return removed


async def _trim(bus: Any, name: str) -> int:
    groups = await bus.xinfo_groups(name)
    first_kept = [await _first_unfinished(bus, name, group) for group in groups]
    if not first_kept:
        return 0
    oldest_ms = int((time.time() - STREAM_KEPT.total_seconds()) * 1000)
    milliseconds, sequence = min(*first_kept, (oldest_ms, 0))
    return int(await bus.xtrim(name, minid=f"{milliseconds}-{sequence}", approximate=True))


async def _first_unfinished(bus: Any, name: str, group: dict[str, Any]) -> EntryId:
    """Return the lowest id that a group still needs.

    `group` was read before the pending entries, so what is delivered in between lies above both and is kept.
    """
    pending = await bus.xpending(name, group["name"])
    if pending["pending"]:
        return _entry_id(pending["min"])
    milliseconds, sequence = _entry_id(group["last-delivered-id"])
    return milliseconds, sequence + 1


def _entry_id(raw: bytes) -> EntryId:
    milliseconds, _, sequence = raw.partition(b"-")
    return int(milliseconds), int(sequence)


async def prune_inbox(db: Database) -> int:
    """Forget events that were processed long ago; return how many."""
    async with AsyncSession(db.engine) as session, session.begin():
        forgotten = delete(INBOX).where(INBOX.c.processed_at < utcnow() - INBOX_KEPT).returning(INBOX.c.event_id)
        return len((await session.execute(forgotten)).all())
