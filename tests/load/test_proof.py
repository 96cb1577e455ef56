"""The account on a real platform: it balances when nothing is wrong, and finds what was taken or added by hand."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from redis.asyncio import Redis

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.instance import Instance
from autional_cli.load.crowd import Crowd, Shape, Target, load
from autional_cli.load.ledger import Ledger
from autional_cli.load.proof import prove
from autional_cli.load.settling import settle
from autional_cli.migrations.databases import database_url
from autional_cli.supervisor.topology import all_resources
from services.chassis.events import FIELD, Event, stream
from tests.platform.running import Platform

SMALL = Shape(users=9, rate=18, newcomers=1)


@pytest.fixture
def target(platform: Platform) -> Target:
    return Target.of(Instance.open(platform.root, platform.instance), platform.status())


@asynccontextmanager
async def database(target: Target, service: str) -> AsyncIterator[asyncpg.Connection[Any]]:
    url = database_url(target.instance, service).replace("postgresql+asyncpg", "postgresql")
    connection = await asyncpg.connect(url)
    try:
        yield connection
    finally:
        await connection.close()


@asynccontextmanager
async def bus(target: Target) -> AsyncIterator[Any]:
    redis = next(resource for resource in all_resources(target.instance) if resource.name == "redis")
    async with Redis.from_url(redis.admin_url()) as client:
        yield client


async def nothing(crowd: Crowd) -> int:
    await asyncio.sleep(1)
    return len(crowd.residents)


async def test_a_quiet_platform_answers_everything_and_applies_every_message_once(target: Target) -> None:
    proof = await prove(target, SMALL, nothing)
    told = proof.to_json()
    assert proof.holds, told
    assert proof.result == 9
    assert told["requests"]["sent"] == told["requests"]["answered"] + told["requests"]["refused"] > 30
    assert told["messages"]["applied"] == told["messages"]["due"] > 30
    assert {step.capability.partition(".")[0] for step in proof.records.steps} >= {"identity", "session", "audit"}
    assert all(request.trace_id for request in proof.records.requests)


async def test_a_failed_request_is_in_the_account_with_what_happened(target: Target, platform: Platform) -> None:
    async def kill(_crowd: Crowd) -> None:
        os.kill(await asyncio.to_thread(platform.pid, "gateway"), signal.SIGKILL)
        await asyncio.sleep(0.5)

    proof = await prove(target, replace(SMALL, newcomers=0, rate=0), kill, after_s=2)
    assert not proof.holds
    assert proof.lost_requests == len(proof.records.failed()) > 0
    assert all(request.error for request in proof.records.failed())
    assert proof.account.balanced, proof.account


async def test_what_is_missing_or_there_twice_is_found_with_its_trace(target: Target) -> None:
    ledger = await Ledger.open(target.instance, target.services)
    try:
        async with load(target, replace(SMALL, newcomers=0)) as crowd:
            await asyncio.sleep(1)
        steps = crowd.records.steps
        assert (await settle(ledger, steps)).balanced
        events = list((await ledger.read()).published.values())
        await unapply(target, next(event for event in events if event.type == "user.created"))
        await double(target, next(event for event in events if event.type == "user.logged_in"))
        promised = next(step for step in steps if step.capability == "identity.login")
        await unpublish(target, ledger, promised.trace_ids)
        account = await settle(ledger, steps, deadline_s=0.5)
    finally:
        await ledger.close()
    created = next(event for event in events if event.type == "user.created")
    found = {(each.what, each.type, each.where): each.trace_id for each in account.lost}
    assert found["not applied", "user.created", "profile"] == created.trace_id
    assert found["never published", "session.created", "session"] in promised.trace_ids
    (doubled,) = account.doubled
    assert (doubled.type, doubled.where, bool(doubled.trace_id)) == ("user.logged_in", "notification", True)
    assert not account.balanced


async def unapply(target: Target, event: Event) -> None:
    """Have profile forget that it applied an event."""
    async with database(target, "profile") as connection:
        assert await connection.execute("DELETE FROM inbox WHERE event_id = $1", event.id) == "DELETE 1"


async def double(target: Target, event: Event) -> None:
    """Have notification owe the e-mail for an event a second time, as if it had applied it twice; it is 'sent'."""
    async with database(target, "notification") as connection:
        done = await connection.execute(
            "INSERT INTO deliveries (id, user_id, kind, data, status, traceparent) SELECT gen_random_uuid(), user_id, "
            "kind, data, 'sent', traceparent FROM deliveries WHERE traceparent LIKE $1 AND kind = 'login_alert'",
            f"%{event.trace_id}%",
        )
    assert done == "INSERT 0 1"


async def unpublish(target: Target, ledger: Ledger, traces: tuple[str, ...]) -> None:
    """Take the event of a session's creation off the bus."""
    assert "session.created" in ledger.specs["session"].publishes
    async with bus(target) as client:
        name = stream("session.created")
        for entry, fields in await client.xrange(name):
            if Event.decode(fields[FIELD]).trace_id in traces:
                assert await client.xdel(name, entry) == 1


async def test_an_event_counts_from_its_commit_on(target: Target) -> None:
    ledger = await Ledger.open(target.instance, target.services)
    try:
        async with database(target, "mfa") as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO outbox (event_id, type, subject, data) VALUES (gen_random_uuid(), 'mfa.failed', 'x', '{}')"
            )
            assert (await settle(ledger, deadline_s=0.3)).published == 0
        account = await settle(ledger)
    finally:
        await ledger.close()
    assert account.published == 1
    assert account.applied == account.due == 1


async def test_a_database_that_cannot_be_read_is_named_and_the_account_is_not_balanced(target: Target) -> None:
    ledger = await Ledger.open(target.instance, target.services)
    await ledger.close()
    urls = {"profile": "postgresql+asyncpg://profile:wrong@127.0.0.1:1/profile"}
    async with bus(target) as client:
        broken = Ledger(client, ledger.specs, urls)
        await broken.mark()
        account = await settle(broken, deadline_s=0.1)
    assert list(account.unreadable) == ["profile"]
    assert not account.balanced
    assert not account.settled


async def test_a_ledger_whose_connection_was_cut_goes_on_reading(target: Target) -> None:
    ledger = await Ledger.open(target.instance, target.services)
    try:
        async with bus(target) as client:
            mine = [each for each in await client.client_list() if each["name"] == "ledger"]
            for each in mine:
                await client.client_kill_filter(_id=each["id"])
        reading = await ledger.read()
    finally:
        await ledger.close()
    assert mine
    assert not reading.unreadable


async def test_a_platform_that_is_broken_before_is_no_subject(target: Target) -> None:
    nowhere = replace(target, gateway="http://127.0.0.1:1")
    with pytest.raises(AutionalError, match="not well before any load: identity") as refused:
        async with load(nowhere, SMALL):
            pass
    assert refused.value.exit_code is ExitCode.SERVICE_FAILED


async def test_load_without_a_gateway_is_refused(target: Target) -> None:
    with pytest.raises(AutionalError, match="no gateway"):
        async with load(replace(target, gateway=""), SMALL):
            pass
