"""The trail: append events, query, export, verify, prune."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from pymongo.errors import PyMongoError

from services.audit.domain import Record, chain, first_break
from services.audit.errors import EVENT_NOT_FOUND
from services.audit.store import RecordStore
from services.chassis.backoff import Backoff
from services.chassis.errors import ResourceUnavailableError, ServiceError
from services.chassis.events import Event
from services.chassis.mongo import unavailable

BATCH = 100
_ATTEMPTS = 5
_VERIFY_PAGE = 1000


class Trail:
    """The audit trail of the platform."""

    def __init__(self, store: RecordStore) -> None:
        self._store = store
        # Where the chain ends, as far as this replica knows; None to ask. The unique `seq` catches a wrong belief.
        self._head: tuple[int, str] | None = None

    async def prepare(self) -> None:
        """Create the indexes."""
        await self._store.prepare()

    async def append(self, events: Sequence[Event]) -> None:
        """Store events, each once however often it is delivered.

        Raises ResourceUnavailableError if the database is away, or other replicas took the next place every time.
        """
        try:
            await self._append(events)
        except PyMongoError as error:
            self._head = None
            raise unavailable(error) from error

    async def _append(self, events: Sequence[Event]) -> None:
        fresh = {str(event.id): event for event in events}
        backoff = Backoff(first_s=0.01, most_s=0.2)
        for _ in range(_ATTEMPTS):
            if self._head is None:
                fresh = {key: fresh[key] for key in fresh.keys() - await self._store.known(list(fresh))}
                self._head = await self._store.head()
            records = chain(sorted(fresh.values(), key=lambda event: event.time), *self._head)
            if not records:
                return
            if await self._store.insert(records):
                self._head = (records[-1]["seq"], records[-1]["hash"])
                return
            self._head = None  # an event came twice, or another replica was faster: look before the next try
            await backoff.wait()
        raise ResourceUnavailableError("trail")

    async def query(
        self,
        actor: UUID,
        *,
        kind: str | None,
        since: datetime | None,
        until: datetime | None,
        before: int | None,
        limit: int,
    ) -> list[Record]:
        """Return records about `actor`, newest first. `since` is inclusive, `until` exclusive."""
        criteria: dict[str, Any] = {"actor": str(actor)}
        if kind:
            criteria["type"] = kind
        times = {key: value for key, value in (("$gte", since), ("$lt", until)) if value is not None}
        if times:
            criteria["time"] = times
        try:
            return await self._store.query(criteria, before, limit)
        except PyMongoError as error:
            raise unavailable(error) from error

    async def get(self, actor: UUID, event_id: UUID) -> Record:
        """Return one record about `actor`. Raises `EVENT_NOT_FOUND`."""
        try:
            record = await self._store.find({"_id": str(event_id), "actor": str(actor)})
        except PyMongoError as error:
            raise unavailable(error) from error
        if record is None:
            raise ServiceError(EVENT_NOT_FOUND)
        return record

    def export(self, actor: UUID) -> AsyncIterator[Record]:
        """Return all records about `actor`, oldest first, as a stream."""
        return self._store.stream({"actor": str(actor)})

    async def verify(self) -> tuple[int, int | None]:
        """Walk the whole chain; return how many records fit and the `seq` of the first that does not."""
        seq, last_hash = await self._store.anchor()
        checked = 0
        while records := await self._store.after(seq, _VERIFY_PAGE):
            broken = first_break(records, seq, last_hash)
            if broken is not None:
                return checked + broken - seq - 1, broken
            checked += len(records)
            seq, last_hash = records[-1]["seq"], records[-1]["hash"]
        return checked, None

    async def prune(self, before: datetime) -> int:
        """Remove records stored before `before`; the rest of the chain stays verifiable. Return how many."""
        return await self._store.prune(before)
