"""Revision files that cannot be: refused with file and line, by every way in, before anything is applied."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from autional_cli.drift import Target, compare_one
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.apply import downgrade, status, upgrade
from autional_cli.migrations.script import chain, heads, pending
from autional_cli.migrations.writing import write_merge, write_revision
from tests.drift.databases import Databases, execute, fetch
from tests.migrations.workspace import COLUMNS, SERVICE, Workspace, tables

BODY = '"""A."""\n\nrevision = "thing_0002"\ndown_revision = "thing_0001"\nbranch_labels = None\ndepends_on = None\n'
FUNCTIONS = "\n\ndef upgrade() -> None:\n    pass\n\n\ndef downgrade() -> None:\n    pass\n"
WHOLE = BODY + FUNCTIONS
# name → text of the second file, where it is wrong, what is said
BROKEN = {
    "dangling": (WHOLE.replace('"thing_0001"', '"nowhere"'), 4, "down_revision 'nowhere' is no revision of thing"),
    "dangling in a tuple": (WHOLE.replace('"thing_0001"', '("thing_0001", "x")'), 4, "down_revision 'x' is no"),
    "depends on nothing": (WHOLE.replace("on = None", 'on = "x"'), 6, "depends_on 'x' is no revision"),
    "duplicate id": (WHOLE.replace('"thing_0002"', '"thing_0001"'), 3, "0001_made.py is revision 'thing_0001' as well"),
    "itself": (WHOLE.replace('"thing_0001"', '"thing_0002"'), 4, "thing_0002 follows itself"),
    "does not import": (
        "import nothing_like_it\n" + WHOLE,
        1,
        "ModuleNotFoundError: No module named 'nothing_like_it'",
    ),
    "raises": (BODY + "\nx = 1 / 0\n" + FUNCTIONS, 8, "ZeroDivisionError"),
    "no syntax": (WHOLE.replace("pass", "pas s", 1), 10, "SyntaxError"),
    "not utf-8": ("# \xe4\n" + WHOLE, 1, "SyntaxError"),
    "no upgrade": (WHOLE.replace("upgrade", "upgrades", 1), 3, "there is no function upgrade()"),
    "no downgrade": (WHOLE.replace("downgrade", "upgrades", 1), 3, "there is no function downgrade()"),
    "no revision": (WHOLE.replace('revision = "thing_0002"', "", 1), 1, "it names no revision"),
    "empty": ("", 1, "there is no function upgrade()"),
}


@pytest.mark.parametrize("name", BROKEN)
async def test_a_broken_file_is_3_with_its_line_whoever_looks(
    workspace: Workspace, databases: Databases, url: str, name: str
) -> None:
    text, line, said = BROKEN[name]
    (workspace.folder / "0002_more.py").write_bytes(text.encode("latin-1"))
    ways = (
        upgrade(workspace.root, SERVICE, url),
        downgrade(workspace.root, SERVICE, url, "base"),
        status(workspace.root, SERVICE, url),
        write_revision(workspace.root, SERVICE, "more", databases.operator_url),
        compare_one(workspace.root, Target(SERVICE, "postgres", url)),
    )
    for way in ways:
        with pytest.raises(AutionalError) as failed:
            await way
        assert failed.value.exit_code == ExitCode.CONFIGURATION
        assert failed.value.message.startswith(f"migrations/thing/0002_more.py:{line}: ")
        assert said in failed.value.message
        assert failed.value.hint
    assert await tables(url) == []


def test_a_circle_is_told(workspace: Workspace) -> None:
    workspace.revision(2, "pass", previous=3)
    workspace.revision(3, "pass", previous=2)
    with pytest.raises(AutionalError, match=r"migrations/thing/0002_made.py:\d+: thing_0002 follows itself"):
        heads(workspace.root, SERVICE)


def test_two_files_with_one_label_are_refused_and_one_is_fine(workspace: Workspace) -> None:
    for number in (2, 3):
        path = workspace.revision(number, "pass")
        path.write_text(path.read_text().replace("branch_labels = None", 'branch_labels = ("odd",)'))
        if number == 2:
            assert heads(workspace.root, SERVICE) == ("thing_0002",)
    with pytest.raises(AutionalError, match=r"0003_made.py:\d+: 0002_made.py has the label 'odd' as well"):
        heads(workspace.root, SERVICE)


@pytest.mark.parametrize("name", ["0002 more-things.py", "0002_été.py", "import.py", os.fsdecode(b"0002_\xff.py")])
async def test_a_name_that_is_no_identifier_is_as_good(workspace: Workspace, url: str, name: str) -> None:
    workspace.revision(2, "pass").rename(Path(workspace.folder, name))
    (workspace.folder / ".#0002_made.py").symlink_to("nobody@nowhere.1")  # an editor's lock
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0002"


async def test_an_applied_revision_without_a_file_is_7_and_nothing_is_applied(workspace: Workspace, url: str) -> None:
    workspace.revision(2, "pass")
    await upgrade(workspace.root, SERVICE, url)
    (workspace.folder / "0002_made.py").unlink()
    workspace.revision(3, "pass", previous=1)
    with pytest.raises(AutionalError, match="no file for revision 'thing_0002'") as failed:
        await upgrade(workspace.root, SERVICE, url)
    assert failed.value.exit_code == ExitCode.SCHEMA_DRIFT


async def test_two_heads_are_refused_until_they_are_merged(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    workspace.revision(2, 'op.execute("CREATE TABLE a (id int)")', 'op.execute("DROP TABLE a")')
    workspace.revision(3, 'op.execute("CREATE TABLE b (id int)")', 'op.execute("DROP TABLE b")', previous=1)
    with pytest.raises(AutionalError, match="several heads: thing_0002, thing_0003") as failed:
        await upgrade(workspace.root, SERVICE, url)
    assert failed.value.exit_code == ExitCode.CONFIGURATION
    assert "autional migrate merge -s thing" in (failed.value.hint or "")
    assert await tables(url) == []
    written = write_merge(workspace.root, SERVICE)
    assert written is not None
    assert written.path.name == "0004_merge.py"
    assert heads(workspace.root, SERVICE) == ("thing_0004",)
    assert chain(workspace.root, SERVICE)[-1].previous == "thing_0002,thing_0003"
    assert write_merge(workspace.root, SERVICE) is None
    reached = await upgrade(workspace.root, SERVICE, url)
    assert (reached.revision, await tables(url)) == ("thing_0004", ["a", "b", "things"])


async def test_a_database_that_was_left_at_two_heads_goes_on_after_the_merge(workspace: Workspace, url: str) -> None:
    workspace.revision(2, "pass")
    await upgrade(workspace.root, SERVICE, url)
    workspace.revision(3, "pass", previous=1)
    await execute(url, "INSERT INTO alembic_version VALUES ('thing_0003')")
    write_merge(workspace.root, SERVICE)
    assert [one.id for one in pending(workspace.root, SERVICE, "thing_0002,thing_0003")] == ["thing_0004"]
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0004"


CONCURRENTLY = """
op.execute("ALTER TABLE things ADD note text")
with op.get_context().autocommit_block():
    op.execute("CREATE UNIQUE INDEX CONCURRENTLY ix_things_label ON things (label)")
