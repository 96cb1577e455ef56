"""Tests of somebody else's repository, one or more for each fixture; `test_session.py` copies this file there."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from sqlalchemy import text

from autional_cli.errors import AutionalError
from autional_cli.pytest_plugin.databases import Database, Databases
from autional_cli.pytest_plugin.memory import has_room

if TYPE_CHECKING:
    from autional_cli.pytest_plugin.bus import Bus
    from autional_cli.pytest_plugin.client import AsyncClient, Client
    from autional_cli.pytest_plugin.fixtures import Users
    from autional_cli.pytest_plugin.mail import Mailbox
    from autional_cli.pytest_plugin.people import Tenant, User
    from autional_cli.pytest_plugin.room import Room
    from autional_cli.pytest_plugin.running import Platform
    from autional_cli.pytest_plugin.traces import Traces


@pytest.fixture(autouse=True)
def note_the_supervisor(platform: Platform, request: pytest.FixtureRequest) -> None:
    Path("used-instance").write_text(platform.instance.name)
    Path(f"used-{platform.worker}-{request.node.name}").write_text(str(platform.control.status()["pids"]["supervisor"]))


def test_platform_tells_where_everything_is(platform: Platform) -> None:
    assert set(platform.services) >= {"gateway", "identity", "audit"}
    assert platform.url("gateway") == platform.gateway
    assert platform.driver in ("embedded", "docker")
    with pytest.raises(AutionalError, match="there is no service 'identiy'"):
        platform.url("identiy")
    assert platform.control.why("identity")["summary"].startswith("identity is ready")


def test_users_are_of_their_tenant_and_differ(users: Users, tenant: Tenant, client: Client, anonymous: Client) -> None:
    anna, ben = users(2)
    assert anna.id != ben.id
    assert anna.email.endswith(tenant.domain)
    assert client.get("/api/v1/me", headers=anna.headers).data["identity"]["email"] == anna.email
    assert anonymous.get("/api/v1/me").status == 401
    body = {"email": ben.email, "password": "not the password"}
    assert anonymous.post("/api/v1/identity/login", body).expect(401).error == "INVALID_CREDENTIALS"
    with pytest.raises(AssertionError, match=r"expected 200, got 401: .*INVALID_CREDENTIALS"):
        anonymous.post("/api/v1/identity/login", body).expect(200)


def test_coroutines_have_a_client_too(aclient: AsyncClient, user: User) -> None:
    async def ask() -> Any:
        return await asyncio.gather(*(aclient.get("/api/v1/me") for _ in range(3)))

    answers = asyncio.run(ask())
    assert [answer.data["identity"]["email"] for answer in answers] == [user.email] * 3
    assert len({answer.trace_id for answer in answers}) == 3


def test_a_database_is_new_migrated_and_empty(database: Callable[[str], Any], platform: Platform) -> None:
    first, second = database("identity"), database("identity")
    assert (
        first.execute(
            "INSERT INTO outbox (event_id, type, subject, data, traceparent) "
            "VALUES (gen_random_uuid(), 'a', 'b', '{}', :trace)",
            {"trace": "t"},
        )
        == 1
    )
    assert first.rows("SELECT type, traceparent FROM outbox") == [{"type": "a", "traceparent": "t"}]
    assert second.rows("SELECT count(*) AS n FROM outbox") == [{"n": 0}]
    assert second.rows("SELECT version_num FROM alembic_version")[0]["version_num"].startswith("identity_")


def test_a_database_is_in_memory_where_there_is_room(database: Callable[[str], Any], platform: Platform) -> None:
    place = "SELECT spcname FROM pg_database d JOIN pg_tablespace s ON s.oid = d.dattablespace WHERE datname = :name"
    made = database("identity")
    [found] = made.rows(place, {"name": made.name})
    assert found["spcname"] == ("autional_memory" if platform.driver == "embedded" and has_room() else "pg_default")


def test_a_database_serves_the_event_loop_of_the_test(database: Callable[[str], Any]) -> None:
    async def ask() -> Any:
        async with database("identity").session() as session:
            return (await session.execute(text("SELECT count(*) FROM users"))).scalar_one()

    assert asyncio.run(ask()) == 0


def test_a_database_is_dropped_though_somebody_is_connected(platform_databases: Databases) -> None:
    one, other = platform_databases.make("session"), platform_databases.make("session")
    assert isinstance(one, Database)
    assert isinstance(other, Database)
    listed = "SELECT datname FROM pg_database WHERE datname LIKE 'autional_clone_%'"
    assert {"datname": one.name} in other.rows(listed)

    async def stay() -> None:
        connection = await asyncpg.connect(one.dsn, ssl=False)
        await asyncio.to_thread(platform_databases.remove, one, wait=True)
        connection.terminate()

    asyncio.run(stay())
    assert {"datname": one.name} not in other.rows(listed)
    platform_databases.remove(other)


def test_a_database_whose_maker_was_killed_is_removed_by_the_next(platform: Platform, platform_room: Room) -> None:
    lost, found = Databases(platform, platform_room), Databases(platform, platform_room)
    abandoned, mine = lost.make("mfa"), found.make("profile")
    assert isinstance(mine, Database)
    listed = {"name": abandoned.name}
    ended = "SELECT pg_terminate_backend(pid) AS ended FROM pg_locks WHERE objid = CAST(hashtext(:name) AS oid)"
    assert mine.rows(f"{ended} AND locktype = 'advisory'", listed) == [{"ended": True}]
    other = Databases(platform, platform_room)
    other.make("mfa")
    assert mine.rows("SELECT datname FROM pg_database WHERE datname = :name", listed) == []
    for maker in (lost, found, other):
        maker.close()


def test_documents_are_prepared_and_empty(database: Callable[[str], Any]) -> None:
    trail = database("audit")
    assert "events" in trail.db.list_collection_names()
    assert trail.db.events.count_documents({}) == 0
    assert "seq" in trail.db.events.index_information()


def test_an_unknown_database_is_refused(database: Callable[[str], Any]) -> None:
    with pytest.raises(AutionalError, match="'gateway' has no database"):
        database("gateway")


def test_bus_sees_what_is_published_and_waits_until_it_is_applied(
    bus: Bus, users: Users, client: Client, user: User
) -> None:
    anna = users(1)[0]
    created = bus.wait_for("user.created", {"user_id": anna.id})
    assert created.data["email"] == anna.email
    bus.wait_applied(created)
    verified = bus.wait_for("user.verified", {"subject": anna.id})
    assert [event.id for event in bus.published("user.verified", {"subject": anna.id})] == [verified.id]
    with pytest.raises(AutionalError, match=r"no user.deleted with .* was published within 0.3 s"):
        bus.wait_for("user.deleted", {"user_id": anna.id}, timeout=0.3)


def test_bus_publishes_and_the_consumer_has_its_effect(bus: Bus, user: User, client: Client) -> None:
    client.eventually("/api/v1/profile/me", lambda answer: answer.status == 200)
    bus.wait_applied(bus.publish("user.deleted", {"user_id": user.id}), by="profile")
    client.eventually("/api/v1/profile/me", lambda answer: answer.status == 404)


def test_mail_arrives(mailbox: Mailbox, user: User) -> None:
    assert "token=" in mailbox.wait_for(to=user, subject="Confirm").text
    with pytest.raises(AutionalError, match="no mail to"):
        mailbox.wait_for(to="nobody@example.com", timeout=0.2)


def test_trace_has_the_spans_of_a_request(client: Client, trace: Traces) -> None:
    seen = trace(client.get("/api/v1/me"))
    assert seen.services[:1] == ["gateway"]
    assert len(seen.spans(service="identity", kind="server")) == 1
    assert 1 <= len(seen.queries(service="identity")) <= 3
    assert "SELECT" in seen.queries()[0].statement
    seen.queries().at_most(3)
    with pytest.raises(AssertionError, match="expected at most 0, found"):
        seen.queries().at_most(0)


def test_trace_separates_what_a_request_set_off(anonymous: Client, trace: Traces, tenant: Tenant) -> None:
    answer = anonymous.post("/api/v1/identity/register", {"email": tenant.email(), "password": "pw-0123456789abcdef"})
    seen = trace(answer.expect(201))
    assert "user.created" in seen.events()
    assert len(seen.queries(background=True)) > len(seen.queries())
    assert "process user.created" in {span.name for span in seen.spans(name="process *")}
