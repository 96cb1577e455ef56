"""A workspace with one service and revisions that tests write."""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.drift.databases import ROOT, fetch
from tests.guard import guarded
from tests.resources.running import CALL

SERVICE = "thing"
FIRST = """
    op.create_table(
        "things",
        sa.Column("id", sa.Integer, autoincrement=False, nullable=False),
        sa.Column("label", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_things"),
    )
"""
COLUMNS = """
    id: Mapped[int] = mapped_column(Integer, primary_key=True, autoincrement=False)
    label: Mapped[str] = mapped_column(Text)
"""
MODELS = '''
"""The tables of thing."""

from __future__ import annotations

from sqlalchemy import CheckConstraint, Enum, ForeignKey, Index, Integer, MetaData, String, Text, text
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from services.chassis.models import NAMING


class Base(DeclarativeBase):
    metadata = MetaData(naming_convention=NAMING)


class Thing(Base):
    __tablename__ = "things"
'''


@dataclass(slots=True)
class Workspace:
    """A folder with `migrations/` and `services/`."""

    root: Path

    @classmethod
    def create(cls, root: Path) -> Workspace:
        """Return a workspace whose models and first revision agree."""
        made = cls(root)
        made.folder.mkdir(parents=True)
        shutil.copy(ROOT / "migrations" / "env.py", root / "migrations" / "env.py")
        made.revision(1, FIRST, 'op.drop_table("things")')
        made.models()
        return made

    @property
    def folder(self) -> Path:
        """Where the revisions are."""
        return self.root / "migrations" / SERVICE

    def revision(self, number: int, up: str, down: str = "pass", *, previous: int | None = None) -> Path:
        """Write a revision that follows the one before it."""
        before = number - 1 if previous is None else previous
        text = [
            f'"""Revision {number}."""',
            "import sqlalchemy as sa",
            "from alembic import op",
            f'revision = "{SERVICE}_{number:04}"',
            f'down_revision = "{SERVICE}_{before:04}"' if before else "down_revision = None",
            "branch_labels = None",
            "depends_on = None",
        ]
        for name, body in (("upgrade", up), ("downgrade", down)):
            text += ["", "", f"def {name}() -> None:", textwrap.indent(textwrap.dedent(body).strip(), "    ")]
        path = self.folder / f"{number:04}_made.py"
        path.write_text("\n".join(text) + "\n")
        return path

    def models(self, columns: str = COLUMNS, rest: str = "") -> None:
        """Write the models."""
        path = self.root / "services" / SERVICE / "models.py"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODELS.lstrip() + columns + rest)

    async def process(self, url: str) -> asyncio.subprocess.Process:
        """Start the migration process of the supervisor on this workspace."""
        targets = json.dumps([{"service": SERVICE, "url": url}])
        environment = {**os.environ, "AUTIONAL_MIGRATIONS": targets, "AUTIONAL_WORKSPACE": str(self.root)}
        words, keep = guarded([sys.executable, "-c", CALL, "autional_cli.migrations.runner:main"])
        return await asyncio.create_subprocess_exec(
            *words, cwd=ROOT, env=environment, pass_fds=keep,
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip


async def until(
    url: str, query: str, wanted: Callable[[Sequence[tuple[object, ...]]], bool], deadline_s: float = 15
) -> None:
    """Wait until the rows of a query are as wanted; another process makes them so."""
    async with asyncio.timeout(deadline_s):
        while not wanted(await fetch(url, query)):  # noqa: ASYNC110 - nothing in this process changes
            await asyncio.sleep(0.02)


async def tables(url: str) -> list[str]:
    """Return the tables of a database, Alembic's own left out."""
    query = "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'alembic_version' ORDER BY 1"
    return [str(name) for (name,) in await fetch(url, query)]
