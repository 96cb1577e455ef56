"""The revision files without a database: heads, order, SQL of each; and the way up, down and up."""

from __future__ import annotations

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.roundtrip import up_down_up
from autional_cli.migrations.scratch import PREFIX, scratch_database
from autional_cli.migrations.script import chain, heads, pending, revision_sql
from tests.drift.databases import Databases, connect, fetch
from tests.migrations.workspace import SERVICE, Workspace

INDEX = 'op.create_index("ix_things_label", "things", ["label"])'


def test_the_sql_of_a_revision_holds_that_revision_alone(workspace: Workspace) -> None:
    workspace.revision(2, INDEX, 'op.drop_index("ix_things_label")')
    sql = revision_sql(workspace.root, SERVICE, "thing_0002")
    assert "CREATE INDEX ix_things_label ON things (label)" in sql
    assert "CREATE TABLE" not in sql
    assert "DROP INDEX ix_things_label" in revision_sql(workspace.root, SERVICE, "thing_0002", down=True)
    assert "CREATE TABLE things" in revision_sql(workspace.root, SERVICE, "thing_0001")
    with pytest.raises(AutionalError, match="thing_0003"):
        revision_sql(workspace.root, SERVICE, "thing_0003")


def test_a_revision_that_reads_data_cannot_be_printed_and_says_so(workspace: Workspace) -> None:
    workspace.revision(2, 'op.get_bind().execute(sa.text("SELECT id FROM things")).all()')
    with pytest.raises(AutionalError, match="cannot be written as SQL") as failed:
        revision_sql(workspace.root, SERVICE, "thing_0002")
    assert "rehearse" in (failed.value.hint or "")


def test_two_heads_are_both_told_and_a_broken_file_is_an_error(workspace: Workspace) -> None:
    assert heads(workspace.root, SERVICE) == ("thing_0001",)
    workspace.revision(2, INDEX)
    workspace.revision(3, INDEX, previous=1)
    assert heads(workspace.root, SERVICE) == ("thing_0002", "thing_0003")
    (workspace.folder / "0004_broken.py").write_text("revision = 'x'\ndef upgrade(:\n")
    with pytest.raises(AutionalError) as failed:
        heads(workspace.root, SERVICE)
    assert failed.value.exit_code == ExitCode.CONFIGURATION


def test_the_chain_is_in_order_and_pending_is_what_comes_after(workspace: Workspace) -> None:
    workspace.revision(2, INDEX)
    assert [(one.id, one.previous, one.path.name) for one in chain(workspace.root, SERVICE)] == [
        ("thing_0001", "", "0001_made.py"),
        ("thing_0002", "thing_0001", "0002_made.py"),
    ]
    assert [one.id for one in pending(workspace.root, SERVICE, "thing_0001")] == ["thing_0002"]
    assert len(pending(workspace.root, SERVICE, "")) == 2


async def test_up_down_up_is_silent_when_every_downgrade_undoes_its_upgrade(
    workspace: Workspace, databases: Databases
) -> None:
    workspace.revision(2, INDEX, 'op.drop_index("ix_things_label")')
    assert await up_down_up(workspace.root, SERVICE, databases.operator_url) == []


@pytest.mark.parametrize(
    ("up", "down", "problem"),
    [
        (
            'op.create_table("left", sa.Column("id", sa.Integer))',
            "pass",
            "after every downgrade there is still table left",
        ),
        ("op.execute(\"CREATE TYPE mood AS ENUM ('ok')\")", "pass", "after every downgrade there is still enum mood"),
        (INDEX, 'op.drop_index("ix_other")', "undoing thing_0002 failed"),
    ],
)
async def test_a_downgrade_that_does_not_undo_is_told(
    workspace: Workspace, databases: Databases, up: str, down: str, problem: str
) -> None:
    workspace.revision(2, up, down)
    assert problem in "\n".join(await up_down_up(workspace.root, SERVICE, databases.operator_url))


async def test_a_scratch_database_whose_maker_was_killed_goes_with_the_next(databases: Databases) -> None:
    operator = await connect(databases.operator_url)
    query = f"SELECT datname FROM pg_database WHERE starts_with(datname, '{PREFIX}')"
    try:
        await operator.execute(f"CREATE DATABASE {PREFIX}abandoned")
        with pytest.raises(RuntimeError):  # whatever happens in the block, it is removed
            async with scratch_database(databases.operator_url) as url:
                assert await fetch(databases.operator_url, query) == [(url.rsplit("/", 1)[1],)]
                raise RuntimeError
        assert await fetch(databases.operator_url, query) == []
    finally:
        await operator.close()
