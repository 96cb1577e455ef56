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

PAINTED = """
INSERT INTO paintings (id, artist_id, title, year, number)
SELECT gen_random_uuid(), 1, t, 1960, 1 FROM unnest(ARRAY['Roots', 'Wings']) t
"""
ROWS = (
    "INSERT INTO artists (name, fame, nickname, fee) VALUES ('Frida', 9, 'F', 12.50), ('Paul', 3, NULL, 0.01)",
    PAINTED,
    "INSERT INTO loans (room, during, days) VALUES ('A', '[1,3)', 2), ('B', '[4,6)', 5)",
    "INSERT INTO \"order\" VALUES (1, 'me')",
    "REFRESH MATERIALIZED VIEW busy",
)
OPERATOR = "/* the operator */ "  # who plants it
PARENT = "CREATE TABLE older (LIKE loans INCLUDING GENERATED); ALTER TABLE loans INHERIT older"
UNSAFE = ("--", "# ")
NOT_FIRED = "ALTER TABLE artists DISABLE TRIGGER ALL"
EVENT_TRIGGER = """
CREATE FUNCTION public.nothing() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
CREATE EVENT TRIGGER watchful ON ddl_command_end EXECUTE FUNCTION public.nothing()
"""
ELSEWHERE = "ALTER SEQUENCE painting_numbers OWNED BY paintings.number"


@dataclass(frozen=True, slots=True)
class Case:
    """What is planted, and whether there is a mend that loses nothing."""

    planted: str
    mendable: bool = True


