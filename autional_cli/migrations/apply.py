"""Bring a service's database to a revision, with alembic, in this process.

Each revision is a transaction, so whatever happens, the database stands at a revision and not between two.
"""

from __future__ import annotations

import asyncio
import shlex
import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.runtime.migration import MigrationContext
from sqlalchemy import event, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from autional_cli.drift.catalog import read
from autional_cli.drift.difference import compare
from autional_cli.errors import AutionalError, ExitCode
from autional_cli.migrations.script import (
    ALEMBIC,
    TURN_S,
    configuration,
    directory,
    importable,
    joined,
    pending,
    single_head,
)
from services.chassis.migration import LOCK_WAIT_S, TABLE_LOCK_S, lock_key

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sqlalchemy import Connection

    from autional_cli.drift.catalog import Snapshot

    Progress = Callable[[str], None]
    OnApply = Callable[..., None]

CONNECT_S = 5
_NOT_OBTAINED = "55P03"


@dataclass(frozen=True, slots=True)
class Status:
    """Where a service's schema stands. `revision` is empty before the first migration."""

    service: str
    revision: str
    head: str

    @property
    def current(self) -> bool:
        """Whether nothing is pending."""
        return self.revision == self.head


@dataclass(slots=True)
class Move:
    """One service on its way to `target`. `steps` collects id and milliseconds of what was applied or undone."""

    root: Path
    service: str
    target: str
    down: bool = False
    progress: Progress = lambda _line: None
    on_apply: OnApply | None = None
    steps: list[tuple[str, float]] = field(default_factory=list)
    _since: float = 0.0
    _before: Snapshot = field(default_factory=dict)
    _commits: int = 0

    def run(self, connection: Connection) -> Status:
        """Go there, under the service's advisory lock; AutionalError says where it stands if it fails."""
        key = lock_key(self.service)
        self._take_lock(connection, key)
        try:
            here = _status(connection, self.root, self.service)
            connection.commit()
            if not self.down:
                single_head(self.root, self.service)
                pending(self.root, self.service, here.revision)
            if self.down or not here.current:
                self._before = _snapshot(connection)
                self._go(connection)
            return _status(connection, self.root, self.service)
        except AutionalError:
            raise
        except Exception as failure:
            raise self._failed(connection, failure) from failure
        finally:
            with suppress(DBAPIError, OSError):  # a connection that is gone holds no lock
                connection.rollback()
                connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": key})
                connection.commit()

    def _take_lock(self, connection: Connection, key: int) -> None:
        settings = {
            "statement_timeout": "0",
            "idle_in_transaction_session_timeout": "0",
            "client_connection_check_interval": "1s",  # a migration whose process was killed ends soon
            "lock_timeout": f"{LOCK_WAIT_S}s",
        }
        try:
            for name, value in settings.items():
                connection.execute(text(f"SET {name} = '{value}'"))
            connection.commit()
            connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": key})
            connection.execute(text(f"SET lock_timeout = '{TABLE_LOCK_S}s'"))
            connection.commit()
        except DBAPIError as failure:
            if getattr(failure.orig, "sqlstate", "") != _NOT_OBTAINED:
                raise
            raise AutionalError(
                f"{self.service}: another migration has held the lock for {LOCK_WAIT_S} s",
                hint=f"autional migrate status {self.service}",
                exit_code=ExitCode.WAIT_TIMED_OUT,
            ) from failure

    def _go(self, connection: Connection) -> None:
        importable(self.root)
        config = configuration(self.root, self.service)
        config.attributes["connection"] = connection
        callbacks = [self._applied, *([self.on_apply] if self.on_apply else [])]
        config.attributes["options"] = {"on_version_apply": callbacks}
        self._since = time.perf_counter()
        event.listen(connection, "commit", self._committed)
        try:
            (command.downgrade if self.down else command.upgrade)(config, self.target)
        finally:
            event.remove(connection, "commit", self._committed)

    def _committed(self, _: Connection) -> None:
        self._commits += 1

    def _applied(self, *, ctx: Any, step: Any, **_: Any) -> None:
        revision = str(step.up_revision_id)
        elapsed_ms = (time.perf_counter() - self._since) * 1000
        self.steps.append((revision, elapsed_ms))
        self.progress(f"{self.service}: {'undone' if self.down else 'applied'} {revision} in {elapsed_ms:.0f} ms")
        self._before = _snapshot(ctx.connection, commit=False)
        self._commits = -1  # that of the revision itself is to come
        self._since = time.perf_counter()

    def _failed(self, connection: Connection, failure: Exception) -> AutionalError:
        """Say which revision failed, at which one the database stands, and what it had committed on its way."""
        left, undo = "", ""
        if not connection.invalidated:
            connection.rollback()
            at = _status(connection, self.root, self.service).revision or "no revision"
            left, undo = _left(self._before, _snapshot(connection))
        else:
            at = self.steps[-1][0] if self.steps else "the revision it was at"
        if self._commits > 0 and not left:
            left = "rows, if it changed any before its autocommit block"
        outcome = f", and what it had committed before stays: {left}" if left else " and was rolled back"
        clear = f"autional db shell {self.service} --write -c {shlex.quote(undo)}; then " if undo else ""
        why = _said(getattr(failure, "orig", None) or failure)
        return AutionalError(
            f"{self.service}: {self._failing(at)} failed{outcome}: {why}; the database is at {at}",
            hint=f"{clear}mend the revision, then: autional migrate up {self.service}",
            exit_code=ExitCode.SCHEMA_DRIFT,
        )

    def _failing(self, at: str) -> str:
        script = directory(self.root, self.service)
        if self.down:
            return f"undoing {at}"
        after = [
            step.revision for step in script.walk_revisions() if (joined(step.down_revision) or "no revision") == at
        ]
        return f"revision {after[0]}" if after else "the migration"


