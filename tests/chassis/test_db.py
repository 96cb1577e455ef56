"""The unit of work, on a real PostgreSQL that is also killed and restarted."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import SpanKind
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError

from services.chassis.db import Database, summarise
from services.chassis.errors import UNAVAILABLE, VALIDATION, ResourceUnavailableError, ServiceError
from services.chassis.tracing import span
from tests.chassis.events import effects, eventually
from tests.chassis.servers import Servers

INSERT = text("INSERT INTO effects (subject) VALUES (:s)")


async def add(db: Database, subject: str) -> None:
    async with db.transaction() as unit:
        await unit.session.execute(INSERT, {"s": subject})


async def test_a_unit_of_work_commits_when_its_block_ends(db: Database) -> None:
    await add(db, "a")
    assert await effects(db) == ["a"]


async def test_a_unit_of_work_rolls_back_when_its_block_raises_and_the_error_passes_unchanged(db: Database) -> None:
    error = RuntimeError("the work failed")
    with pytest.raises(RuntimeError) as caught:
        async with db.transaction() as unit:
            await unit.session.execute(INSERT, {"s": "a"})
            raise error
    assert caught.value is error
    assert await effects(db) == []


async def test_after_commit_actions_run_after_the_commit_and_never_after_a_rollback(db: Database) -> None:
    seen: list[Any] = []

    async def look() -> None:
        seen.append(await effects(db))

    async with db.transaction() as unit:
        unit.after_commit(look)
        unit.after_commit(lambda: seen.append("plain"))
        await unit.session.execute(INSERT, {"s": "a"})
        assert seen == []
    assert seen == [["a"], "plain"]
    with pytest.raises(RuntimeError):
        async with db.transaction() as unit:
            unit.after_commit(lambda: seen.append("never"))
            raise RuntimeError
    assert "never" not in seen


async def test_the_pool_recovers_after_kill_9_and_restart_and_nothing_committed_is_lost(
    servers: Servers, db: Database
) -> None:
    await add(db, "before")
    begun, killed = asyncio.Event(), asyncio.Event()

    async def interrupted() -> None:
        async with db.transaction() as unit:
            await unit.session.execute(INSERT, {"s": "half"})
            begun.set()
            await killed.wait()
            await unit.session.execute(INSERT, {"s": "half"})

    work = asyncio.create_task(interrupted())
    await asyncio.wait_for(begun.wait(), 5)
    await servers["postgres"].kill()
    try:
        await eventually(lambda: _is_away(db), "the server is gone")
        killed.set()
        with pytest.raises(ResourceUnavailableError):
            await work
        with pytest.raises(ResourceUnavailableError) as caught:
            await add(db, "during")
        assert (caught.value.code, caught.value.details) == (UNAVAILABLE, {"resource": "database"})
    finally:
        await servers["postgres"].start()
    await add(db, "after")
    assert sorted(await effects(db)) == ["after", "before"]


async def test_a_connection_that_the_server_ended_is_replaced_unnoticed(db: Database) -> None:
    await add(db, "a")
    async with db.transaction() as unit:
        others = "FROM pg_stat_activity WHERE usename = current_user AND pid <> pg_backend_pid()"
        await unit.session.execute(text(f"SELECT pg_terminate_backend(pid) {others}"))
    await asyncio.gather(*(add(db, str(n)) for n in range(5)))
    assert len(await effects(db)) == 6


async def test_an_error_of_the_statement_is_not_taken_for_a_missing_database(db: Database) -> None:
    with pytest.raises(DBAPIError):
        async with db.transaction() as unit:
            await unit.session.execute(text("SELECT * FROM nowhere"))
    with pytest.raises(IntegrityError):
        async with db.transaction() as unit:
            await unit.session.execute(INSERT, {"s": None})


async def test_an_os_error_of_the_work_itself_is_not_taken_for_a_missing_database(db: Database) -> None:
    with pytest.raises(ConnectionRefusedError):
        async with db.transaction():
            raise ConnectionRefusedError("some mail server")


@pytest.mark.parametrize("statement", ["INSERT INTO effects (subject) VALUES (:s)", "SELECT CAST(:s AS jsonb)"])
async def test_a_character_that_cannot_be_stored_is_the_client_s_mistake(db: Database, statement: str) -> None:
    value = '"\\u0000"' if "jsonb" in statement else "a\x00b"
    with pytest.raises(ServiceError) as caught:
        async with db.transaction() as unit:
            await unit.session.execute(text(statement), {"s": value})
    assert caught.value.code is VALIDATION


@pytest.mark.parametrize("value", [2**31, -(2**40)])
async def test_a_number_too_large_for_its_column_is_the_client_s_mistake(db: Database, value: int) -> None:
    with pytest.raises(ServiceError) as caught:
        async with db.transaction() as unit:
            await unit.session.execute(text("SELECT CAST(:n AS integer)"), {"n": value})
    assert caught.value.code is VALIDATION


@pytest.mark.parametrize(
    ("statement", "summary"),
    [
        ("SELECT users.id FROM users WHERE id = $1", "SELECT users"),
        ("select 1", "SELECT"),
        ("INSERT INTO outbox (type) VALUES ($1)", "INSERT outbox"),
        ("UPDATE sessions SET x = 1", "UPDATE sessions"),
        ("DELETE FROM inbox WHERE true", "DELETE inbox"),
        ("", "SQL"),
    ],
)
def test_a_statement_is_summarised_by_operation_and_table(statement: str, summary: str) -> None:
    assert summarise(statement) == summary


async def test_sql_spans_name_the_statement_and_hold_no_parameters(db: Database, spans: InMemorySpanExporter) -> None:
    with span("request", SpanKind.SERVER, {}):
        await add(db, "a-very-secret-value")
    found = {each.name: each for each in spans.get_finished_spans()}
    insert = found["INSERT effects"]
    assert insert.kind is SpanKind.CLIENT
    assert insert.attributes is not None
    assert insert.attributes["db.system.name"] == "postgresql"
    assert insert.attributes["db.namespace"] == "probe"
    assert "COMMIT" in found
    assert "a-very-secret-value" not in "".join(each.to_json() for each in found.values())


async def test_a_failed_statement_marks_its_span(db: Database, spans: InMemorySpanExporter) -> None:
    with pytest.raises(DBAPIError), span("request", SpanKind.SERVER, {}):
        async with db.transaction() as unit:
            await unit.session.execute(text("SELECT * FROM nowhere WHERE x = 'a-very-secret-value'"))
    [failed] = [each for each in spans.get_finished_spans() if each.name == "SELECT nowhere"]
    assert failed.attributes is not None
    assert "error.type" in failed.attributes


async def _is_away(db: Database) -> bool:
    try:
        await db.ping()
    except (OSError, ResourceUnavailableError):
        return True
    except DBAPIError:
        return False
    return False
