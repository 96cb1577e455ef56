"""`migrate rehearse`: on a copy with the data; time, locks, and what the old code's statements meet."""

from __future__ import annotations

from typing import Any

from autional_cli.migrations.apply import status, upgrade
from autional_cli.migrations.rehearsal import Rehearsal, rehearse
from autional_cli.migrations.scratch import PREFIX
from tests.drift.databases import Databases, connect, execute, fetch
from tests.migrations.workspace import SERVICE, Workspace, tables

ROWS = "INSERT INTO things SELECT n, 'thing ' || n FROM generate_series(1, 500) n"


async def rehearsed(workspace: Workspace, databases: Databases, url: str) -> Rehearsal:
    return await rehearse(workspace.root, SERVICE, url, databases.operator_url)


async def pending(workspace: Workspace, url: str, up: str) -> None:
    await upgrade(workspace.root, SERVICE, url)
    await execute(url, ROWS)
    workspace.revision(2, up)


async def test_nothing_pending_makes_no_copy(workspace: Workspace, databases: Databases, url: str) -> None:
    await upgrade(workspace.root, SERVICE, url)
    found = await rehearsed(workspace, databases, url)
    assert (found.revision, found.head, found.steps, found.ok) == ("thing_0001", "thing_0001", (), True)


async def test_a_lock_and_a_broken_old_query_are_told(workspace: Workspace, databases: Databases, url: str) -> None:
    await pending(workspace, url, 'op.alter_column("things", "label", new_column_name="title")')
    said: list[str] = []
    found = await rehearse(workspace.root, SERVICE, url, databases.operator_url, said.append)
    [step] = found.steps
    [lock] = step.locks
    assert (step.revision, lock.table, lock.mode) == ("thing_0002", "things", "AccessExclusiveLock")
    assert lock.blocks_reads
    assert lock.blocks_writes
    assert lock.bytes == found.bytes > 8192
    assert step.elapsed_ms > 0
    assert not found.ok
    verbs = {broken.statement.split()[0] for broken in found.broken if broken.certain}
    assert verbs >= {"SELECT", "INSERT", "UPDATE"}
    assert all('column "label"' in broken.why for broken in found.broken if broken.statement.startswith("SELECT"))
    assert any(line.startswith("thing: copied in") for line in said)
    assert set(found.to_json()) >= {"service", "revision", "head", "steps", "broken", "failure", "ok", "bytes"}


async def test_the_live_database_is_left_alone_and_the_copy_is_removed(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    await pending(workspace, url, "op.execute(\"UPDATE things SET label = 'gone'\")")
    await rehearsed(workspace, databases, url)
    assert (await status(workspace.root, SERVICE, url)).revision == "thing_0001"
    assert await fetch(url, "SELECT count(*) FROM things WHERE label = 'gone'") == [(0,)]
    query = f"SELECT count(*) FROM pg_database WHERE starts_with(datname, '{PREFIX}')"
    assert await fetch(databases.operator_url, query) == [(1,)]  # the test's own


async def test_an_added_column_breaks_nothing_and_an_index_blocks_writes_only(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    up = 'op.create_index("ix_things_label", "things", ["label"])\n'
    await pending(workspace, url, up)
    workspace.revision(3, 'op.add_column("things", sa.Column("note", sa.Text))')
    found = await rehearsed(workspace, databases, url)
    assert found.ok
    assert found.broken == ()
    [index] = [lock for lock in found.steps[0].locks if lock.mode == "ShareLock"]
    assert (index.blocks_reads, index.blocks_writes) == (False, True)
    assert [step.revision for step in found.steps] == ["thing_0002", "thing_0003"]


async def test_a_required_new_column_a_new_type_and_a_new_check_are_told(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    up = """
    op.add_column("things", sa.Column("size", sa.Integer, nullable=False, server_default="1"))
    op.alter_column("things", "size", server_default=None)
    op.alter_column("things", "id", type_=sa.BigInteger)
    op.create_check_constraint("ck_things_label", "things", "label <> ''")
    """
    await pending(workspace, url, up)
    found = await rehearsed(workspace, databases, url)
    told = {(broken.why.split(" and ")[0].split(":")[0], broken.certain) for broken in found.broken}
    assert ("the new column size is NOT NULL", True) in told
    assert ("id was integer", True) in told
    assert ("ck_things_label refuses rows that were accepted", False) in told


async def test_a_revision_that_fails_on_the_data_is_told(workspace: Workspace, databases: Databases, url: str) -> None:
    await pending(workspace, url, 'op.add_column("things", sa.Column("size", sa.Integer, nullable=False))')
    found = await rehearsed(workspace, databases, url)
    assert not found.ok
    assert "revision thing_0002 failed" in found.failure
    assert "contains null values" in found.failure
    assert found.steps == ()
    assert await tables(url) == ["things"]


async def test_a_database_that_is_in_use_is_copied_all_the_same(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    await pending(workspace, url, 'op.execute("DELETE FROM things WHERE id = 500")')
    service: Any = await connect(url)
    try:
        found = await rehearsed(workspace, databases, url)
    finally:
        await service.close()
    assert found.ok
    assert found.bytes > 8192