async def upgrade(root: Path, service: str, url: str, progress: Progress = lambda _line: None) -> Status:
    """Apply what is pending, under an advisory lock, so that two at once are safe; return where it stands then.

    Raises AutionalError (exit 7) that names the revision which failed and the one where the database stands.
    """
    return await run(Move(root, service, "heads", progress=progress), url)


async def downgrade(
    root: Path, service: str, url: str, target: str = "-1", progress: Progress = lambda _line: None
) -> Status:
    """Undo revisions down to `target` (a revision, `base`, or `-1` for one step); as `upgrade` otherwise."""
    return await run(Move(root, service, target, down=True, progress=progress), url)


async def status(root: Path, service: str, url: str) -> Status:
    """Return where the schema of a service stands; changes nothing."""
    return await connected(url, lambda connection: _status(connection, root, service))  # type: ignore[no-any-return]


async def run(move: Move, url: str) -> Status:
    """Run a move when it is this process's turn: Alembic knows one migration at a time."""
    async with asyncio.timeout(TURN_S):
        while not ALEMBIC.acquire(blocking=False):  # noqa: ASYNC110 - a thread holds it: nothing to await
            await asyncio.sleep(0.01)
    try:
        return await connected(url, move.run)  # type: ignore[no-any-return]
    finally:
        ALEMBIC.release()


async def connected(url: str, work: Callable[[Connection], Any]) -> Any:
    """Run `work` on a connection of its own and return its result. Raises OSError if there is no server."""
    engine = create_async_engine(url, poolclass=NullPool, connect_args={"timeout": CONNECT_S, "ssl": False})
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


def _status(connection: Connection, root: Path, service: str) -> Status:
    script_heads = directory(root, service).get_heads()
    current = MigrationContext.configure(connection).get_current_heads()
    return Status(service, ",".join(sorted(current)), ",".join(sorted(script_heads)))


def _left(before: Snapshot, after: Snapshot) -> tuple[str, str]:
    """Return what a failed revision left behind, as text, and the SQL that takes it away without losing a row."""
    made = [item for key, item in after.items() if before.get(key) != item]
    gone = [item for key, item in before.items() if key not in after]
    told = [f"{'invalid ' * (i.facts.get('state') == 'invalid')}{i.family} {i.object}" for i in made]
    told += [f"{item.family} {item.object} is gone" for item in gone]
    mends = [each.mend for each in compare(before, after, role="") if not each.mend.startswith("--")]
    return ", ".join(told), "; ".join(mends)


def _snapshot(connection: Connection, *, commit: bool = True) -> Snapshot:
    found = read(connection, "public")
    if commit:
        connection.commit()
    return found


def _said(failure: object) -> str:
    text_ = str(failure).split("\n")[0]
    return text_.replace("<class 'asyncpg.exceptions.", "").replace("'>", "", 1)
