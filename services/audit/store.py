"""All access to MongoDB of audit."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from pymongo import ASCENDING, DESCENDING
from pymongo.asynchronous.database import AsyncDatabase
from pymongo.errors import BulkWriteError, DuplicateKeyError

from services.audit.domain import GENESIS, Record
from services.audit.models import ANCHORS, COLLECTIONS, EVENTS
from services.chassis.documents import prepare


class RecordStore:
    """The collections `events` (the records) and `anchors` (where the chain begins after pruning)."""

    def __init__(self, db: AsyncDatabase[Record]) -> None:
        self._db = db
        self._events = db[EVENTS.name]
        self._anchors = db[ANCHORS.name]

    async def prepare(self) -> None:
        """Create the collections with their indexes and validators."""
        await prepare(self._db, COLLECTIONS)

    async def known(self, ids: Sequence[str]) -> set[str]:
        """Return which of `ids` are stored."""
        return {record["_id"] async for record in self._events.find({"_id": {"$in": list(ids)}}, {"_id": 1})}

    async def head(self) -> tuple[int, str]:
        """Return `seq` and hash of the last record."""
        last = await self._events.find_one(sort=[("seq", DESCENDING)], projection={"seq": 1, "hash": 1})
        return (last["seq"], last["hash"]) if last else await self.anchor()

    async def insert(self, records: list[Record]) -> bool:
        """Insert records in order; false if another writer took their place in the chain."""
        try:
            await self._events.insert_many(records, ordered=True)
        except DuplicateKeyError:
            return False
        except BulkWriteError as error:
            if any(problem.get("code") != 11000 for problem in (error.details or {}).get("writeErrors", [])):
                raise
            return False
        return True

    async def query(self, criteria: dict[str, Any], before: int | None, limit: int) -> list[Record]:
        """Return records that match, newest first, with `seq` below `before`."""
        if before is not None:
            criteria = criteria | {"seq": {"$lt": before}}
        return await self._events.find(criteria).sort("seq", DESCENDING).limit(limit).to_list(limit)

    async def find(self, criteria: dict[str, Any]) -> Record | None:
        """Return one record."""
        return await self._events.find_one(criteria)

    def stream(self, criteria: dict[str, Any]) -> AsyncIterator[Record]:
        """Return all records that match, oldest first."""
        return aiter(self._events.find(criteria).sort("seq", ASCENDING).batch_size(500))

    async def after(self, seq: int, limit: int) -> list[Record]:
        """Return records after `seq`, oldest first."""
        return await self._events.find({"seq": {"$gt": seq}}).sort("seq", ASCENDING).limit(limit).to_list(limit)

    async def anchor(self) -> tuple[int, str]:
        """Return `seq` and hash of the last record that was pruned; the chain begins after it."""
        anchor = await self._anchors.find_one({"_id": "start"})
        return (anchor["seq"], anchor["hash"]) if anchor else (0, GENESIS)

    async def prune(self, before: datetime) -> int:
        """Remove the oldest records, those up to the last one stored before `before`; return how many."""
        last = await self._events.find_one({"stored_at": {"$lt": before}}, sort=[("seq", DESCENDING)])
        if last is None:
            return 0
        await self._anchors.update_one(
            {"_id": "start"}, {"$set": {"seq": last["seq"], "hash": last["hash"]}}, upsert=True
        )
        return (await self._events.delete_many({"seq": {"$lte": last["seq"]}})).deleted_count
