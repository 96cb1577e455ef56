"""`autional events`: what is on the bus, and what becomes of what a service gave up."""

from __future__ import annotations

import asyncio
import json
import time
import unicodedata
from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import pytest

from autional_cli.events.bus import opened, position
from autional_cli.instance import Instance
from services.chassis.clock import new_id, utcnow
from services.chassis.events import FIELD, Event, dead_stream, stream
from services.chassis.journey import Traveller
from tests.chassis.events import eventually
from tests.platform.running import Platform

TRACEPARENT = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SIGNED_IN = "user.logged_in"


@pytest.fixture
async def bus(platform: Platform) -> AsyncIterator[Any]:
    """The bus of the shared platform; afterwards without dead letters."""
    async with opened(Instance.open(platform.root, platform.instance)) as client:
        yield client
        for service in ("audit", "notification"):
            await client.delete(dead_stream(service))


def event(kind: str, data: dict[str, Any], user: UUID | None = None) -> Event:
    return Event(new_id(), "/tests", kind, str(user or new_id()), utcnow(), 1, data, TRACEPARENT)


async def bury(bus: Any, service: str, what: Event, error: str = "ServiceError('busy')") -> str:
    """Put a letter where `service` puts what it gives up, and return its name."""
    fields = {b"stream": stream(what.type), b"entry": "1-0", b"error": error, b"attempts": "3", FIELD: what.encode()}
    entry = await bus.xadd(dead_stream(service), fields)
    return f"{service}/{entry.decode()}"


async def ask(platform: Platform, *arguments: str) -> Any:
    """Run a command in a thread; return it."""
    return await asyncio.to_thread(platform.run, "events", *arguments)


async def test_what_a_user_did_is_listed_in_order_and_followed(platform: Platform, member: Traveller) -> None:
    trace = member.facts["login_trace"]
    listed = json.loads((await ask(platform, "tail", "--trace", trace, "--format", "json")).stdout)["events"]
    assert {each["type"] for each in listed} >= {"session.created", SIGNED_IN}  # of two outboxes: either may be first
    assert {each["trace_id"] for each in listed} == {trace}
    places = [position(each["entry"]) for each in listed]
    assert places == sorted(places)
    only = (await ask(platform, "tail", "user.*", "-n", "1")).stdout.splitlines()
    assert len(only) == 1
    assert " user." in only[0]
    following = platform.start("events", "tail", "user.logged_in", "-f", "-n", "1", "--format", "json")
    try:
        assert following.stdout is not None
        first = await asyncio.to_thread(following.stdout.readline)
        assert json.loads(first)["type"] == SIGNED_IN
        from services.identity import journey

        await journey.login(member)
        second = json.loads(await asyncio.to_thread(following.stdout.readline))
        assert (second["type"], second["trace_id"]) == (SIGNED_IN, member.facts["login_trace"])
    finally:
        following.terminate()
        following.communicate(timeout=10)


async def test_a_letter_is_applied_by_who_gave_it_up_and_by_nobody_else(platform: Platform, bus: Any) -> None:
    user = new_id()
    lost = event(SIGNED_IN, {"user_id": str(user), "email": "nobody@example.com"}, user)
    name = await bury(bus, "audit", lost)
    [listed] = json.loads((await ask(platform, "dlq", "list", "--format", "json")).stdout)["letters"]
    assert (listed["letter"], listed["event_id"], listed["attempts"]) == (name, str(lost.id), 3)
    shown = await ask(platform, "dlq", "show", str(lost.id))
    assert "ServiceError('busy')" in shown.stdout
    assert f"autional trace {TRACEPARENT.split('-')[1]}" in shown.stderr

    looked = json.loads((await ask(platform, "dlq", "replay", name, "--dry-run", "--format", "json")).stdout)
    assert looked["letters"][0]["outcome"] is None
    assert await bus.xlen(dead_stream("audit")) == 1

    replayed = await ask(platform, "dlq", "replay", name, "--format", "json")
    assert replayed.returncode == 0, replayed.stderr
    assert [each["outcome"] for each in json.loads(replayed.stdout)["letters"]] == ["applied"]
    assert await bus.xlen(dead_stream("audit")) == 0
    assert audited(platform, lost) == 1
    await eventually(lambda: _read_by(bus, "notification"), "notification has had the entry before it")
    sent = json.loads((await ask(platform, "tail", "notification.*", "--format", "json", "-n", "100")).stdout)["events"]
    assert not [each for each in sent if each["subject"] == str(user)], "it was a replay for audit alone"


