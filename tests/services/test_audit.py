"""The audit chain: whatever is done to it shows."""

from __future__ import annotations

import copy
from collections.abc import AsyncIterator
from typing import Any

import pytest

from services.audit.domain import GENESIS, Record, chain, first_break, record_hash
from services.audit.service import SPEC
from services.audit.store import RecordStore
from services.audit.trail import Trail
from services.chassis.errors import ResourceUnavailableError
from services.chassis.mongo import MongoDatabase
from services.chassis.settings import Settings
from tests.chassis.events import event
from tests.chassis.servers import WITNESS, Servers


def records(count: int = 6) -> list[Record]:
    return chain([event(str(n), traceparent=f"00-{'a' * 32}-{'b' * 16}-01") for n in range(count)], 0, GENESIS)


def broken(found: list[Record]) -> int | None:
    return first_break(found, 0, GENESIS)


def test_an_untouched_chain_holds_also_when_it_is_checked_in_pages() -> None:
    found = records()
    assert broken(found) is None
    assert first_break(found[3:], 3, found[2]["hash"]) is None


def test_a_chain_that_goes_on_holds() -> None:
    first = records(3)
    more = chain([event("later")], 3, first[-1]["hash"])
    assert broken(first + more) is None


@pytest.mark.parametrize("field", ["type", "source", "subject", "actor", "data", "trace_id", "time", "_id"])
def test_a_changed_record_shows(field: str) -> None:
    found = copy.deepcopy(records())
    changes: dict[str, Any] = {"data": {"n": "forged"}, "time": event("x").time.replace(year=2001)}
    found[2][field] = changes.get(field, "forged")
    assert broken(found) == 3


def test_a_changed_record_with_its_hash_made_anew_shows_at_the_next() -> None:
    found = copy.deepcopy(records())
    found[2]["data"] = {"n": "forged"}
    found[2]["hash"] = record_hash(found[2], found[2]["previous"])
    assert broken(found) == 4


@pytest.mark.parametrize("position", [0, 2, 4])
def test_a_removed_record_shows(position: int) -> None:
    found = records()
    del found[position]
    assert broken(found) == position + 1


def test_a_removed_record_with_the_rest_renumbered_shows() -> None:
    found = copy.deepcopy(records())
    del found[2]
    for seq, record in enumerate(found, 1):
        record["seq"] = seq
    assert broken(found) == 3


def test_an_inserted_record_shows() -> None:
    found = records()
    [extra] = chain([event("forged")], 2, found[1]["hash"])
    assert broken([*found[:2], extra, *found[2:]]) == 4


def test_reordered_records_show() -> None:
    found = records()
    found[2], found[3] = found[3], found[2]
    assert broken(found) == 3


@pytest.fixture
async def mongo(servers: Servers) -> AsyncIterator[MongoDatabase]:
    """A database with an empty trail; of any service with a database of this kind."""
    settings: Settings = servers.settings(WITNESS)
    assert SPEC.database == WITNESS.database == "mongo"
    database = MongoDatabase(settings)
    try:
        await database.db.drop_collection("events")
        await Trail(RecordStore(database.db)).prepare()
        yield database
    finally:
        await database.close()


async def test_a_stored_trail_holds_takes_each_event_once_and_shows_tampering(mongo: MongoDatabase) -> None:
    trail = Trail(RecordStore(mongo.db))
    events = [event(str(n)) for n in range(25)]
    await trail.append(events[:10])
    await trail.append(events[5:] + events[20:])  # some come again, some twice in one batch
    assert await trail.verify() == (25, None)
    await mongo.db["events"].update_one({"seq": 7}, {"$set": {"data.n": "forged"}})
    assert await trail.verify() == (6, 7)


async def test_a_replica_that_loses_its_place_to_others_tries_again_and_then_asks_to_wait(mongo: MongoDatabase) -> None:
    rival = Trail(RecordStore(mongo.db))

    class Store(RecordStore):
        """Between where a replica sees the end of the chain and where it writes, another one writes."""

        losses = 0

        async def head(self) -> tuple[int, str]:
            found = await super().head()
            if self.losses:
                self.losses -= 1
                await rival.append([event(f"rival {self.losses}")])
            return found

    store = Store(mongo.db)
    trail = Trail(store)
    store.losses = 3
    await trail.append([event("a"), event("b")])
    assert await trail.verify() == (5, None)

    store.losses = 100
    late = [event("c")]
    await rival.append([event("before c")])
    with pytest.raises(ResourceUnavailableError):  # the consumer waits, and counts no failure of the event
        await trail.append(late)
    assert store.losses == 96
    store.losses = 0
    await trail.append(late)
    assert await trail.verify() == (11, None)