"""


async def test_what_a_failed_revision_had_committed_is_told_with_what_takes_it_away(
    workspace: Workspace, url: str
) -> None:
    await upgrade(workspace.root, SERVICE, url)
    await execute(url, "INSERT INTO things VALUES (1, 'same'), (2, 'same')")
    workspace.revision(2, CONCURRENTLY)
    with pytest.raises(AutionalError) as failed:
        await upgrade(workspace.root, SERVICE, url)
    assert "rolled back" not in failed.value.message
    assert "invalid index things.ix_things_label" in failed.value.message
    assert "column things.note" in failed.value.message
    assert failed.value.message.endswith("the database is at thing_0001")
    command, _, then = (failed.value.hint or "").partition("; then ")
    assert then == "mend the revision, then: autional migrate up thing"
    start = "autional db shell thing --write -c "
    assert command.startswith(start)
    await execute(url, shlex.split(command.removeprefix(start))[0])
    assert await fetch(url, "SELECT count(*) FROM things") == [(2,)]
    query = "SELECT to_regclass('ix_things_label') IS NULL, (SELECT count(*) FROM pg_attribute WHERE attname = 'note')"
    assert await fetch(url, query) == [(True, 0)]
    workspace.revision(2, CONCURRENTLY.replace("UNIQUE ", ""))
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0002"


async def test_rows_that_a_failed_revision_had_committed_are_told(workspace: Workspace, url: str) -> None:
    workspace.revision(
        2,
        "op.execute(\"INSERT INTO things VALUES (1, 'x')\")\n"
        'with op.get_context().autocommit_block():\n    op.execute("SELECT 1")\nop.execute("SELECT 1 / 0")',
    )
    with pytest.raises(AutionalError, match="what it had committed before stays: rows, if it changed any"):
        await upgrade(workspace.root, SERVICE, url)
    assert await fetch(url, "SELECT label FROM things") == [("x",)]
    workspace.revision(2, 'op.execute("SELECT 1 / 0")')
    with pytest.raises(AutionalError, match="thing_0002 failed and was rolled back"):
        await upgrade(workspace.root, SERVICE, url)


MOODY = COLUMNS + '    mood: Mapped[str] = mapped_column(Enum("ok", "sad", name="mood"), server_default="ok")\n'


@pytest.mark.parametrize(
    ("changed", "files"),
    [
        (MOODY.replace('"sad"', '"sad", "glad"').replace('"ok")\n', '"glad")\n'), 2),
        (MOODY.replace('"sad"', '"sad", "glad"'), 1),
        (MOODY.replace('"sad"', '"sad", "glad"') + "    more: Mapped[int | None] = mapped_column(Integer)\n", 1),
    ],
    ids=["used as default", "not used", "beside something else"],
)
async def test_a_new_label_that_is_used_at_once_is_committed_first(
    workspace: Workspace, databases: Databases, url: str, changed: str, files: int
) -> None:
    workspace.models(MOODY)
    await write_revision(workspace.root, SERVICE, "mood", databases.operator_url)
    await upgrade(workspace.root, SERVICE, url)
    workspace.models(changed)
    written = await write_revision(workspace.root, SERVICE, "gladness", databases.operator_url)
    assert written is not None
    assert len(written.before) == files - 1
    assert len(list(workspace.folder.glob("*gladness*.py"))) == files
    assert (await upgrade(workspace.root, SERVICE, url)).current
    assert (await compare_one(workspace.root, Target(SERVICE, "postgres", url))).clean