def audited(platform: Platform, what: Event) -> int:
    """Return how often an event is in the trail."""
    count = f"db.events.count_documents({{'_id': '{what.id}'}})"
    return int(platform.run("db", "shell", "audit", "--write", "-c", count).stdout)


async def _read_by(bus: Any, group: str) -> bool:
    groups = {each["name"].decode(): each for each in await bus.xinfo_groups(stream(SIGNED_IN))}
    return bool(groups[group]["lag"] == 0 and groups[group]["pending"] == 0)


async def test_what_fails_again_is_a_letter_again_and_a_stopped_service_gets_it_later(
    platform: Platform, bus: Any
) -> None:
    hopeless = event("user.created", {"nothing": "of use"})
    name = await bury(bus, "notification", hopeless)
    began = time.monotonic()
    early = await ask(platform, "dlq", "replay", name, "--timeout", "0")
    assert early.returncode == 5, early.stdout
    assert "autional why notification" in early.stderr
    await eventually(lambda: _is_buried(bus, "notification"), "it was tried three times and given up")
    assert time.monotonic() - began > 2  # with its pauses
    again = await ask(platform, "dlq", "replay", "--all", "--format", "json")
    assert again.returncode == 6, again.stderr
    [result] = json.loads(again.stdout)["letters"]
    assert (result["outcome"], result["event_id"]) == ("dead again", str(hopeless.id))
    assert result["error_now"]

    refused = await ask(platform, "dlq", "drop", "--service", "notification")
    assert refused.returncode == 2
    assert "--yes" in refused.stderr
    dropped = await ask(platform, "dlq", "drop", "--service", "notification", "--yes", "--format", "json")
    assert json.loads(dropped.stdout)["dropped"] is True
    assert (await ask(platform, "dlq", "list")).stdout == "[]\n"


async def _is_buried(bus: Any, service: str) -> bool:
    return bool(await bus.xlen(dead_stream(service)))


async def test_what_makes_no_sense_is_refused(platform: Platform, bus: Any) -> None:
    strange = event("wallet.debited", {})
    name = await bury(bus, "audit", strange)
    await bus.xadd(dead_stream("audit"), {b"stream": b"x", b"entry": b"1-0", b"error": b"not a CloudEvent"})
    for arguments, words in (
        (("tail", "user.born"), "there are: "),
        (("tail", "--since", "yesterday"), "--since"),
        (("dlq", "list", "gateway"), "consumes no events"),
        (("dlq", "show", "nonsense"), "no dead letter 'nonsense'"),
        (("dlq", "show", "audit/"), "may be any of"),
        (("dlq", "replay"), "say which letters"),
        (("dlq", "drop", name, "--all"), "say which letters"),
        (("dlq", "replay", name), "does not consume wallet.debited"),
        (("dlq", "replay", "--all"), "autional events dlq drop"),
    ):
        refused = await ask(platform, *arguments)
        assert refused.returncode == 2, arguments
        assert words in refused.stderr, refused.stderr
    assert await bus.xlen(dead_stream("audit")) == 2


FOREIGN: list[dict[bytes, bytes]] = [
    {b"attempts": b"many", b"stream": b"bus:events:user.deleted"},
    {b"attempts": b"9" * 5000, b"entry": b"\xff", b"error": b"\xfe\x1b[2J"},
    {FIELD: b"\xff"},
    {FIELD: b"[]", b"attempts": b"-1"},
    {b"x" * 1000: b"y" * 1_000_000},
]


