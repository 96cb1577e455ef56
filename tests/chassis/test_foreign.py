"""What somebody else put on the bus breaks nobody and steers nothing, whatever it holds."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text

from services.chassis.db import Database
from services.chassis.events import FIELD, ONLY, Event, stream
from services.chassis.outbox import OutboxRelay
from services.chassis.redis import connect
from services.chassis.registry import Directory, Registration, key
from services.chassis.upkeep import trim_streams
from tests.chassis.events import consumer, dead_letters, effects, event, eventually, on_bus, pending, serving
from tests.chassis.servers import HAPPENED, OTHER, PROBE, Servers

GOOD = json.loads(event("x").encode())


def changed(**fields: Any) -> bytes:
    """Return an event with other attributes."""
    return json.dumps({**GOOD, **fields}).encode()


FOREIGN: list[dict[bytes, bytes]] = [
    {b"nothing": b"of ours"},
    {FIELD: b""},
    {FIELD: b"\xff\xfe\x00"},
    {FIELD: b"[]"},
    {FIELD: b'"text"'},
    {FIELD: b"null"},
    {FIELD: b"[" * 5000 + b"]" * 5000},
    {FIELD: changed(data=[])},
    {FIELD: changed(id="1")},
    {FIELD: changed(id=None)},
    {FIELD: changed(sequence="9" * 5000)},
    {FIELD: changed(sequence=[])},
    {FIELD: changed(time="yesterday")},
    {FIELD: changed(time="9999-12-31T23:59:59-23:59")},
    {FIELD: changed(type=OTHER)},  # in the stream of another type
    {FIELD: changed(specversion="0.3")},
    {FIELD: b"x" * 2_000_000},
    {b"stream": b"bus:events:user.created", b"entry": b"9-9", b"attempts": b"many", b"error": b"\xff" * 5000},
    {b"\xff" * 300: b"\xfe" * 300_000},
]


@pytest.fixture
async def operator(servers: Servers, bus: Any) -> AsyncIterator[Any]:
    """The bus, seen by somebody who may write anything."""
    async with connect(servers.operator_url("redis"), name="tests") as client:
        yield client


async def test_entries_that_are_no_events_are_set_aside_and_the_rest_is_consumed(
    operator: Any, db: Database, bus: Any
) -> None:
    for entry in FOREIGN:
        await operator.xadd(stream(HAPPENED), entry)
    last = event("last")
    await operator.xadd(stream(HAPPENED), {FIELD: last.encode(), b"attempts": b"many", b"stream": b"elsewhere"})
    await operator.xadd(stream(HAPPENED), {FIELD: event("hidden").encode(), ONLY: b"\xff"})
    async with serving(consumer(bus, db)):
        await eventually(lambda: has(db, "last"), "the event behind them has its effect")
        await eventually(lambda: none_pending(bus), "everything is acknowledged")
    assert await effects(db) == ["last"]
    letters = await dead_letters(bus)
    assert len(letters) == len(FOREIGN)
    for letter in letters:
        assert letter[b"stream"] == stream(HAPPENED).encode()
        assert letter[b"attempts"] == b"1"
        assert letter[b"entry"] != b"9-9"
        assert sum(map(len, letter.values())) < 100_000


async def test_a_dead_letter_says_what_is_known_and_not_what_the_entry_says(
    operator: Any, db: Database, bus: Any
) -> None:
    async def fail(*_: object) -> None:
        raise RuntimeError("no")

    hopeless = event("hopeless")
    fields = {FIELD: hopeless.encode(), b"stream": b"bus:events:user.deleted", b"attempts": b"0", b"error": b"none"}
    entry = await operator.xadd(stream(HAPPENED), fields)
    async with serving(consumer(bus, db, happened=fail)):
        await eventually(lambda: is_dead(bus), "it is given up")
    [letter] = await dead_letters(bus)
    assert (letter[b"stream"], letter[b"entry"]) == (stream(HAPPENED).encode(), entry)
    assert (letter[b"attempts"], Event.of(letter).id) == (b"3", hopeless.id)
    assert b"RuntimeError" in letter[b"error"]


async def test_an_event_with_a_number_beyond_64_bits_leaves_and_holds_up_nobody(db: Database, bus: Any) -> None:
    async with db.transaction() as unit:
        unit.publish(HAPPENED, subject="big", data={"n": 1})
        unit.publish(HAPPENED, subject="after", data={"n": 2})
    async with db.transaction() as unit:
        await unit.session.execute(
            text("UPDATE outbox SET data = CAST(:d AS jsonb) WHERE subject = 'big'"), {"d": '{"n": ' + "9" * 40 + "}"}
        )
    async with serving(OutboxRelay("probe", db, bus)):
        await eventually(lambda: published(bus, 2), "both are on the bus")


async def test_retention_goes_on_behind_a_stream_that_cannot_be_trimmed(operator: Any) -> None:
    await operator.set(stream(OTHER), "no stream at all")
    await operator.xadd(stream(HAPPENED), {FIELD: b"x"}, id="18446744073709551615-18446744073709551614")
    await operator.xgroup_create(stream(HAPPENED), "probe", id="18446744073709551615-18446744073709551615")
    old = "bus:events:thing.old"
    for number in range(500):
        await operator.xadd(old, {FIELD: b"x"}, id=f"{number + 1}-0")
    await operator.xgroup_create(old, "probe", id="$")
    assert await trim_streams(operator, [OTHER, HAPPENED, "thing.old"]) > 0


async def test_what_is_no_replica_in_the_registry_hides_no_other(servers: Servers, operator: Any, bus: Any) -> None:
    for member in (b"x", b"[]", b"[1]", b'["a", "b", "c", "d"]', b'{"a": 1}', b"\xff", b'["a","b","c",null]'):
        await operator.zadd(key("probe"), {member: 2**52})
    registration = Registration(servers.settings(PROBE), bus)
    directory = Directory(bus, ["probe"], refresh_s=0.05)
    await directory.start()
    try:
        await operator.publish("registry", b"\xff\xfe")
        await registration.start()
        await eventually(lambda: sees(directory), "the replica is seen")
    finally:
        await registration.stop()
        await directory.stop()


async def has(db: Database, subject: str) -> bool:
    return subject in await effects(db)


async def none_pending(bus: Any) -> bool:
    return await pending(bus) == 0


async def is_dead(bus: Any) -> bool:
    return bool(await dead_letters(bus))


async def published(bus: Any, count: int) -> bool:
    return len(await on_bus(bus)) == count


async def sees(directory: Directory) -> bool:
    return directory.pick("probe") is not None
