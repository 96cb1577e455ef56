"""`migrate down` knows what it destroys, whatever the spelling, because it has done so on a copy."""

from __future__ import annotations

import pytest

from autional_cli.migrations.apply import status, upgrade
from autional_cli.migrations.loss import losses
from tests.drift.databases import Databases, execute, fetch
from tests.migrations.workspace import SERVICE, Workspace

UP = """
op.create_table("more", sa.Column("id", sa.Integer), sa.Column("note", sa.Text), sa.Column("fee", sa.Numeric(12, 4)))
op.execute("CREATE TYPE mood AS ENUM ('ok', 'sad')")
op.execute("CREATE TABLE moods (mood mood, empty text)")
op.execute("CREATE SCHEMA extra")
op.execute("CREATE TABLE extra.box (id int)")
op.execute("CREATE FUNCTION wipe() RETURNS void LANGUAGE sql AS 'DELETE FROM more'")
"""
ROWS = (
    "INSERT INTO more VALUES (1, 'a', 1.5), (2, 'b', 2.0001)",
    "INSERT INTO moods VALUES ('ok', NULL), ('sad', NULL)",
    "INSERT INTO extra.box VALUES (1)",
    "INSERT INTO things VALUES (1, 'one')",
)
BOTH = "table more (2 rows)"
LOSING = {
    'op.execute("DELETE FROM more")': "table more (2 of 2 rows)",
    'op.execute("DELETE FROM more WHERE id = 1")': "table more (1 of 2 rows)",
    'op.execute("TRUNCATE more")': "table more (2 of 2 rows)",
    'op.execute("DROP TABLE moods, more")': BOTH,
    'op.execute("  \\n  -- why\\n  drop  /* not */ table\\n if exists public.\\"more\\" cascade")': BOTH,
    "op.execute(\"DO $$ BEGIN EXECUTE 'DROP ' || 'TABLE more'; END $$\")": BOTH,
    'op.execute("SELECT wipe()")': "table more (2 of 2 rows)",
    'op.get_bind().exec_driver_sql("DELETE FROM more")': "table more (2 of 2 rows)",
    'op.execute(sa.table("more").delete())': "table more (2 of 2 rows)",
    'with op.get_context().autocommit_block():\n    op.execute("DROP TABLE more")': BOTH,
    'with op.batch_alter_table("more") as batch:\n    batch.drop_column("note")': "column more.note (2 values)",
    'op.execute("ALTER TABLE more DROP note, DROP fee")': "column more.note (2 values)",
    'op.alter_column("more", "fee", type_=sa.Numeric(10, 2))': "values of more (in 1 row)",
    "op.execute(\"ALTER TABLE more ALTER note TYPE varchar(1) USING 'x'\")": "values of more (in 2 rows)",
    'op.execute("UPDATE more SET note = NULL")': "values of more (in 2 rows)",
    'op.execute("DROP SCHEMA extra CASCADE")': "table extra.box (1 row)",
    'op.execute("DROP TYPE mood CASCADE")': "column moods.mood (2 values)",
    'op.execute("CREATE TABLE m2 AS TABLE more")\nop.drop_table("more")\nop.rename_table("m2", "more")': BOTH,
    'op.execute("SELECT 1 / 0")': "division by zero",
    "import pymongo\npymongo.MongoClient().audit.events.drop()": "0002_made.py uses pymongo, which no copy can show",
    '__import__("os").unlink("/nowhere")': "0002_made.py uses __import__(), which no copy can show",
}
HARMLESS = {
    'op.rename_table("more", "fewer")': "a table with another name",
    'op.alter_column("more", "note", new_column_name="remark")': "a column with another name",
    'op.execute("ALTER TABLE moods DROP empty")': "a column without a value",
    'op.alter_column("more", "id", type_=sa.BigInteger)': "a type that holds as much",
    'op.alter_column("more", "id", type_=sa.Text, postgresql_using="id::text")': "the same value as a text",
    'op.execute("DROP FUNCTION wipe()")': "no table",
    'op.add_column("more", sa.Column("later", sa.Integer, server_default="1"))': "something more",
    "op.execute(\"COMMENT ON TABLE more IS 'DROP TABLE more'\")": "words alone",
    'op.execute("CREATE TABLE t (id int)")\nop.drop_table("t")': "a table that was not there",
}


async def applied(workspace: Workspace, url: str, down: str) -> None:
    """Bring the database to a second revision whose way down is `down`, with rows."""
    workspace.revision(2, UP, down)
    await upgrade(workspace.root, SERVICE, url)
    await execute(url, *ROWS)


@pytest.mark.parametrize("down", LOSING)
async def test_whatever_destroys_data_is_told_and_nothing_has_happened(
    workspace: Workspace, url: str, down: str
) -> None:
    await applied(workspace, url, down)
    found = await losses(workspace.root, SERVICE, url, "thing_0001")
    assert any(LOSING[down] in told for told in found), found
    assert (await status(workspace.root, SERVICE, url)).revision == "thing_0002"
    assert await fetch(url, "SELECT id, note FROM more ORDER BY id") == [(1, "a"), (2, "b")]


@pytest.mark.parametrize("down", HARMLESS, ids=list(HARMLESS.values()))
async def test_what_destroys_nothing_asks_for_nothing(workspace: Workspace, url: str, down: str) -> None:
    await applied(workspace, url, down)
    assert await losses(workspace.root, SERVICE, url, "thing_0001") == []


async def test_the_copy_has_the_rights_of_the_service_and_is_gone_afterwards(
    workspace: Workspace, databases: Databases
) -> None:
    """What the service may not do on its own database is not done at the rehearsal either."""
    url, operator = databases.gallery_url, databases.operator_url
    await execute(url, "DROP SCHEMA public CASCADE", "CREATE SCHEMA public")
    await execute(operator, "CREATE TABLE IF NOT EXISTS kept (id int)")
    reach = "with op.get_context().autocommit_block():\n    op.execute('ALTER ROLE mfa CONNECTION LIMIT 1')"
    try:
        await applied(workspace, url, reach)
        [told] = await losses(workspace.root, SERVICE, url, "thing_0001", operator)
        assert "permission denied to alter role" in told
        assert await fetch(operator, "SELECT rolconnlimit FROM pg_roles WHERE rolname = 'mfa'") == [(-1,)]
        workspace.revision(2, UP, 'op.execute("DELETE FROM more")')
        connection = await fetch(url, "SELECT 1")
        assert connection
        assert await losses(workspace.root, SERVICE, url, "thing_0001", operator) == ["table more (2 of 2 rows)"]
        assert await fetch(operator, "SELECT datname FROM pg_database WHERE datname LIKE 'autional_scratch%'") == []
    finally:
        await execute(operator, "DROP TABLE kept")
        await execute(url, "DROP SCHEMA public, extra CASCADE", "CREATE SCHEMA public")