async def _has_letters(bus: Any, service: str, count: int) -> bool:
    return bool(await bus.xlen(dead_stream(service)) == count)


async def test_foreign_entries_break_no_command_and_redirect_nothing(platform: Platform, bus: Any) -> None:
    for fields in FOREIGN:
        await bus.xadd(stream("user.created"), fields)
    await eventually(lambda: _has_letters(bus, "audit", len(FOREIGN)), "audit has set them aside and goes on")
    assert (await ask(platform, "tail", "-n", "1000")).returncode == 0
    await bus.delete(dead_stream("audit"))
    for fields in FOREIGN:
        await bus.xadd(dead_stream("audit"), fields)
    lost = event(SIGNED_IN, {"user_id": str(new_id()), "email": "nobody@example.com"})
    elsewhere = {b"stream": b"bus:events:user.deleted", b"attempts": b"many", FIELD: lost.encode()}
    entry = await bus.xadd(dead_stream("audit"), elsewhere)
    await bus.xadd(dead_stream("audit"), {b"error": b"late"}, id="18446744073709551614-0")
    deleted = await bus.xlen(stream("user.deleted"))

    listed = json.loads((await ask(platform, "dlq", "list", "audit", "--format", "json")).stdout)["letters"]
    assert len(listed) == len(FOREIGN) + 2
    assert {each["attempts"] for each in listed} == {0}
    assert [each["stream"] for each in listed if each["event_id"]] == [stream(SIGNED_IN)]
    table = await ask(platform, "dlq", "list")
    assert table.returncode == 0, table.stderr
    for each in listed:
        shown = await ask(platform, "dlq", "show", each["letter"])
        assert shown.returncode == 0, (each, shown.stderr)

    replayed = await ask(platform, "dlq", "replay", "--all", "--service", "audit", "--format", "json")
    results = json.loads(replayed.stdout)["letters"]
    assert [(each["letter"], each["outcome"]) for each in results] == [(f"audit/{entry.decode()}", "applied")]
    assert (replayed.returncode, "cannot be delivered" in replayed.stderr) == (2, True)
    assert audited(platform, lost) == 1
    assert await bus.xlen(stream("user.deleted")) == deleted
    dropped = await ask(platform, "dlq", "drop", "--all", "--yes")
    assert dropped.returncode == 0, dropped.stderr
    assert await bus.xlen(dead_stream("audit")) == 0


async def test_letters_and_events_of_anybody_are_shown_without_what_moves_a_cursor(
    platform: Platform, bus: Any
) -> None:
    evil = "\x1b]0;x\x07\x9b2J\u202e\u200b\r\nFORGED"
    foreign = {b"stream": evil, b"entry": evil, b"error": evil, b"attempts": evil, evil: evil, FIELD: evil}
    entry = (await bus.xadd(dead_stream("audit"), foreign)).decode()
    what = Event(new_id(), evil, f"user.{evil}", evil, utcnow(), 1, {evil: evil}, evil)
    await bury(bus, "notification", what, error=evil)
    for arguments in (
        ("dlq", "list"),
        ("dlq", "list", "--format", "json"),
        ("dlq", "show", f"audit/{entry}"),
        ("dlq", "replay", f"audit/{entry}"),
        ("dlq", "replay", "--all", "--dry-run"),
        ("dlq", "drop", "--all", "--dry-run"),
        ("tail", evil),
    ):
        shown = await ask(platform, *arguments)
        text = shown.stdout + shown.stderr
        assert text
        unseen = [each for each in text if unicodedata.category(each) in ("Cc", "Cf", "Zl", "Zp") and each != "\n"]
        assert unseen == [], (arguments, text)
        assert not any(line.startswith("FORGED") for line in text.splitlines()), (arguments, text)


def test_without_a_platform_the_bus_is_said_to_be_away(own_platform: Platform) -> None:
    refused = own_platform.run("events", "tail")
    assert refused.returncode == 4
    assert "autional up" in refused.stderr
