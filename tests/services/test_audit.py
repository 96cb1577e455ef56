"""The audit chain: whatever is done to it shows."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from services.audit.domain import GENESIS, Record, chain, first_break, record_hash
from services.audit.service import SPEC
from services.audit.trail import Trail
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


async def test_a_stored_trail_holds_takes_each_event_once_and_shows_tampering(servers: Servers) -> None:
    settings: Settings = servers.settings(WITNESS)  # any service with a database of this kind
    mongo = MongoDatabase(settings)
    try:
        await mongo.db.drop_collection("events")
        trail = Trail(mongo.db)
        await trail.prepare()
        events = [event(str(n)) for n in range(25)]
        await trail.append(events[:10])
        await trail.append(events[5:] + events[20:])  # some come again, some twice in one batch
        assert await trail.verify() == (25, None)
        await mongo.db["events"].update_one({"seq": 7}, {"$set": {"data.n": "forged"}})
        assert await trail.verify() == (6, 7)
    finally:
        await mongo.close()
    assert SPEC.database == WITNESS.database == "mongo"
