"""Every kind of difference that the code can name: planted among rows, found, mended, and no row is lost."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import asyncpg
import pytest
from sqlalchemy import Connection

from autional_cli.drift import catalog, families
from autional_cli.drift.model import Difference
from autional_cli.drift.relational import compare_schema
from autional_cli.drift.surroundings import compare_surroundings
from autional_cli.resources.postgres_roles import LIMITS
from tests.drift.conftest import ENGINES
from tests.drift.databases import Databases, fetch
from tests.drift.gallery import museum
from tests.drift.kinds import CASES, OPERATOR, ROWS

UNSAFE = ("--", "# ")  # how advice begins
CLEARED = """
DROP EVENT TRIGGER IF EXISTS watchful; DROP SCHEMA IF EXISTS public, archive, theirs CASCADE;
CREATE SCHEMA public AUTHORIZATION gallery; GRANT ALL ON DATABASE gallery TO gallery;
ALTER ROLE ALL RESET ALL; ALTER DATABASE gallery RESET ALL; ALTER ROLE gallery IN DATABASE gallery RESET ALL;
ALTER ROLE gallery RESET ALL; ALTER DATABASE gallery CONNECTION LIMIT -1;
ALTER ROLE gallery NOSUPERUSER NOBYPASSRLS NOCREATEDB NOCREATEROLE CONNECTION LIMIT -1
"""


async def write(url: str, *statements: str) -> None:
    """Run SQL as `autional db shell --write` does: allowed to write, whatever the defaults say."""
    settings = {"default_transaction_read_only": "off"}
    plain = url.replace("+asyncpg", "")
    connection = await asyncpg.connect(plain, timeout=5, ssl=False, server_settings=settings)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


ROW_COUNTS = "SELECT quote_ident(relname) FROM pg_class WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'"
ALL = [(kind, number) for kind, cases in CASES.items() for number in range(len(cases))]


@dataclass(frozen=True, slots=True)
class Museum:
    """A database with the museum and rows, as the service and as the operator reach it."""

    url: str
    operator: str

    async def run(self, statement: str, *, by: str = "") -> None:
        """Run SQL as the service, or as the operator; as `autional db shell --write` does, whatever the defaults."""
        await write(self.operator if by or statement.startswith(OPERATOR) else self.url, statement)

    async def rows(self) -> dict[str, list[Any]]:
        """Return every row of every table as a mapping, whoever may see it."""
        tables = [name for (name,) in await fetch(self.operator, ROW_COUNTS)]
        return {
            table: [
                json.loads(row) for (row,) in await fetch(self.operator, f"SELECT to_json(t)::text FROM ONLY {table} t")
            ]
            for table in tables
        }

    async def differences(self) -> list[Difference]:
        """Return what is found, as `autional drift` finds it."""

        def look(connection: Connection) -> list[Difference]:
            role, _ = catalog.roles(connection)
            around = list(compare_surroundings(connection, role, "gallery"))
            connection.rollback()
            return [*around, *compare_schema(connection, museum())]

        async with ENGINES.connect(self.url) as connection:
            return await connection.run_sync(look)


@pytest.fixture
async def place(databases: Databases) -> AsyncIterator[Museum]:
    """The museum, new; roles and settings are as provisioning leaves them afterwards."""
    found = Museum(databases.gallery_url, databases.operator_url.rsplit("/", 1)[0] + "/gallery")
    limits = ";".join(f"ALTER ROLE gallery SET {name} = '{value}'" for name, value in LIMITS.items())
    try:
        await write(found.operator, CLEARED + ";" + limits)
        async with ENGINES.connect(found.url) as connection:
            await connection.run_sync(museum().create_all)
            await connection.commit()
        await write(found.url, *ROWS)
        yield found
    finally:
        await write(found.operator, "ALTER SYSTEM RESET row_security")
        await write(found.operator, "SELECT pg_reload_conf()", CLEARED + ";" + limits)


def kept(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> None:
    """Assert that every row is still there, with every value of a column that both times exists."""
    for table, rows in before.items():
        now = after.get(table, [])
        assert len(now) == len(rows), table
        common = sorted(set(rows[0]) & set(now[0]) - {"twice", "initial"}) if rows else []  # those are computed
        then, present = (sorted([str(row[name]) for name in common] for row in each) for each in (rows, now))
        assert then == present


def test_every_kind_has_a_case() -> None:
    elsewhere = {*families.REVISIONS, *families.DOCUMENTS}  # test_services.py, which asserts the same of its own
    assert set(families.kinds()) - elsewhere == set(CASES)


async def test_what_is_read_is_what_the_families_name(place: Museum) -> None:
    async with ENGINES.connect(place.url) as connection:
        snapshot = await connection.run_sync(lambda sync: catalog.read(sync, "public"))
    read = {item.family: set(item.facts) for item in snapshot.values()}
    assert read == {f: {*facts, *families.HELD.get(f, ())} for f, facts in families.FACTS.items()}


async def test_the_museum_does_not_differ(place: Museum) -> None:
    assert await place.differences() == []


@pytest.mark.parametrize(("kind", "number"), ALL, ids=[f"{kind}-{number}" for kind, number in ALL])
async def test_a_kind_is_found_and_its_mend_does_what_it_says(place: Museum, kind: str, number: int) -> None:
    case = CASES[kind][number]
    await place.run(case.planted)
    before = await place.rows()
    found = await until_found(place, kind)
    assert kind in {one.kind for one in found}
    assert all(one.object and one.mend and one.model != one.database for one in found)
    for one in found:
        if one.mend.startswith(UNSAFE):
            assert not case.mendable, one
        elif case.mendable:
            await place.run(one.mend, by=one.by)
    kept(before, await place.rows())
    if case.mendable:
        assert await place.differences() == []
        await still_works(place)
    else:
        assert [one for one in found if one.kind == kind and one.mend.startswith(UNSAFE)]


async def until_found(place: Museum, kind: str) -> list[Difference]:
    """Compare; a setting of the server is there when the server has read its file again."""
    if kind == "server_setting":
        await place.run("SELECT pg_reload_conf()", by=OPERATOR)
    async with asyncio.timeout(20):
        while True:
            found = await place.differences()
            if kind != "server_setting" or any(one.kind == kind for one in found):
                return found
            await asyncio.sleep(0.05)


async def still_works(place: Museum) -> None:
    """A mended identity goes on where it was: the next row gets a number of its own."""
    if ("column", "artists", "id") in await snapshot_of(place):
        await write(place.operator, "INSERT INTO artists (name) VALUES ('Käthe')")


async def snapshot_of(place: Museum) -> catalog.Snapshot:
    async with ENGINES.connect(place.url) as connection:
        return await connection.run_sync(lambda sync: catalog.read(sync, "public"))


LOSING = [
    ("CREATE TABLE rooms (id int); INSERT INTO rooms VALUES (1)", "table_extra", "rooms holds rows"),
    ("ALTER TABLE artists ADD died date; UPDATE artists SET died = '1954-07-13'", "column_extra", "artists.died holds"),
    (
        "ALTER TABLE artists ALTER fee TYPE numeric(12, 4); UPDATE artists SET fee = 0.0001",
        "column_type",
        "artists.fee",
    ),
    (
        "ALTER TABLE artists ALTER nickname TYPE text; UPDATE artists SET nickname = repeat('x', 50)",
        "column_type",
        "are no",
    ),
    ("ALTER TABLE loans DROP twice, ADD twice int; UPDATE loans SET twice = 7", "column_generated", "of its own"),
    ("ALTER TABLE artists DROP CONSTRAINT ck_artists_fame; UPDATE artists SET fame = 99", "check_missing", "violated"),
]


@pytest.mark.parametrize(("planted", "kind", "said"), LOSING, ids=[kind for _, kind, _ in LOSING])
async def test_a_mend_that_would_lose_something_refuses(place: Museum, planted: str, kind: str, said: str) -> None:
    await place.run(planted)
    before = await place.rows()
    [one] = [one for one in await place.differences() if one.kind == kind]
    with pytest.raises(asyncpg.PostgresError, match=said):
        await place.run(one.mend)
    assert await place.rows() == before
    assert one in await place.differences()
