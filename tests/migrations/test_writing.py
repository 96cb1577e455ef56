"""`migrate new`: a file that a person would have written, that applies, and after which there is no drift."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from autional_cli.drift import Target, compare_one
from autional_cli.errors import AutionalError
from autional_cli.migrations.apply import downgrade, upgrade
from autional_cli.migrations.roundtrip import up_down_up
from autional_cli.migrations.writing import Written, write_revision
from tests.drift.databases import ROOT, Databases
from tests.migrations.workspace import COLUMNS, SERVICE, Workspace

RICHER = """
    __table_args__ = (
        CheckConstraint("size > 0", name="size"),
        Index("ix_things_open", "size", postgresql_where=text("label <> 'done'")),
    )

    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(String(50), server_default="a:b")
    size: Mapped[int] = mapped_column(Integer)
    mood: Mapped[str] = mapped_column(Enum("ok", "sad", name="mood"))


class Part(Base):
    __tablename__ = "parts"

    id: Mapped[int] = mapped_column(Integer, primary_key=True)
    thing_id: Mapped[int] = mapped_column(ForeignKey("things.id", ondelete="CASCADE"), index=True)
"""


async def new(workspace: Workspace, databases: Databases, message: str = "richer things") -> Written | None:
    return await write_revision(workspace.root, SERVICE, message, databases.operator_url)


def ruff(path: Path) -> str:
    argv = [str(Path(sys.executable).with_name("ruff")), "check", "--output-format", "concise", str(path)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, check=False).stdout


async def test_nothing_new_writes_nothing(workspace: Workspace, databases: Databases) -> None:
    before = sorted(workspace.folder.glob("*.py"))
    assert await new(workspace, databases) is None
    assert sorted(workspace.folder.glob("*.py")) == before


async def test_the_file_applies_leaves_no_drift_and_can_be_undone(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    workspace.models(RICHER)
    written = await new(workspace, databases)
    assert written is not None
    assert written.path == workspace.folder / "0002_richer_things.py"
    text = written.path.read_text()
    assert text.startswith('"""Richer things."""\n\nimport sqlalchemy as sa\nfrom alembic import op\n')
    assert 'revision = "thing_0002"\ndown_revision = "thing_0001"\n' in text
    assert "All checks passed!" in ruff(written.path)
    assert (await upgrade(workspace.root, SERVICE, url)).revision == "thing_0002"
    assert (await compare_one(workspace.root, Target(SERVICE, "postgres", url))).differences == ()
    await downgrade(workspace.root, SERVICE, url)
    await upgrade(workspace.root, SERVICE, url)
    assert await up_down_up(workspace.root, SERVICE, databases.operator_url) == []
    assert await new(workspace, databases) is None


async def test_what_alembic_does_not_compare_is_written_too(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    workspace.models(RICHER)
    await new(workspace, databases)
    changed = (
        RICHER.replace("size > 0", "size > 1").replace("<> 'done'", "<> 'over'").replace('"sad",', '"sad", "glad",')
    )
    workspace.models(changed)
    written = await new(workspace, databases, "stricter")
    assert written is not None
    assert "ck_things_size" in written.path.read_text()
    assert "ADD VALUE 'glad'" in written.path.read_text()
    await upgrade(workspace.root, SERVICE, url)
    assert (await compare_one(workspace.root, Target(SERVICE, "postgres", url))).differences == ()


async def test_hints_say_what_to_review_and_stand_in_the_file(workspace: Workspace, databases: Databases) -> None:
    renamed = COLUMNS.replace("label:", "title:") + "    size: Mapped[int] = mapped_column(Integer, index=True)\n"
    workspace.models(renamed)
    written = await new(workspace, databases)
    assert written is not None
    hints = "\n".join(written.hints)
    assert "is label renamed to title?" in hints
    assert "things.size: NOT NULL without a default fails on a table with rows" in hints
    assert "postgresql_concurrently=True" in hints
    assert "things.label: its data is lost" in hints
    assert written.path.read_text().count("# review: ") == len(written.hints)
    workspace.models(COLUMNS.replace("Mapped[str] = mapped_column(Text)", "Mapped[int] = mapped_column(Integer)"))
    written.path.unlink()
    again = await new(workspace, databases)
    assert again is not None
    assert any("rewrites the table" in hint for hint in again.hints)


async def test_a_message_without_a_word_and_two_heads_are_refused(workspace: Workspace, databases: Databases) -> None:
    with pytest.raises(AutionalError, match="needs a word"):
        await new(workspace, databases, "…")
    workspace.revision(2, "pass")
    workspace.revision(3, "pass", previous=1)
    with pytest.raises(AutionalError, match="several heads: thing_0002, thing_0003"):
        await new(workspace, databases)


async def test_the_first_revision_of_a_service_can_be_written_too(
    workspace: Workspace, databases: Databases, url: str
) -> None:
    shutil.rmtree(workspace.folder)
    written = await new(workspace, databases, "Things.")
    assert written is not None
    assert written.path.name == "0001_things.py"
    assert "down_revision = None" in written.path.read_text()
    await upgrade(workspace.root, SERVICE, url)
    assert (await compare_one(workspace.root, Target(SERVICE, "postgres", url))).differences == ()
