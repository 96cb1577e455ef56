"""Apply pending revisions to a copy of the data, and say what they would do to the live database."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from autional_cli.drift import catalog
from autional_cli.errors import AutionalError
from autional_cli.migrations import locks
from autional_cli.migrations.apply import Move, connected, run, status
from autional_cli.migrations.queries import Broken, breaks, statements
from autional_cli.migrations.scratch import copied_database
from autional_cli.migrations.script import pending

if TYPE_CHECKING:
    from pathlib import Path

    from sqlalchemy import Connection

    from autional_cli.migrations.apply import Progress
    from autional_cli.migrations.locks import Lock, Table


@dataclass(frozen=True, slots=True)
class Step:
    """One revision on the copy: how long it took, and the locks it held at its end on tables that existed before.

    What a revision does outside its transaction (CREATE INDEX CONCURRENTLY) has released its locks by then.
    """

    revision: str
    elapsed_ms: float
    locks: tuple[Lock, ...] = ()


@dataclass(frozen=True, slots=True)
class Rehearsal:
    """What applying the pending revisions of one service would do. `failure` is why a revision did not apply."""

    service: str
    revision: str
    head: str
    bytes: int = 0
    copied_ms: float = 0.0
    steps: tuple[Step, ...] = ()
    broken: tuple[Broken, ...] = ()
    failure: str = ""

    @property
    def ok(self) -> bool:
        """Whether everything applied and the old code's statements certainly still run."""
        return not self.failure and not any(each.certain for each in self.broken)

    def to_json(self) -> dict[str, Any]:
        """Return it as plain data."""
        return {**asdict(self), "ok": self.ok}


@dataclass(slots=True)
class _Watch:
    """What is known of the tables before each step, and what each step has shown."""

    before: dict[int, Table] = field(default_factory=dict)
    steps: list[tuple[str, tuple[Lock, ...]]] = field(default_factory=list)

    def applied(self, *, ctx: Any, step: Any, **_: Any) -> None:
        """Called by Alembic inside the revision's transaction, at its end."""
        self.steps.append((str(step.up_revision_id), locks.held(ctx.connection, self.before)))
        self.before = locks.tables(ctx.connection)


async def rehearse(
    root: Path, service: str, url: str, operator_url: str, progress: Progress = lambda _line: None
) -> Rehearsal:
    """Rehearse the pending revisions of `service`; the copy is removed afterwards, and the live database only read.

    Raises AutionalError (exit 4) if the server cannot be reached, 7 if the database is at an unknown revision.
    """
    here = await status(root, service, url)
    if not pending(root, service, here.revision):
        return Rehearsal(service, here.revision, here.head)
    started = time.perf_counter()
    async with copied_database(operator_url, url) as copy:
        copied_ms = (time.perf_counter() - started) * 1000
        progress(f"{service}: copied in {copied_ms:.0f} ms")
        return await _rehearse(
            root, here.revision, here.head, Move(root, service, "heads", progress=progress), copy, copied_ms
        )


async def _rehearse(root: Path, revision: str, head: str, move: Move, copy: str, copied_ms: float) -> Rehearsal:
    watch = _Watch(before=await connected(copy, locks.tables))
    before = await connected(copy, _read)
    move.on_apply = watch.applied
    failure = ""
    size = sum(table.bytes for table in watch.before.values())
    try:
        await run(move, copy)
    except AutionalError as stopped:
        failure = stopped.message
    after = await connected(copy, _read)
    times = dict(move.steps)
    return Rehearsal(
        service=move.service,
        revision=revision,
        head=head,
        bytes=size,
        copied_ms=round(copied_ms, 1),
        steps=tuple(Step(name, round(times[name], 1), found) for name, found in watch.steps),
        broken=(*await _refused(before, copy), *breaks(before, after)),
        failure=failure,
    )


async def _refused(before: catalog.Snapshot, url: str) -> list[Broken]:
    """Prepare every statement of the old schema on the copy; return those that the server refuses, with its words."""
    import asyncpg

    found = []
    connection = await asyncpg.connect(url.replace("+asyncpg", ""), timeout=5, ssl=False)
    try:
        for table, statement in statements(before):
            try:
                await connection.prepare(statement)
            except asyncpg.PostgresError as refusal:
                found.append(Broken(table, statement, str(refusal)))
    finally:
        await connection.close(timeout=5)
    return found


def _read(connection: Connection) -> catalog.Snapshot:
    return catalog.read(connection, "public")
