"""Applying revisions: two at once, failures, kill -9, Ctrl-C, and the way down."""

from __future__ import annotations

import asyncio
import os
import signal
import sys

import pytest

from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.apply import downgrade, status, upgrade
from autional_cli.migrations.loss import losses, target_of
from tests.drift.databases import ROOT, execute, fetch
from tests.migrations.workspace import SERVICE, Workspace, tables, until

SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'SELECT pg_sleep%' AND datname = current_database()"
MORE = 'op.create_table("more", sa.Column("id", sa.Integer))'
SLOW = f'{MORE}\nop.execute("SELECT pg_sleep(60)")'
DEADLINE_S = 30


def is_one(rows: object) -> bool:
    return rows == [(1,)]


def is_none(rows: object) -> bool:
    return rows == [(0,)]


async def test_up_applies_each_revision_and_tells_how_long_it_took(workspace: Workspace, url: str) -> None:
    workspace.revision(2, MORE, 'op.drop_table("more")')
    said: list[str] = []
    assert (await status(workspace.root, SERVICE, url)).revision == ""
    reached = await upgrade(workspace.root, SERVICE, url, said.append)
    assert (reached.revision, reached.current) == ("thing_0002", True)
    assert [line.split(" in ")[0] for line in said] == ["thing: applied thing_0001", "thing: applied thing_0002"]
    assert await tables(url) == ["more", "things"]


async def test_down_goes_one_step_or_to_a_revision_and_up_again(workspace: Workspace, url: str) -> None:
    workspace.revision(2, MORE, 'op.drop_table("more")')
    await upgrade(workspace.root, SERVICE, url)
    assert target_of(workspace.root, SERVICE, "thing_0002", None) == "thing_0001"
    assert (await downgrade(workspace.root, SERVICE, url)).revision == "thing_0001"
    assert await tables(url) == ["things"]
    assert (await downgrade(workspace.root, SERVICE, url, "base")).revision == ""
    assert await tables(url) == []
    assert (await upgrade(workspace.root, SERVICE, url)).current


async def test_what_going_down_would_destroy_is_known_before(workspace: Workspace, url: str) -> None:
    workspace.revision(2, 'op.add_column("things", sa.Column("note", sa.Text))', 'op.drop_column("things", "note")')
    await upgrade(workspace.root, SERVICE, url)
    assert await losses(workspace.root, SERVICE, url, "base") == []
    await execute(url, "INSERT INTO things VALUES (1, 'a', 'kept'), (2, 'b', NULL)")
    assert await losses(workspace.root, SERVICE, url, "thing_0001") == ["column things.note (1 value)"]
    assert await losses(workspace.root, SERVICE, url, "base") == ["table things (2 rows)"]
    with pytest.raises(AutionalError, match="no file for revision 'thing_0009'"):
        target_of(workspace.root, SERVICE, "thing_0002", "thing_0009")
    with pytest.raises(AutionalError, match="comes after"):
        target_of(workspace.root, SERVICE, "thing_0001", "thing_0002")


async def test_two_at_once_apply_every_revision_once(workspace: Workspace, url: str) -> None:
    workspace.revision(2, f'{MORE}\nop.execute("INSERT INTO more SELECT 1 FROM pg_sleep(0.3)")')
    processes = [await workspace.process(url) for _ in range(2)]
    async with asyncio.timeout(DEADLINE_S):
        said = await asyncio.gather(*(process.communicate() for process in processes))
    assert [process.returncode for process in processes] == [0, 0], said
    assert [out for out, _ in said] == [b"thing at thing_0002\n"] * 2
    assert await fetch(url, "SELECT count(*) FROM more") == [(1,)]


async def test_a_revision_that_fails_leaves_the_one_before_it_and_says_which(workspace: Workspace, url: str) -> None:
    broken = workspace.revision(2, f'{MORE}\nop.execute("SELECT 1 / 0")')
    workspace.revision(3, 'op.create_table("never", sa.Column("id", sa.Integer))')
    with pytest.raises(AutionalError) as failed:
        await upgrade(workspace.root, SERVICE, url)
    assert failed.value.exit_code == ExitCode.SCHEMA_DRIFT
    assert "revision thing_0002 failed and was rolled back" in failed.value.message
    assert "division by zero" in failed.value.message
    assert failed.value.message.endswith("the database is at thing_0001")
    assert (await status(workspace.root, SERVICE, url)).revision == "thing_0001"
    assert await tables(url) == ["things"]
    broken.unlink()
    workspace.revision(2, MORE)
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0003"


async def test_the_supervisor_s_process_names_the_service_and_where_it_stands(workspace: Workspace, url: str) -> None:
    workspace.revision(2, 'op.execute("SELECT nothing")')
    process = await workspace.process(url)
    async with asyncio.timeout(DEADLINE_S):
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"migration of thing failed" in said
    assert b"the database is at thing_0001" in said


async def test_kill_9_in_the_middle_leaves_a_known_revision_and_frees_the_lock(workspace: Workspace, url: str) -> None:
    slow = workspace.revision(2, SLOW)
    process = await workspace.process(url)
    try:
        await until(url, SLEEPING, is_one)
        assert (await status(workspace.root, SERVICE, url)).revision == "thing_0001"  # committed, and known at any time
    finally:
        process.kill()
        await process.communicate()
    await until(url, SLEEPING, is_none)  # the server notices that nobody waits for the answer
    assert await tables(url) == ["things"]
    slow.unlink()
    workspace.revision(2, MORE)
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0002"


async def test_ctrl_c_says_where_the_service_stands(workspace: Workspace, url: str) -> None:
    workspace.revision(2, SLOW)
    program = """
import os, sys
from pathlib import Path
from autional_cli.errors import AutionalError
from autional_cli.migrations.apply import upgrade
from autional_cli.migrations.session import run_each
root = Path(sys.argv[1])
try:
    run_each(root, [("thing", os.environ["URL"])], lambda name, url: upgrade(root, name, url))
except AutionalError as failure:
    print(failure.message)
    sys.exit(int(failure.exit_code))
"""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(workspace.root),
        cwd=ROOT, env={**os.environ, "URL": url}, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    await until(url, SLEEPING, is_one)
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(DEADLINE_S):
        out, err = await process.communicate()
    assert process.returncode == ExitCode.INTERRUPTED, err
    assert out.strip() == b"interrupted; thing is at thing_0001"
    assert await tables(url) == ["things"]


async def test_a_revision_without_a_file_is_named(workspace: Workspace, url: str) -> None:
    await upgrade(workspace.root, SERVICE, url)
    await execute(url, "UPDATE alembic_version SET version_num = 'thing_0077'")
    with pytest.raises(AutionalError, match="thing_0077"):
        await upgrade(workspace.root, SERVICE, url)