CASES: dict[str, list[Case]] = {
    "enum_missing": [Case("ALTER TYPE mood RENAME TO moods")],
    "enum_extra": [Case("CREATE TYPE colour AS ENUM ('red, dark', 'it''s')")],
    "enum_labels": [
        Case("ALTER TYPE mood RENAME VALUE 'happy' TO 'glad'"),
        Case("ALTER TYPE mood ADD VALUE 'furious'", mendable=False),
    ],
    "enum_role": [Case(OPERATOR + "ALTER TYPE mood OWNER TO autional")],
    "domain_missing": [Case("DROP DOMAIN grade")],
    "domain_extra": [Case("CREATE DOMAIN mark AS text NOT NULL")],
    "domain_definition": [Case("ALTER DOMAIN grade DROP CONSTRAINT grade_range", mendable=False)],
    "domain_role": [Case(OPERATOR + "ALTER DOMAIN grade OWNER TO autional")],
    "sequence_missing": [Case("DROP SEQUENCE ticket_numbers")],
    "sequence_extra": [Case("CREATE SEQUENCE others")],
    "sequence_definition": [Case("ALTER SEQUENCE ticket_numbers CYCLE INCREMENT BY 5")],
    "sequence_owner": [
        Case(ELSEWHERE),
        Case("CREATE TABLE strange (id int); ALTER SEQUENCE ticket_numbers OWNED BY strange.id"),
    ],
    "sequence_persistence": [Case("ALTER SEQUENCE ticket_numbers SET UNLOGGED")],
    "sequence_role": [Case(OPERATOR + "ALTER SEQUENCE ticket_numbers OWNER TO autional")],
    "sequence_rights": [Case("REVOKE UPDATE ON SEQUENCE ticket_numbers FROM gallery")],
    "table_missing": [Case("DROP TABLE loans CASCADE"), Case('DROP TABLE "order"')],
    "table_extra": [Case('CREATE TABLE "select" (id int PRIMARY KEY)')],
    "table_kind": [
        Case('DROP TABLE "order"; CREATE TABLE "order" (id int, "user" text) PARTITION BY LIST (id)', mendable=False)
    ],
    "table_persistence": [Case("ALTER TABLE loans SET UNLOGGED")],
    "table_row_security": [
        Case("ALTER TABLE artists ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY"),
        Case("ALTER TABLE loans ENABLE ROW LEVEL SECURITY"),
    ],
    "table_inherits": [Case(PARENT)],
    "table_comment": [Case("COMMENT ON TABLE loans IS 'it''s \\ :other'"), Case("COMMENT ON TABLE artists IS 'new'")],
    "table_role": [Case(OPERATOR + "ALTER TABLE paintings OWNER TO autional")],
    "table_rights": [
        Case("REVOKE INSERT, UPDATE ON paintings FROM gallery"),
        Case(OPERATOR + 'ALTER TABLE "order" OWNER TO autional; REVOKE ALL ON "order" FROM gallery'),
    ],
    "column_missing": [Case("ALTER TABLE artists DROP born"), Case("ALTER TABLE loans DROP twice")],
    "column_extra": [Case("ALTER TABLE artists ADD died date"), Case('ALTER TABLE "order" ADD "group" text')],
    "column_type": [
        Case("ALTER TABLE artists ALTER fee TYPE numeric(12, 4)"),
        Case("ALTER TABLE artists ALTER nickname TYPE text"),
        Case("ALTER TABLE paintings ALTER number TYPE text USING number::text"),
    ],
    "column_nullable": [
        Case('ALTER TABLE loans ALTER "keep" DROP NOT NULL'),
        Case("ALTER TABLE loans ALTER keep DROP NOT NULL, ADD CONSTRAINT later NOT NULL keep NOT VALID"),
    ],
    "column_default": [Case("ALTER TABLE artists ALTER fame SET DEFAULT 5")],
    "column_generated": [
        Case("ALTER TABLE loans ALTER twice SET EXPRESSION AS (days * 3)"),
        Case("ALTER TABLE loans DROP twice; ALTER TABLE loans ADD twice int"),
    ],
    "column_collation": [Case('ALTER TABLE artists ALTER nickname TYPE varchar(40) COLLATE "C"')],
    "column_identity": [
        Case("ALTER TABLE artists ALTER id DROP IDENTITY"),
        Case("ALTER TABLE artists ALTER id SET GENERATED BY DEFAULT SET INCREMENT BY 7 SET CYCLE"),
        Case("ALTER TABLE paintings ALTER year SET NOT NULL, ALTER year ADD GENERATED ALWAYS AS IDENTITY"),
    ],
    "column_comment": [Case("COMMENT ON COLUMN loans.room IS NULL"), Case("COMMENT ON COLUMN loans.days IS 'd'")],
    "primary_key_missing": [Case("ALTER TABLE paintings DROP CONSTRAINT pk_paintings")],
    "primary_key_extra": [Case("ALTER TABLE paintings RENAME CONSTRAINT pk_paintings TO other_name")],
    "primary_key_definition": [
        Case("ALTER TABLE loans DROP CONSTRAINT pk_loans, ADD CONSTRAINT pk_loans PRIMARY KEY (id, room)"),
        Case("ALTER TABLE loans DROP CONSTRAINT pk_loans, ADD CONSTRAINT pk_loans PRIMARY KEY (id) DEFERRABLE"),
    ],
    "unique_missing": [Case("ALTER TABLE artists DROP CONSTRAINT uq_artists_name")],
    "unique_extra": [Case("ALTER TABLE artists ADD CONSTRAINT lone UNIQUE (born)")],
    "unique_definition": [
        Case("ALTER TABLE artists DROP CONSTRAINT uq_artists_name, ADD CONSTRAINT uq_artists_name UNIQUE (name, born)")
    ],
    "check_missing": [Case("ALTER TABLE artists DROP CONSTRAINT ck_artists_fame")],
    "check_extra": [Case("ALTER TABLE artists ADD CONSTRAINT adult CHECK (born < '2010-01-01')")],
    "check_body": [
        Case(
            "ALTER TABLE artists DROP CONSTRAINT ck_artists_fame;"
            "ALTER TABLE artists ADD CONSTRAINT ck_artists_fame CHECK (fame BETWEEN 0 AND 10) NOT VALID"
        ),
        Case(
            "ALTER TABLE artists DROP CONSTRAINT ck_artists_fame;"
            "ALTER TABLE artists ADD CONSTRAINT ck_artists_fame CHECK (fame BETWEEN 0 AND 10) NOT ENFORCED"
        ),
    ],
    "exclusion_missing": [Case("ALTER TABLE loans DROP CONSTRAINT ex_loans_during")],
    "exclusion_extra": [Case("ALTER TABLE loans ADD CONSTRAINT ex2 EXCLUDE USING gist (during WITH &&)")],
    "exclusion_definition": [
        Case(
            "ALTER TABLE loans DROP CONSTRAINT ex_loans_during, "
            "ADD CONSTRAINT ex_loans_during EXCLUDE USING gist (during WITH =)"
        )
    ],
    "foreign_key_missing": [Case("ALTER TABLE paintings DROP CONSTRAINT fk_paintings_artist_id_artists")],
    "foreign_key_extra": [Case("ALTER TABLE paintings ADD CONSTRAINT f2 FOREIGN KEY (artist_id) REFERENCES artists")],
    "foreign_key_definition": [
        Case("ALTER TABLE paintings ALTER CONSTRAINT fk_paintings_artist_id_artists DEFERRABLE INITIALLY DEFERRED"),
        Case("ALTER TABLE paintings ALTER CONSTRAINT fk_paintings_artist_id_artists NOT ENFORCED"),
    ],
    "foreign_key_state": [Case(OPERATOR + NOT_FIRED), Case(OPERATOR + "ALTER TABLE paintings DISABLE TRIGGER ALL")],
    "index_missing": [Case("DROP INDEX ix_paintings_artist_id"), Case("DROP INDEX ix_busy_room")],
    "index_extra": [Case("CREATE INDEX extra ON artists (fame)")],
    "index_definition": [
        Case("DROP INDEX ix_paintings_year_title; CREATE INDEX ix_paintings_year_title ON paintings (title)")
    ],
    "index_state": [
        Case(
            OPERATOR + "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_paintings_lower_title'::regclass"
        )
    ],
    "view_missing": [Case("DROP VIEW modern"), Case("DROP MATERIALIZED VIEW busy")],
    "view_extra": [Case("CREATE VIEW ancient AS SELECT id FROM paintings")],
    "view_kind": [
        Case("DROP VIEW modern; CREATE MATERIALIZED VIEW modern AS SELECT id, title FROM paintings WHERE year > 1950")
    ],
    "view_definition": [Case("CREATE OR REPLACE VIEW modern AS SELECT id, title FROM paintings WHERE year > 1990")],
    "view_options": [Case("ALTER VIEW kept_loans RESET (security_barrier)")],
    "view_state": [Case("REFRESH MATERIALIZED VIEW busy WITH NO DATA")],
    "view_role": [Case(OPERATOR + "ALTER VIEW modern OWNER TO autional")],
    "view_rights": [Case("REVOKE SELECT ON modern FROM gallery")],
    "function_missing": [Case("ALTER FUNCTION note_loan RENAME TO note_loans")],
    "function_extra": [Case("CREATE FUNCTION two(a int, b text) RETURNS int LANGUAGE sql AS 'SELECT 2'")],
    "function_body": [
        Case("CREATE OR REPLACE FUNCTION note_loan() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NULL; END $$")
    ],
    "function_attributes": [
        Case("ALTER FUNCTION note_loan SECURITY DEFINER"),
        Case("ALTER FUNCTION note_loan SET search_path = ''"),
    ],
    "function_role": [Case(OPERATOR + "ALTER FUNCTION note_loan OWNER TO autional")],
    "function_rights": [Case("REVOKE ALL ON FUNCTION note_loan FROM gallery, PUBLIC")],
    "trigger_missing": [Case("DROP TRIGGER loan_noted ON loans")],
    "trigger_extra": [
        Case("CREATE TRIGGER again AFTER DELETE ON artists FOR EACH ROW EXECUTE FUNCTION note_loan()"),
    ],
    "trigger_definition": [
        Case("CREATE OR REPLACE TRIGGER loan_noted BEFORE UPDATE ON loans FOR EACH ROW EXECUTE FUNCTION note_loan()")
    ],
    "trigger_state": [
        Case("ALTER TABLE loans DISABLE TRIGGER loan_noted"),
        Case("ALTER TABLE loans ENABLE REPLICA TRIGGER loan_noted"),
    ],
    "rule_missing": [Case("DROP RULE kept ON loans")],
    "rule_extra": [Case("CREATE RULE none AS ON UPDATE TO artists DO INSTEAD NOTHING")],
    "rule_definition": [Case("CREATE OR REPLACE RULE kept AS ON DELETE TO loans DO INSTEAD NOTHING")],
    "rule_state": [Case("ALTER TABLE loans DISABLE RULE kept")],
    "policy_missing": [Case("DROP POLICY everyone ON loans")],
    "policy_extra": [Case("CREATE POLICY nobody ON artists AS RESTRICTIVE FOR SELECT TO PUBLIC USING (false)")],
    "policy_definition": [Case("ALTER POLICY everyone ON loans TO gallery USING (days > 1) WITH CHECK (days < 9)")],
    "role_attribute": [
        Case(OPERATOR + "ALTER ROLE gallery CONNECTION LIMIT 3"),
        Case(OPERATOR + "ALTER ROLE gallery BYPASSRLS CREATEDB"),
        Case(OPERATOR + "ALTER ROLE gallery SUPERUSER"),
    ],
    "role_setting": [
        Case("ALTER ROLE gallery SET search_path = nowhere"),
        Case("ALTER ROLE gallery SET statement_timeout = '5ms'"),
        Case("ALTER ROLE gallery RESET lock_timeout"),
        Case("ALTER ROLE gallery IN DATABASE gallery SET default_transaction_read_only = on"),
        Case(OPERATOR + "ALTER ROLE gallery SET session_replication_role = replica"),
    ],
    "database_setting": [
        Case("ALTER DATABASE gallery SET default_transaction_read_only = on"),
        Case(OPERATOR + "ALTER ROLE ALL SET bytea_output = escape"),
    ],
    "database_rights": [
        Case("REVOKE TEMPORARY ON DATABASE gallery FROM gallery"),
        Case("ALTER DATABASE gallery CONNECTION LIMIT 7"),
    ],
    "server_setting": [Case(OPERATOR + "ALTER SYSTEM SET row_security = off", mendable=False)],
    "schema_rights": [Case("REVOKE CREATE ON SCHEMA public FROM gallery")],
    "schema_extra": [Case("CREATE SCHEMA archive"), Case(OPERATOR + "CREATE SCHEMA theirs")],
    "default_rights_extra": [
        Case("ALTER DEFAULT PRIVILEGES REVOKE INSERT ON TABLES FROM gallery"),
        Case("ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC"),
        Case("ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO PUBLIC"),
    ],
    "event_trigger_extra": [
        Case(OPERATOR + EVENT_TRIGGER),
    ],
}

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
